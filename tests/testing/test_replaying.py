"""Recordings as scripts: which request gets which answer, and what is said of one that gets none."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from meshapi_aio.testing import HANG, OWN, Answer, Expect, FakeGateway, Pause, Recorder, Script, recorded

from .wire import CHAT, asking, chat, client, connected, exchange, request_bytes


def body_of(text: str) -> Answer:
    """Return a plain answer that can be told from others."""
    return Answer(body={"said": text})


async def record(path: Path, *answers: Answer, ask: Any) -> None:
    """Record what ``ask`` does with a client of a gateway that answers so."""
    async with (
        FakeGateway(script=Script(*answers)) as gateway,
        Recorder(gateway.base_url, path) as recorder,
        client(recorder) as session,
    ):
        await ask(session)


async def post(session: aiohttp.ClientSession, text: str = "hi", **fields: Any) -> Any:
    """Return what is answered to a chat request."""
    async with session.post(CHAT, json=asking(text, **fields)) as response:
        return await response.json()


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """Record three answers, two of them to the same question."""

    async def ask(session: aiohttp.ClientSession) -> None:
        for text in ("hi", "other", "hi"):
            await post(session, text)

    path = tmp_path / "answers.jsonl"
    await record(path, body_of("first"), body_of("other"), body_of("second"), ask=ask)
    return path


async def test_equal_requests_in_turn(path: Path) -> None:
    """Each gets the answer that its turn got, in whatever order the others come; no key is asked for."""
    async with FakeGateway.replay(path) as gateway, aiohttp.ClientSession(gateway.base_url) as session:
        said = [(await post(session, text))["said"] for text in ("other", "hi", "hi")]
    assert said == ["other", "first", "second"]


async def test_what_makes_requests_equal(tmp_path: Path) -> None:
    """JSON by its meaning, multipart whatever its boundary, other bodies to the byte; no header counts."""
    path = tmp_path / "answers.jsonl"

    def form(boundary: str) -> aiohttp.MultipartWriter:
        writer = aiohttp.MultipartWriter("form-data", boundary)
        writer.append(b"\xff the file")
        return writer

    async def ask(session: aiohttp.ClientSession) -> None:
        for data in (b'{"a": 1, "b": [true]}', b"some text", form("one"), b""):
            async with session.post("/v1/things?a=1&b=2", data=data):
                pass

    await record(path, *map(body_of, "abcd"), ask=ask)
    async with FakeGateway.replay(path) as gateway, client(gateway) as session:
        headers = {"X-Other": "1"}
        for data in (b'{"b":[true],"a":1.0}', b"some text", form("another"), b""):
            async with session.post("/v1/things?b=2&a=1", data=data, headers=headers) as response:
                assert response.status == 200


@pytest.mark.parametrize(
    ("method", "target", "body", "differences"),
    [
        (
            "POST",
            CHAT,
            json.dumps(asking("hi", stream=True)).encode(),
            "\n  stream: not recorded, received true",
        ),
        (
            "POST",
            CHAT,
            json.dumps(asking("hi!")).encode(),
            '\n  messages.0.content: recorded "hi", received "hi!"',
        ),
        ("POST", CHAT + "?a=1", json.dumps(asking("hi")).encode(), '\n  ?a: not recorded, received "1"'),
        ("POST", CHAT, b"text", '\n  the body: recorded {"model": "maker/model", "mess'),
        (
            "PUT",
            CHAT,
            json.dumps(asking("hi")).encode(),
            '\n  method: recorded "POST", received "PUT"',
        ),
        (
            "POST",
            "/v1/other",
            json.dumps(asking("hi")).encode(),
            f'\n  path: recorded "{CHAT}", received "/v1/other"',
        ),
    ],
)
async def test_a_request_that_was_not_recorded(
    path: Path, method: str, target: str, body: bytes, differences: str
) -> None:
    """It gets a 400 which no client tries again, and the test the differences from the nearest one."""
    async with FakeGateway.replay(path) as gateway:
        answer, _ = await exchange(gateway, request_bytes(method, target, body, "Connection: close\r\n"))
        with pytest.raises(AssertionError) as caught:
            gateway.check()
    assert answer.startswith(b"HTTP/1.1 400 ")
    told = str(caught.value)
    assert f"meets no entry that is left; nearest is entry 1, POST {CHAT} (line 2 of {path}):" in told
    assert differences in told


async def test_what_was_recorded_and_does_not_come(path: Path) -> None:
    """It is told, with where it stands in the recording."""
    with pytest.raises(AssertionError) as caught:
        async with FakeGateway.replay(path) as gateway, client(gateway) as session:
            await post(session)
            await post(session)
    assert "the script was not used up; left is\n  entry 2, POST " in str(caught.value)
    assert f"(line 6 of {path})" in str(caught.value)


async def test_without_strictness(path: Path) -> None:
    """What was recorded may come more often, the last answer again, or not; the rest is the gateway's own."""
    async with FakeGateway.replay(path, strict=False) as gateway:
        said = [(await chat(gateway))[2]["said"] for _ in range(4)]
        assert said == ["first", "second", "second", "second"]
        status, _, completion = await chat(gateway, "never recorded")
        assert (status, completion["object"]) == (200, "chat.completion")


@pytest.mark.parametrize("places", [["messages.0.content"], ["messages.*.content", "?day"], ["*"]])
async def test_places_that_are_ignored(path: Path, places: list[str]) -> None:
    """What differs there is all one: a prompt that holds a date, say."""
    async with FakeGateway(script=recorded(path, strict=False, ignore=places)) as gateway:
        assert (await chat(gateway, "today"))[2] == {"said": "first"}


async def test_one_place_is_no_list_of_places(path: Path) -> None:
    """The usual slip, which would otherwise ignore places of one letter."""
    with pytest.raises(TypeError, match="not the text 'messages"):
        recorded(path, ignore="messages.*.content")


async def test_the_pauses_that_there_were(tmp_path: Path) -> None:
    """Where they are asked for: before the answer, between its pieces, before its end; else none."""
    path = tmp_path / "answers.jsonl"
    path.write_text(
        '{"recording":1}\n'
        '{"request":1,"method":"GET","path":"/"}\n'
        '{"answer":1,"at":0.5,"status":200,"headers":{}}\n'
        '{"piece":1,"at":0.75,"text":"a"}\n'
        '{"request":2,"method":"GET","path":"/2"}\n'
        '{"piece":1,"at":1.75,"text":"b"}\n'
        '{"end":1,"at":2,"how":"complete"}\n'
        '{"end":2,"at":3,"how":"cut by the client"}\n'
    )
    first, second = (expected.answer for expected in recorded(path, paced=True).entries)
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert first.before == (Pause(0.5),)
    assert first.events == (Pause(0.25), b"a", Pause(1.0), b"b", Pause(0.25))
    assert second.before == (Pause(3.0), HANG)
    first, second = (expected.answer for expected in recorded(path).entries)
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (first.before, first.events, second.before) == ((), (b"a", b"b"), (HANG,))


async def test_an_answer_is_the_recorded_one_alone(tmp_path: Path) -> None:
    """Nothing that this gateway adds by itself is in it; a length is that of the body as it was written."""
    path = tmp_path / "answers.jsonl"
    path.write_text(
        '{"recording":1}\n'
        '{"request":1,"method":"GET","path":"/"}\n'
        '{"answer":1,"at":0,"status":203,"headers":{"content-length":"99","x-REQUEST-id":"theirs"}}\n'
        '{"piece":1,"at":0,"text":"[redacted]"}\n'
        '{"end":1,"at":0,"how":"complete"}\n'
        '{"request":2,"method":"HEAD","path":"/"}\n'
        '{"answer":2,"at":0,"status":200,"headers":{"Content-Length":"99"}}\n'
        '{"end":2,"at":0,"how":"complete"}\n'
    )
    async with FakeGateway.replay(path) as gateway, client(gateway) as session:
        async with session.get("/") as response:
            assert (response.status, await response.text()) == (203, "[redacted]")
            assert response.headers.getall("X-Request-Id") == ["theirs"]
            assert response.headers.getall("Content-Length") == ["10"]
            assert {"X-Mesh-Version", "Cache-Control"} & set(response.headers) == set()
        async with session.head("/") as response:
            assert response.headers["Content-Length"] == "99"


async def test_a_recording_among_other_entries(path: Path) -> None:
    """It is a script like any other: it can follow one, and be followed."""
    async with FakeGateway(script=Script(Expect(model="maker/model", answer=OWN))) as gateway:
        gateway.follow(recorded(path))
        assert (await chat(gateway))[2]["object"] == "chat.completion"
        for text in ("hi", "other", "hi"):
            await chat(gateway, text)
        gateway.check()


async def test_where_it_listens(path: Path) -> None:
    """A replaying gateway takes an address and a key, as any other."""
    async with FakeGateway.replay(path, strict=False, host="::1", token="rsk_mine") as gateway:
        assert gateway.base_url.startswith("http://[::1]:")
        assert gateway.token == "rsk_mine"
        async with connected(gateway):
            pass
