"""How the tests of FakeGateway talk to it: through aiohttp's client, or through bare sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from meshapi_aio.testing import FakeGateway, Recorder


CHAT = "/v1/chat/completions"


def asking(text: str, **fields: Any) -> dict[str, Any]:
    """Return a chat request with one message of the user."""
    return {"model": "maker/model", "messages": [{"role": "user", "content": text}], **fields}


def client(gateway: FakeGateway | Recorder) -> aiohttp.ClientSession:
    """Return a session that presents the gateway's token, if it has one, and has no limits of its own."""
    return aiohttp.ClientSession(
        gateway.base_url,
        headers={"Authorization": f"Bearer {gateway.token}"} if isinstance(gateway, FakeGateway) else {},
        connector=aiohttp.TCPConnector(limit=0),
    )


def events(body: bytes) -> list[Any]:
    """Return the JSON of each event before the end mark, which must be there."""
    frames = body.decode().split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    return [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]


def request_bytes(method: str = "GET", target: str = "/", body: bytes = b"", headers: str = "") -> bytes:
    """Return a whole request as bytes; ``headers`` are lines that end in CRLF."""
    head = f"{method} {target} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


@asynccontextmanager
async def connected(gateway: FakeGateway | Recorder, sent: bytes = b"") -> AsyncGenerator[socket.socket]:
    """Yield a bare socket that has sent some bytes, and close it afterwards."""
    host, _, port = gateway.base_url.removeprefix("http://").rpartition(":")
    bare = socket.socket(socket.AF_INET6 if "[" in host else socket.AF_INET)
    bare.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(bare, (host.strip("[]"), int(port)))
        await asyncio.get_running_loop().sock_sendall(bare, sent)
        yield bare
    finally:
        bare.close()


async def receive(bare: socket.socket) -> tuple[bytes, bool]:
    """Return all that comes until the connection ends, and whether it ended with a reset."""
    got = bytearray()
    while True:
        try:
            piece = await asyncio.get_running_loop().sock_recv(bare, 65536)
        except ConnectionResetError:
            return bytes(got), True
        if not piece:
            return bytes(got), False
        got += piece


async def exchange(gateway: FakeGateway | Recorder, sent: bytes) -> tuple[bytes, bool]:
    """Send some bytes on a connection of their own; return what comes back, and whether a reset ended it."""
    async with connected(gateway, sent) as bare:
        return await receive(bare)


class Clock:
    """A clock for a gateway, which a test sets."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def chat(gateway: FakeGateway, text: str = "hi", **fields: Any) -> tuple[int, Mapping[str, str], Any]:
    """Ask for a chat completion; return status, headers, and the JSON of the body or of all events."""
    headers: dict[str, str] = fields.pop("headers", {})
    async with (
        client(gateway) as session,
        session.post(CHAT, json=asking(text, **fields), headers=headers) as response,
    ):
        streamed = response.content_type == "text/event-stream"
        body = events(await response.read()) if streamed else await response.json()
        return response.status, response.headers, body


async def get(gateway: FakeGateway, path: str, **headers: str) -> tuple[int, Any]:
    """Ask for a path; return status and the JSON of the body."""
    async with client(gateway) as session, session.get(path, headers=headers) as response:
        return response.status, await response.json()


async def ask(
    gateway: FakeGateway, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    """Send JSON to a path; return status, and the JSON of the answer, its events, or its text."""
    async with (
        client(gateway) as session,
        session.request(method, path, json=body, headers=headers) as response,
    ):
        if response.content_type == "text/event-stream":
            return response.status, events(await response.read())
        json_comes = response.content_type == "application/json"
        return response.status, await (response.json() if json_comes else response.text())
