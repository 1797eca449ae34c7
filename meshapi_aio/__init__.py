"""
The asyncio client for Mesh API, an OpenAI-compatible gateway to 300+ models.

::

    async with MeshAPI(token="rsk_…") as client:
        async for chunk in client.chat.completions.create(model=…, messages=[…], stream=True):
            print(chunk.text, end="")
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ._bytes import ByteReply, ByteStream
from ._meta import Attempt, Event, Meta, Routing, Statistics
from ._raw import RawCall, RawStream, RawStreamCall
from ._shape import Reply, Shape
from ._stream import Stream
from ._upload import Upload
from ._version import __version__
from .call import Call, StreamCall
from .client import MeshAPI
from .endpoints import every_call
from .errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConflictError,
    DecodeError,
    InternalServerError,
    MalformedEventError,
    MeshAPIError,
    NotFoundError,
    PermissionDeniedError,
    Progress,
    RateLimitError,
    ResponseTooLargeError,
    SpendLimitError,
    StreamAPIError,
    StreamClosedError,
    StreamError,
    StreamTruncatedError,
    UnexpectedResponseError,
    UnprocessableEntityError,
)
from .settings import Fallback, Limits, Retry, Timeout
from .sse import ServerSentEvent, SSEDecoder


if TYPE_CHECKING:
    from ._polling import Job
    from .endpoints._folding import Delta
    from .endpoints._messages import (
        AudioPart,
        ContentPart,
        FunctionCall,
        ImagePart,
        IncompleteToolCall,
        Message,
        TextPart,
        ToolCall,
        UnknownPart,
        VideoPart,
    )
    from .endpoints._shared import PromptTokensDetails, Usage
    from .endpoints._tool_calls import FunctionDelta, ToolCallDelta
    from .endpoints.chat import (
        ChatCompletion,
        ChatCompletionChunk,
        ChatCompletionStream,
        Choice,
        ChunkChoice,
        CreateChatCompletion,
        StreamChatCompletion,
    )
    from .events import (
        FallbackTaken,
        GatewayRouted,
        ReplyReceived,
        RequestFailed,
        RequestSent,
        RetryScheduled,
        StreamEnded,
        StreamOpened,
    )


__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "Attempt",
    "AudioPart",
    "AuthenticationError",
    "BadRequestError",
    "ByteReply",
    "ByteStream",
    "Call",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatCompletionStream",
    "Choice",
    "ChunkChoice",
    "ClientClosedError",
    "ConflictError",
    "ContentPart",
    "CreateChatCompletion",
    "DecodeError",
    "Delta",
    "Event",
    "Fallback",
    "FallbackTaken",
    "FunctionCall",
    "FunctionDelta",
    "GatewayRouted",
    "ImagePart",
    "IncompleteToolCall",
    "InternalServerError",
    "Job",
    "Limits",
    "MalformedEventError",
    "MeshAPI",
    "MeshAPIError",
    "Message",
    "Meta",
    "NotFoundError",
    "PermissionDeniedError",
    "Progress",
    "PromptTokensDetails",
    "RateLimitError",
    "RawCall",
    "RawStream",
    "RawStreamCall",
    "Reply",
    "ReplyReceived",
    "RequestFailed",
    "RequestSent",
    "ResponseTooLargeError",
    "Retry",
    "RetryScheduled",
    "Routing",
    "SSEDecoder",
    "ServerSentEvent",
    "Shape",
    "SpendLimitError",
    "Statistics",
    "Stream",
    "StreamAPIError",
    "StreamCall",
    "StreamChatCompletion",
    "StreamClosedError",
    "StreamEnded",
    "StreamError",
    "StreamOpened",
    "StreamTruncatedError",
    "TextPart",
    "Timeout",
    "ToolCall",
    "ToolCallDelta",
    "UnexpectedResponseError",
    "UnknownPart",
    "UnprocessableEntityError",
    "Upload",
    "Usage",
    "VideoPart",
    "__version__",
    "every_call",
]


# Making the shapes of chat would be half of what an import of this package adds to one of aiohttp, the events
# a sixth; programs that speak to other families, and do not listen, need not wait for them. Who asks for what
# comes last here has the others already, as a rule.
_ON_DEMAND = (
    *(f"endpoints.{room}" for room in ("chat", "_folding", "_messages", "_shared", "_tool_calls")),
    "events",
    "_polling",
)

if not TYPE_CHECKING:  # it would make type checkers believe in any name

    def __getattr__(name: str) -> object:
        for room in _ON_DEMAND if name in __all__ else ():
            found = getattr(import_module(f".{room}", __name__), name, None)
            if found is not None:
                return globals().setdefault(name, found)
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
