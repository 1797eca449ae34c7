"""
The asyncio client for Mesh API, an OpenAI-compatible gateway to 300+ models.

::

    async with MeshAPI(token="rsk_…") as client:
        async for chunk in client.chat.completions.create(model=…, messages=[…], stream=True):
            print(chunk.text, end="")
"""

from ._polling import Job
from ._shape import Reply, Shape
from ._stream import Stream
from ._version import __version__
from .call import CALLS, Call, StreamCall
from .client import MeshAPI
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
from .events import (
    Attempt,
    Event,
    FallbackTaken,
    GatewayRouted,
    Meta,
    ReplyReceived,
    RequestFailed,
    RequestSent,
    RetryScheduled,
    Routing,
    Statistics,
    StreamEnded,
    StreamOpened,
)
from .settings import Fallback, Limits, Retry, Timeout
from .sse import ServerSentEvent, SSEDecoder


__all__ = [
    "CALLS",
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "Attempt",
    "AudioPart",
    "AuthenticationError",
    "BadRequestError",
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
    "Usage",
    "VideoPart",
    "__version__",
]
