"""Files of requests."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio import CreateChatCompletion, RawCall, RawStreamCall, StreamChatCompletion
from meshapi_aio.endpoints.embeddings import CreateEmbeddings
from meshapi_aio.endpoints.models import GetModel
from meshapi_aio.endpoints.responses import CreateResponse
from meshapi_aio.fanout import FileError, Row, read_rows


BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
CHAT = CreateChatCompletion(model="m", messages=[{"role": "user", "content": "Hi"}])


def rows(path: Path, *lines: Any, **options: Any) -> list[Row]:
    """Return the rows of a file of these lines."""
    file = path / "requests.jsonl"
    file.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return list(read_rows(file, **options))


def test_the_format_of_batches(tmp_path: Path) -> None:
    """A line names its request, and says method, URL and body."""
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": BODY}
    assert rows(tmp_path, line) == [Row(custom_id="a", call=CHAT, line=1)]


@pytest.mark.parametrize(
    ("line", "call"),
    [
        (BODY, CHAT),
        ({"body": BODY}, CHAT),
        (
            {**BODY, "stream": True},
            StreamChatCompletion(model="m", messages=[{"role": "user", "content": "Hi"}]),
        ),
        ({**BODY, "new_field": 1}, CreateChatCompletion(**BODY, extra_body={"new_field": 1})),
        ({"model": "m", "input": "Hi"}, CreateResponse(model="m", input="Hi")),
        (
            {"url": "/v1/embeddings", "body": {"model": "m", "input": "red"}},
            CreateEmbeddings(model="m", input="red"),
        ),
        ({"method": "GET", "url": "/v1/models/openai/gpt"}, GetModel(id="openai/gpt")),
        ({"url": "/v1/new", "body": {"a": 1}}, RawCall("POST", "/v1/new", body={"a": 1})),
        (
            {"url": "/v1/new", "body": {"stream": True}},
            RawStreamCall("POST", "/v1/new", body={"stream": True}),
        ),
    ],
)
def test_what_a_line_asks_for(tmp_path: Path, line: dict[str, Any], call: object) -> None:
    """Bodies alone, streams, other families, keys and URLs that the client does not know."""
    (row,) = rows(tmp_path, line)
    assert row.call == call
    assert type(row.call) is type(call)


def test_names_of_bodies_stay_when_lines_move(tmp_path: Path) -> None:
    """A line without a name gets one of what it says; equal ones are counted."""
    other = {**BODY, "model": "n"}
    forth = [row.custom_id for row in rows(tmp_path, BODY, other, BODY)]
    back = [row.custom_id for row in rows(tmp_path, other, BODY, BODY)]
    assert sorted(forth) == sorted(back)
    assert forth[2] == f"{forth[0]}-2"
    assert forth[0].startswith("row-")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_names_that_are_made_are_nobody_elses(tmp_path: Path, place: int) -> None:
    """A line that has such a name as its own keeps it, and equal lines without one go on behind it."""
    (first,) = rows(tmp_path, BODY)
    lines: list[Any] = [BODY, BODY]
    lines.insert(place, {"custom_id": f"{first.custom_id}-2", "body": BODY})
    if place == 2:
        with pytest.raises(FileError, match=r":3: the custom_id .*-2' is that of an earlier line"):
            rows(tmp_path, *lines)
        return
    made = [row.custom_id for row in rows(tmp_path, *lines)]
    assert sorted(made) == [first.custom_id, f"{first.custom_id}-2", f"{first.custom_id}-3"]
    assert made[place] == f"{first.custom_id}-2"


def test_a_model_that_is_named_twice_is_asked_once(tmp_path: Path) -> None:
    """Else two rows would have one name."""
    assert [row.custom_id for row in rows(tmp_path, {"custom_id": "a", "body": BODY}, models=["x", "x"])] == [
        "a@x"
    ]


@pytest.mark.parametrize(
    ("options", "told"), [({"models": "ab"}, r"write \['ab'\]"), ({"repeat": 0}, "at least 1, got 0")]
)
def test_settings_that_cannot_be_right(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    """Text is not taken for a list of its letters, and no row at all is nobody's wish."""
    with pytest.raises((TypeError, ValueError), match=told):
        rows(tmp_path, BODY, **options)


def test_models_and_repetitions_multiply_rows(tmp_path: Path) -> None:
    """Each row is made for each model and so many times, and each has its own name."""
    made = rows(tmp_path, {"custom_id": "a", "body": BODY}, models=["x", "y"], repeat=2)
    assert [(row.custom_id, getattr(row.call, "model", None), row.repeat) for row in made] == [
        ("a@x#0", "x", 0), ("a@x#1", "x", 1), ("a@y#0", "y", 0), ("a@y#1", "y", 1),
    ]  # fmt: skip


def test_blank_lines_count_as_lines_only(tmp_path: Path) -> None:
    """Blank lines are passed over, and lines keep their numbers."""
    assert [row.line for row in rows(tmp_path, BODY, "", "  ", {**BODY, "model": "n"})] == [1, 4]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "JSON|Expecting|line 1"),
        ("[1]", "must be a JSON object"),
        ({"model": "m"}, 'has neither "body" nor "messages" nor "input"'),
        ({"custom_id": 7, "body": BODY}, "custom_id.*must be text, got 7"),
        ({"custom_id": "", "body": BODY}, "custom_id.*must be text, got ''"),
        ({"body": [1]}, "body.*must be a JSON object"),
        ({"url": "v1/chat", "body": BODY}, "must be text such as"),
        ({"method": 1, "body": BODY}, "must be text such as"),
        ({"body": {**BODY, "temperature": 9}}, "temperature must be from 0 to 2, got 9"),
        ({"body": {**BODY, "messages": "Hi"}}, "messages"),
        ({"body": {**BODY, "stream": "true"}}, "stream.*must be true or false, got 'true'"),
        ({"method": "GET", "url": "/v1/models/free", "body": {"what": 1}}, "takes no 'what'"),
    ],
)
def test_a_line_that_cannot_be_used_is_told(tmp_path: Path, line: Any, told: str) -> None:
    """The message names file and line, and says what is wrong."""
    with pytest.raises(FileError, match=rf"requests\.jsonl:2: .*({told})"):
        rows(tmp_path, BODY, line)


def test_a_name_is_used_once(tmp_path: Path) -> None:
    """A name that an earlier line has is a mistake: results could not be told apart."""
    line = {"custom_id": "a", "body": BODY}
    with pytest.raises(FileError, match="custom_id 'a' is that of an earlier line"):
        rows(tmp_path, line, line)


def test_a_file_is_read_as_rows_are_wanted(tmp_path: Path) -> None:
    """What is wrong in a later line is told when it is reached."""
    file = tmp_path / "requests.jsonl"
    file.write_text(json.dumps(BODY) + "\n{\n")
    reading = read_rows(file)
    assert next(reading).line == 1
    with pytest.raises(FileError):
        next(reading)
