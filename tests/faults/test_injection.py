"""Nothing that a user hands in becomes a header or a request of its own: it is refused, or stays a value."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio import CreateChatCompletion, MeshAPI, Message, StreamChatCompletion
from meshapi_aio._wire import prepare
from meshapi_aio.settings import Settings

from .server import Connection, FaultServer
from .wire import COMPLETION, reply


TOKEN = "rsk_secret"
MESSAGES = [{"role": "user", "content": "Hi"}]
NASTY = {
    "CR LF": "a\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
    "LF": "a\nX-Evil: 1",
    "CR": "a\rX-Evil: 1",
    "NUL": "a\0X-Evil: 1",
    "DEL": "a\x7fX-Evil: 1",
    "NEL": "a\x85X-Evil: 1",
    "line separator": "a\u2028X-Evil: 1",
    "beyond Latin": "a日X-Evil: 1",
    "what Latin cuts down to CR LF": "a\u010d\u010aX-Evil: 1",
    "half a character": "a\ud83dX-Evil: 1",
    "end": "a\n",
    "beginning": "\r\na",
}
"""Each as a part of a value, where a header, a URL or a body could break."""


def chat(**fields: Any) -> CreateChatCompletion:
    """Make a call with a field more."""
    arguments: dict[str, Any] = {"messages": MESSAGES, **fields}
    return CreateChatCompletion(**arguments)


# A client, what sends for it, and what is sent.
Place = Callable[[str, str], tuple[MeshAPI, MeshAPI, CreateChatCompletion]]


def in_client(**options: Callable[[str, str], Any]) -> Place:
    """Return what puts a text into a setting of the client."""

    def place(url: str, text: str) -> tuple[MeshAPI, MeshAPI, CreateChatCompletion]:
        made = {name: make(url, text) for name, make in options.items()}
        arguments: dict[str, Any] = {"base_url": url, "token": TOKEN, **made}
        client = MeshAPI(**arguments)
        return client, client, chat()

    return place


def in_options(**options: Callable[[str], Any]) -> Place:
    """Return what puts a text into an option."""

    def place(url: str, text: str) -> tuple[MeshAPI, MeshAPI, CreateChatCompletion]:
        client = MeshAPI(url, TOKEN)
        made: Any = {name: make(text) for name, make in options.items()}
        return client, client.with_options(**made), chat()

    return place


def in_call(**fields: Callable[[str], Any]) -> Place:
    """Return what puts a text into a field of a call."""

    def place(url: str, text: str) -> tuple[MeshAPI, MeshAPI, CreateChatCompletion]:
        client = MeshAPI(url, TOKEN)
        return client, client, chat(**{name: make(text) for name, make in fields.items()})

    return place


HEADS: dict[str, Place] = {
    "token": in_client(token=lambda _, text: text),
    "base_url": in_client(base_url=lambda _, text: text),
    "base_url's host": in_client(base_url=lambda _, text: f"http://{text}"),
    "base_url's path": in_client(base_url=lambda url, text: f"{url}/{text}"),
    "base_url's end": in_client(base_url=lambda url, text: f"{url}{text}"),
    "proxy": in_client(proxy=lambda _, text: f"http://{text}"),
    "proxy's password": in_client(proxy=lambda _, text: f"http://user:{text}@127.0.0.1"),
    "api_version": in_client(api_version=lambda _, text: text),
    "header's name": in_client(headers=lambda _, text: {text: "x"}),
    "header's value": in_client(headers=lambda _, text: {"X-Mine": text}),
    "option api_version": in_options(api_version=lambda text: text),
    "option header's name": in_options(headers=lambda text: {text: "x"}),
    "option header's value": in_options(headers=lambda text: {"X-Mine": text}),
    "request_id": in_options(request_id=lambda text: text),
    "cache": in_options(cache=lambda text: text),
}
BODIES: dict[str, Place] = {
    "model": in_call(model=lambda text: text),
    "user": in_call(user=lambda text: text),
    "content": in_call(messages=lambda text: [{"role": "user", "content": text}]),
    "message's key": in_call(messages=lambda text: [{"role": "user", "content": "Hi", text: "x"}]),
    "message's role": in_call(messages=lambda text: [{"role": text, "content": "Hi"}]),
    "Message": in_call(messages=lambda text: [Message.user(text)]),
    "stop": in_call(stop=lambda text: [text]),
    "metadata": in_call(extra_body=lambda text: {"metadata": {text: text}}),
    "extra_body's key": in_call(extra_body=lambda text: {text: "x"}),
    "extra_body's value": in_call(extra_body=lambda text: {"x": text}),
}


async def answer(connection: Connection) -> None:
    """Answer whatever comes."""
    while True:
        await connection.request()
        await connection.send(reply(COMPLETION))


def header_lines(head: bytes) -> dict[bytes, bytes]:
    """Return the headers of a request, which must be whole lines, each name once."""
    first, *lines = head.split(b"\r\n")
    method, target, version = first.split(b" ")
    assert (method, version) == (b"POST", b"HTTP/1.1")
    assert target.endswith(b"/v1/chat/completions")
    pairs = [line.partition(b": ")[::2] for line in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs)
    assert not any(byte < 32 or byte == 127 for byte in head.replace(b"\r\n", b""))
    return headers


async def plain_headers() -> set[bytes]:
    """Return the names of the headers of a request without anything nasty."""
    request = await sent(in_call(), "")
    assert request is not None
    return set(header_lines(request[0]))


async def sent(place: Place, text: str) -> tuple[bytes, bytes] | None:
    """Return head and body of the only request that a text in some place makes; None where it is refused."""
    async with FaultServer(answer) as server:
        try:
            client, sender, call = place(server.base_url, text)
        except (TypeError, ValueError) as error:
            told = str(error)
        else:
            told = ""
            await sender.send(call)
            await client.close()
        if told:
            assert "\n" not in told  # nor does it break the lines of a log
            assert not server.connections
            return None
        assert server.requests == 1
        assert len(server.connections) == 1
        head, _, body = server.connections[0].requests[0].partition(b"\r\n\r\n")
        return head, body


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("place", HEADS)
async def test_what_goes_into_the_head(place: str, nasty: str) -> None:
    """A setting with control characters is refused before anything is sent; any other stays one value."""
    text = NASTY[nasty]
    request = await sent(HEADS[place], text)
    if request is None:
        return
    headers = header_lines(request[0])
    assert headers[b"authorization"] == b"Bearer rsk_secret"
    assert headers.keys() - {b"x-mine"} == await plain_headers()
    if "value" in place:
        assert headers[b"x-mine"] == text.encode()
    assert nasty in {"NEL", "line separator", "beyond Latin", "what Latin cuts down to CR LF"}


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("place", BODIES)
async def test_what_goes_into_the_body(place: str, nasty: str) -> None:
    """A field of a call stays a text of the JSON, whatever is in it, and the head knows nothing of it."""
    text = NASTY[nasty]
    request = await sent(BODIES[place], text)
    assert request is not None
    head, body = request
    headers = header_lines(head)
    assert headers.keys() == await plain_headers()
    assert int(headers[b"content-length"]) == len(body)
    assert b"\n" not in body
    assert text in _texts(json.loads(body))


def _texts(value: Any) -> list[str]:
    """Return every text in some JSON, keys too."""
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in _texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


@given(text=st.text(), key=st.text(min_size=1), stream=st.booleans())
def test_whatever_is_written_into_a_call(text: str, key: str, stream: bool) -> None:
    """URL and headers of a call do not depend on its fields; its body is one JSON that says them again."""
    settings = Settings(base_url="https://gateway.example", token=TOKEN)
    make: Any = StreamChatCompletion if stream else CreateChatCompletion
    request = prepare(make(model=text, messages=MESSAGES, user=text, extra_body={key: text}), settings)
    plain = prepare(make(messages=MESSAGES), settings)
    assert (request.method, request.url, dict(request.headers)) == (
        plain.method,
        plain.url,
        dict(plain.headers),
    )
    assert request.body is not None
    body = json.loads(request.body)
    assert body[key] == text
    assert key == "model" or body["model"] == text


@given(text=st.text())
def test_whatever_is_written_into_a_header(text: str) -> None:
    """What is taken can't end a header, and is the same text as it was; the rest is refused."""
    options: Any = {"headers": {"X-Mine": text}}
    try:
        settings = Settings(base_url="https://gateway.example", token=TOKEN, **options)
    except ValueError:
        assert any(ord(each) < 32 or ord(each) == 127 or 0xD800 <= ord(each) < 0xE000 for each in text)
        return
    assert prepare(chat(), settings).headers["X-Mine"] == text
    assert not {"\r", "\n", "\0"} & set(text)
