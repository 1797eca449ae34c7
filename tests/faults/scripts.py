"""What gateways do that several tests leave, or use."""

from .server import Connection, Script
from .wire import COMPLETION, DONE, LAST_CHUNK, STREAM_HEAD, event, piece, reply


__all__ = ["MESSAGES", "WHOLE", "answer", "begin_and_stall", "never_answer", "open_and_stall"]

MESSAGES = [{"role": "user", "content": "Hi"}]
WHOLE = STREAM_HEAD + piece(event("a")) + piece(event("b", finish="stop")) + piece(DONE) + LAST_CHUNK


async def answer(connection: Connection) -> None:
    """Answer one request after the other, whole."""
    while True:
        request = await connection.request()
        await connection.send(WHOLE if b'"stream":true' in request else reply(COMPLETION))


async def never_answer(connection: Connection) -> None:
    """Take the request and say nothing."""
    await connection.request()
    await connection.stall()


def stalling_after(stream: bytes, whole: bytes) -> Script:
    """Return a script that takes a request, sends the beginning of an answer, and nothing more."""

    async def script(connection: Connection) -> None:
        request = await connection.request()
        await connection.send(stream if b'"stream":true' in request else whole)
        await connection.stall()

    return script


_ANSWER = reply(COMPLETION)
open_and_stall = stalling_after(STREAM_HEAD, _ANSWER[: _ANSWER.index(b"\r\n\r\n") + 4])
begin_and_stall = stalling_after(STREAM_HEAD + piece(event("a")), _ANSWER[:-10])
