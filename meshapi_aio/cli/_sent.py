"""A call that is sent, and what comes of it, printed as it comes: JSON, text, or bytes into a file."""

import json
import sys
from typing import Any

from meshapi_aio._pages import ListCall, Pages
from meshapi_aio.call import Call, StreamCall
from meshapi_aio.client import MeshAPI
from meshapi_aio.endpoints.chat import ChatCompletion, ChatCompletionStream

from ._asking import json_line, show_the_rest
from ._output import Output


__all__ = ["send"]


async def send(client: MeshAPI, call: Call[Any] | StreamCall[Any], *, as_chunks: bool) -> None:
    """
    Send a call and print what comes: a list item by item, a stream piece by piece, else the reply.

    Raises what the client raises; what came before that has been printed.
    """
    if isinstance(call, ListCall):
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
