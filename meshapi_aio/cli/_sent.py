"""A call that is sent, and what comes of it, printed as it comes: JSON, text, or bytes into a file."""

import json
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO

from meshapi_aio._bytes import ByteReply, ByteStream
from meshapi_aio._pages import ListCall, Pages
from meshapi_aio._saving import written_whole
from meshapi_aio.call import Call, StreamCall
from meshapi_aio.client import MeshAPI
from meshapi_aio.endpoints.chat import ChatCompletion, ChatCompletionStream

from ._asking import json_line, show_the_rest
from ._failures import MisuseError
from ._files import STDIN
from ._output import Output


__all__ = ["check_target", "send"]


def check_target(call: Call[Any] | StreamCall[Any], target: str | None) -> None:
    """Refuse, before anything is asked, what can't go where it is to go: a file to a terminal, JSON to -o."""
    if not _gives_bytes(call):
        if target is not None:
            msg = f"-o takes a file, and {type(call).__name__} is answered with JSON: > {target} takes that"
            raise MisuseError(msg)
    elif target in {None, STDIN} and sys.stdout is not None and sys.stdout.isatty():
        told = f"{type(call).__name__} is answered with a file, which is nothing for a terminal"
        msg = f"{told}: -o FILE takes it"
        raise MisuseError(msg)


async def send(
    client: MeshAPI, call: Call[Any] | StreamCall[Any], *, as_chunks: bool, target: str | None
) -> None:
    """
    Send a call and print what comes: a list item by item, a stream piece by piece, else the reply.

    A file goes to ``target``, by default to standard output. Raises what the client raises; what came before
    that has been printed, but a file gets its name when it is whole.
    """
    if _gives_bytes(call):
        with _opened(target) as file:
            await _take(client, call, file)
    elif isinstance(call, ListCall):
        with Output() as output:
            async for item in Pages(client, call):
                output.write(json_line(item))
    elif isinstance(call, StreamCall):
        completion = await _stream(client, call, as_chunks=as_chunks)
        if completion is not None:
            show_the_rest(completion)
    else:
        reply = await client.send(call)
        with Output() as output:
            # What a person reads is not escaped; what a program reads must be JSON in any encoding.
            escaped = sys.stdout is None or not sys.stdout.isatty()
            output.write(json.dumps(reply.to_dict(), indent=2, ensure_ascii=escaped) + "\n")


async def _stream(client: MeshAPI, call: StreamCall[Any], *, as_chunks: bool) -> ChatCompletion | None:
    """Print a stream, and return the whole answer where its text alone was printed."""
    with Output() as output:
        async with client.stream(call) as stream:
            if as_chunks or not isinstance(stream, ChatCompletionStream):
                async for chunk in stream:
                    output.write(json_line(chunk))
                return None
            async for text in stream.text_stream:
                output.write(text)
            return await stream.get_final_completion()


def _gives_bytes(call: Call[Any] | StreamCall[Any]) -> bool:
    return isinstance(call.reply, type) and issubclass(call.reply, (ByteReply, ByteStream))


async def _take(client: MeshAPI, call: Call[Any] | StreamCall[Any], file: BinaryIO) -> None:
    if isinstance(call, StreamCall):
        async with client.stream(call) as stream:
            async for piece in stream:
                file.write(piece)
                file.flush()
    else:
        reply = await client.send(call)
        file.write(reply.content)


@contextmanager
def _opened(target: str | None) -> Generator[BinaryIO]:
    """Open what a file goes to; it is a misuse of the command if that is not possible."""
    with ExitStack() as opened:
        if target is None or target == STDIN:
            yield sys.stdout.buffer
            return
        try:
            file = opened.enter_context(written_whole(target))
        except OSError as error:
            msg = f"-o {target}: {error.strerror}"
            raise MisuseError(msg) from None
        yield file
