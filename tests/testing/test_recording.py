"""The reading of a recording, and what is said of a file that is none."""

from pathlib import Path

import pytest

from meshapi_aio.testing import FakeGateway, recorded
from meshapi_aio.testing._recording import read_recording


FIRST = '{"recording":1,"of":"https://api.meshapi.ai","begun":"2026-11-25T12:00:00+00:00"}'
REQUEST = '{"request":1,"method":"GET","path":"/"}'
ANSWER = '{"answer":1,"at":0.5,"status":200,"headers":{"X-One":"1"}}'
PIECE = '{"piece":1,"at":1,"text":"é"}'
END = '{"end":1,"at":2,"how":"complete"}'


def file_of(tmp_path: Path, *lines: str) -> Path:
    """Write a recording."""
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_recording_is_read(tmp_path: Path) -> None:
    """Whole, the last line with or without its end, and a first line alone."""
    path = file_of(tmp_path, FIRST, REQUEST, ANSWER, PIECE, '{"piece":1,"at":1.5,"base64":"/w=="}', END)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    (exchange,) = read_recording(str(path))
    assert (exchange.line, exchange.asked) == (2, {"method": "GET", "path": "/"})
    assert (exchange.status, exchange.headers, exchange.answered_at) == (200, {"X-One": "1"}, 0.5)
    assert exchange.pieces == [(1.0, "é".encode()), (1.5, b"\xff")]
    assert (exchange.how, exchange.ended_at) == ("complete", 2.0)
    assert read_recording(file_of(tmp_path, FIRST)) == []


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], r"line 1: a recording has a first line that says so; this file is empty"),
        (["{}"], r'line 1: no recording of this version: a first line has "recording":1'),
        (['{"recording":2}'], r"line 1: no recording of this version"),
        (
            [FIRST, REQUEST, ANSWER[:30]],
            r"line 3: no JSON \(Expecting value: line 1 .*was the file torn here",
        ),
        ([FIRST, "[1]"], r"line 2: no JSON object"),
        ([FIRST, "[" * 100_000], r"line 2: no JSON \("),
        ([FIRST, "{}"], r'line 2: no kind of line; there are "request", "answer", "piece" and "end"'),
        (
            [FIRST, REQUEST],
            r"line 2: request 1, which begins here, has no end; .* torn after line 2, or is st",
        ),
        ([FIRST, REQUEST, ANSWER, PIECE], r"line 2: request 1, .* torn after line 4"),
        ([FIRST, REQUEST, REQUEST], r"line 3: request 1 is there already, in line 2"),
        ([FIRST, '{"request":true}'], r'line 2: "request" must be of the type int, not True'),
        ([FIRST, '{"request":1,"path":"/"}'], r'line 2: "method" must be of the type str, not None'),
        ([FIRST, '{"request":1,"method":"GET"}'], r'line 2: "path" must be of the type str'),
        ([FIRST, ANSWER], r"line 2: request 1 has not begun"),
        ([FIRST, REQUEST, ANSWER, END, PIECE], r"line 5: request 1 has ended before"),
        ([FIRST, REQUEST, PIECE], r"line 3: a piece of request 1 before its answer"),
        ([FIRST, REQUEST, END], r"line 3: request 1 is complete without an answer"),
        ([FIRST, REQUEST, '{"end":1,"how":"complete"}'], r'line 3: "at" must be of the type int or float'),
        ([FIRST, REQUEST, '{"end":1,"at":-1,"how":"complete"}'], r'line 3: "at" is no number of seconds: -1'),
        ([FIRST, REQUEST, '{"end":1,"at":NaN,"how":"complete"}'], r'line 3: "at" is no number of seconds'),
        (
            [FIRST, REQUEST, '{"end":1,"at":1,"how":"well"}'],
            r"line 3: \"how\" is 'well'; it may be one of compl",
        ),
        ([FIRST, REQUEST, '{"answer":1,"at":1,"status":"200"}'], r'line 3: "status" must be of the type int'),
        ([FIRST, REQUEST, '{"answer":1,"at":1,"status":200}'], r'line 3: "headers" must be of the type dict'),
        (
            [FIRST, REQUEST, '{"answer":1,"at":1,"status":200,"headers":{"a":1}}'],
            r'line 3: "a" must be of the type str, not 1',
        ),
        ([FIRST, REQUEST, ANSWER, '{"piece":1,"at":1}'], r'line 4: "base64" must be of the type str'),
        ([FIRST, REQUEST, ANSWER, '{"piece":1,"at":1,"base64":"ä"}'], r"line 4: no base64"),
        ([FIRST, REQUEST, ANSWER, '{"piece":1,"at":1,"text":5}'], r'line 4: "text" must be of the type str'),
        (
            [FIRST, REQUEST, ANSWER.replace('"1"', '"a\\nb"'), END],
            r"line 2: the header 'X-One' of an Answer has a control character",
        ),
    ],
)
def test_a_file_that_is_no_recording(tmp_path: Path, lines: list[str], complaint: str) -> None:
    """The error names the file, the line, and what is wrong with it; nothing is served of it."""
    path = file_of(tmp_path, *lines)
    with pytest.raises(ValueError, match=f"{path}, {complaint}"):
        recorded(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is missed before the gateway is started."""
    with pytest.raises(FileNotFoundError):
        FakeGateway.replay(tmp_path / "nowhere.jsonl")
