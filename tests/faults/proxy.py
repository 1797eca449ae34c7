"""HTTP proxies for the tests, right ones and wrong ones: scripts for the server of this folder."""

import asyncio
import base64

from .server import Connection, Script


__all__ = ["closes_in_handshake", "dies", "says", "tunnels"]


def tunnels(credentials: str | None = None) -> Script:
    """Return the script of a proxy that tunnels where CONNECT says, with ``user:password`` if it has any."""
    wanted = None if credentials is None else base64.b64encode(credentials.encode())

    async def script(connection: Connection) -> None:
        head = await connection.request()
        if wanted is not None and b"\r\nProxy-Authorization: Basic " + wanted + b"\r\n" not in head:
            await connection.send(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"
            )
            connection.close()
            return
        method, target, _ = head.split(b" ", 2)
        assert method == b"CONNECT"
        host, _, port = target.decode().rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            await connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.TaskGroup() as group:
                group.create_task(_up(connection, writer))
                group.create_task(_down(reader, connection))
        finally:
            writer.transport.abort()

    return script


async def _up(connection: Connection, writer: asyncio.StreamWriter) -> None:
    while data := await connection.take():
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def _down(reader: asyncio.StreamReader, connection: Connection) -> None:
    while data := await reader.read(65536):
        await connection.send(data)
    connection.close()


def says(answer: bytes) -> Script:
    """Return the script of a proxy that gives this answer to CONNECT, and closes."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(answer)
        connection.close()

    return script


async def dies(connection: Connection) -> None:
    """Break the connection in place of an answer."""
    await connection.request()
    connection.reset()


async def closes_in_handshake(connection: Connection) -> None:
    """Agree to tunnel, and close when the client begins to speak TLS."""
    await connection.request()
    await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    await connection.take()
    connection.close()
