"""The fault server tells the truth about its connections: when they opened, and how they ended."""

import asyncio
import contextlib
import socket
import struct
from typing import Any, Literal

import pytest

from .server import Connection, FaultServer


async def listen(connection: Connection) -> None:
    """Wait for a request, for ever."""
    await connection.request()


async def reset(connection: Connection) -> None:
    """Break the connection."""
    await connection.some()
    connection.reset()


async def close(connection: Connection) -> None:
    """Close the connection in order."""
    await connection.some()
    connection.close()


@pytest.mark.parametrize(
    ("script", "tls", "leave", "how"),
    [
        (listen, False, "close", "eof"),
        (listen, False, "reset", "reset"),
        (listen, True, "close", "handshake"),
        (listen, True, "reset", "handshake"),
        (listen, "stalled", "close", "eof"),
        (close, False, "stay", "server"),
        (reset, False, "stay", "server"),
    ],
)
async def test_how_a_connection_ended(
    script: Any, tls: Any, leave: Literal["close", "reset", "stay"], how: str
) -> None:
    """Each connection is on record from its first packet, also where its handshake came to nothing."""
    loop = asyncio.get_running_loop()
    async with FaultServer(script, tls=tls) as server:
        before = loop.time()
        with socket.create_connection(("127.0.0.1", int(server.base_url.rpartition(":")[2]))) as sock:
            sock.setblocking(False)
            await server.until(lambda: server.open == 1)
            if leave == "stay":
                sock.sendall(b"x")
            if leave == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if leave != "stay":
                sock.close()
            await server.until(lambda: server.open == 0)
            if leave == "stay":
                with pytest.raises(ConnectionResetError) if script is reset else contextlib.nullcontext():
                    assert await loop.sock_recv(sock, 1) == b""
        (connection,) = server.connections
        assert connection.how == how
        assert connection.ended_at is not None
        assert before <= connection.opened_at <= connection.ended_at


async def test_what_is_sent_right_before_a_reset_arrives() -> None:
    """Bytes that a script has sent are on their way, also behind others that nobody has acknowledged yet."""

    async def two(connection: Connection) -> None:
        await connection.some()
        await connection.send(b"a")
        await connection.send(b"b")
        connection.reset()

    loop = asyncio.get_running_loop()
    async with FaultServer(two) as server:
        with socket.create_connection(("127.0.0.1", int(server.base_url.rpartition(":")[2]))) as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)  # to acknowledge nothing at once
            sock.sendall(b"x")
            await server.until(lambda: server.open == 0 and bool(server.connections))
            assert await loop.sock_recv(sock, 9) == b"ab"
            with pytest.raises(ConnectionResetError):
                await loop.sock_recv(sock, 9)
