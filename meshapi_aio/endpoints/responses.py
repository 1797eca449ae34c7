"""
Responses: ``client.responses``.

The wire facts are those of the gateway's documentation of ``/v1/responses`` and of its clients' tests. They
differ: ``output`` is a list or a text, and some models answer in the shape of chat, whole and streamed. All
of it is read.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, ClassVar, Literal

import attrs

from .._batch import Batch, Run
from .._family import Family, create_method, method
from .._pages import CursorPage, ListCall, list_method
from .._polling import Job, wait_method
from .._shape import Shape, shape
from .._stream import Stream
from ..call import Call, StreamCall, fields, get, post
from ..errors import MeshAPIError, StreamAPIError
from ._completion import FAILED, CompletionFolder, error_of
from ._shared import (
    Usage,
    at_most_characters,
    between,
    check_stream_left_alone,
    gateway_seconds,
    positive,
    unstreamed,
)
from ._text import TextJoiner, TextStream
from .chat import Choice, ChunkChoice


__all__ = [
    "CreateResponse",
    "CreatedResponse",
    "GetResponse",
    "ListResponses",
    "Response",
    "ResponseEvent",
    "ResponsePage",
    "ResponseStream",
    "ResponseUsage",
    "Responses",
    "StreamResponse",
]


@shape
class ResponseUsage(Usage):
    """Token counts, under the names of responses, of chat, or both."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: dict[str, Any] | None = None
    output_tokens_details: dict[str, Any] | None = None


@shape
class Response(Job):
    """
    A whole answer, or the state of one that is made in the background.

    ``output`` is a list of items as they came, or a text; a model that answers in the shape of chat has
    ``choices`` in its place. ``output_text`` reads all three. Times are Unix seconds or ISO texts. Of one
    whose ``status`` is ``failed``, ``error`` says why.
    """

    _final_states: ClassVar[frozenset[str]] = frozenset({"completed", "failed", "incomplete", "cancelled"})

    id: str | None = None
    object: str | None = None
    model: str | None = None
    provider: str | None = None
    status: str | None = None
    """``queued``, ``in_progress``, ``completed``, ``incomplete``, ``failed``, …; an open set."""
    output: list[dict[str, Any]] | str | None = None
    choices: list[Choice] = attrs.field(factory=list)
    usage: ResponseUsage | None = None
    error: dict[str, Any] | str | None = None
    created: int | None = None
    created_at: int | str | None = None
    completed_at: int | str | None = None
    usage_synced: bool | None = None

    @property
    def output_text(self) -> str:
        """The text of the answer, of chat the first one's; empty where there is none."""
        if isinstance(self.output, str):
            return self.output
        parts = [part for item in self.output or [] for part in _list(item.get("content"))]
        text = "".join(_text(part) for part in parts)
        return text or next((choice.message.text for choice in self.choices), "")

    @property
    def is_done(self) -> bool:
        """Whether the work has ended, well or not; an answer that tells no state is there, so it has."""
        return super().is_done or (self.status is None and bool(self.output or self.choices))

    @classmethod
    def _is_data(cls, value: dict[str, Any]) -> bool:
        # The error of a response that failed in the background belongs to it; asking for it went well.
        return "id" in value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) and part.get("type") == "output_text" else None
    return text if isinstance(text, str) else ""


_NO_REASON = {"code": "upstream_error", "message": "the response failed, and does not say why"}


@shape
class CreatedResponse(Response):
    """A response as the call that made it returns it: that it failed is raised."""

    @classmethod
    def _is_data(cls, value: dict[str, Any]) -> bool:  # noqa: ARG003 - as that of a response
        return False

    def _spoilt(self) -> Any:
        return _NO_REASON if self.status == "failed" else error_of(self.choices)


@shape
class ResponsePage(CursorPage[Response]):
    """A page of background responses, without their outputs."""

    data: list[Response]


@shape
class ResponseEvent(Shape):
    """
    One event of a streamed answer, as it came; ``type`` says what it is.

    ``response.output_text.delta`` has its text in ``delta``, ``response.completed`` the whole answer in
    ``response``; what is not named here is in ``extra``. Some models stream chunks of chat: these have
    ``choices`` and no type.
    """

    type: str | None = None
    sequence_number: int | None = None
    item_id: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    delta: str | dict[str, Any] | None = None
    item: dict[str, Any] | None = None
    response: Response | None = None
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[ChunkChoice] = attrs.field(factory=list)
    usage: ResponseUsage | None = None
    system_fingerprint: str | None = None
    cost: str | float | None = None

    @property
    def text(self) -> str:
        """The text that the event adds, empty where it adds none; it may end in half a character."""
        if self.type == "response.output_text.delta":
            return self.delta if isinstance(self.delta, str) else ""
        return next((choice.delta.content or "" for choice in self.choices if not choice.index), "")

    def _spoilt(self) -> Any:
        if self.type == "error":
            return {**_NO_REASON, **self.extra}
        if self.type == "response.failed" or (self.response is not None and self.response.status == "failed"):
            return (self.response and self.response.error) or _NO_REASON
        return None


class ResponseStream(Stream[ResponseEvent]):
    """A streamed answer: its events, its text, and at the end the whole response."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._joiner = TextJoiner()
        self._said: list[str] = []  # by events with a type
        self._response: Response | None = None  # as the last event that had one had it
        self._failed = False
        self._chat = CompletionFolder()

    @property
    def text_stream(self) -> TextStream:
        """The text of the answer, piece by piece, every character whole."""
        return TextStream(self, self._joiner)

    @classmethod
    def chunks_of(cls, response: CreatedResponse) -> list[ResponseEvent]:
        """Return a whole answer as the one event that says the same."""
        return [ResponseEvent(type="response.completed", response=response)]

    async def get_final_response(self) -> Response:
        """
        Read what is left, and return the whole answer.

        It raises what iterating raises, also when that was raised before.
        """
        await self._drain()
        return self._partial()

    def _fold(self, chunks: Batch[ResponseEvent]) -> None:
        for piece in chunks.pieces:
            if isinstance(piece, Run) and piece.path.startswith(".choices"):
                self._chat.add(Batch(piece))
                continue
            if isinstance(piece, Run) and piece.path == ".delta":  # all of one type
                self._said += piece.texts if piece.make("x").text else []
                continue
            for event in Batch(piece):
                if event.type is None:
                    self._chat.add(Batch([event]))
                    continue
                self._said.append(event.text)
                self._failed = self._failed or event._spoilt() is not None  # noqa: SLF001 - same room
                self._response = event.response or self._response

    def _partial(self) -> Response:
        assert self.meta is not None  # what was never opened has nothing to fold
        told = self._response
        if told is None:
            whole = self._finished and self._failure is None
            choices = [Choice(**choice) for choice in self._chat.choices(whole=whole)]
            head = self._chat.head()
            told = Response(
                choices=choices, **{name: head[name] for name in ("id", "model", "created", "usage", "extra")}
            )
        answer = copy(told)
        answer.meta = self.meta
        answer.output = told.output or "".join(self._said) or None
        return answer

    def _usage(self) -> ResponseUsage | None:
        usage: ResponseUsage | None = self._chat.head()["usage"]
        return self._response.usage if self._response is not None else usage

    def _whole(self) -> bool:
        reasons = self._chat.finish_reasons
        return (self._response is not None and self._response.is_done) or (bool(reasons) and all(reasons))

    def _spoilt(self) -> MeshAPIError | None:
        # The reader raises the gateway's own words; this is for what came to it by a template, unread.
        if not self._failed and "error" not in self._chat.finish_reasons:
            return None
        said = _NO_REASON if self._failed else FAILED
        return StreamAPIError(said["message"], status=502, code=said["code"], request_id=self.request_id)


@fields
class _ResponseFields:
    falls_back: ClassVar[bool] = True
    input: str | Sequence[Mapping[str, Any]]
    """A text, or items: messages, results of functions, …"""
    model: str | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    """The response that this one goes on from."""
    template: str | None = None
    """Name or id of a stored template."""
    variables: Mapping[str, str] | None = None
    """What fills the template's placeholders."""
    session_id: str | None = None
    background: bool | None = None
    """True returns at once; ``client.responses.wait`` waits for the answer."""
    store: bool | None = None
    max_output_tokens: int | None = attrs.field(default=None, validator=between(1))
    temperature: float | None = attrs.field(default=None, validator=between(0, 2))
    top_p: float | None = attrs.field(default=None, validator=between(0, 1))
    seed: int | None = None
    expire_at: int | None = None
    """Unix seconds."""
    user: str | None = attrs.field(default=None, validator=at_most_characters(256))
    timeout: float | None = attrs.field(default=None, converter=gateway_seconds, validator=positive)
    """Seconds that the GATEWAY waits for its upstream; the client's limits are set with ``with_options``."""
    max_tool_calls: int | None = attrs.field(default=None, validator=between(1, 10))
    reasoning: Mapping[str, Any] | None = None
    thinking: Mapping[str, Any] | None = None
    caching: Mapping[str, Any] | None = None
    text: Mapping[str, Any] | None = None
    response_format: Mapping[str, Any] | None = None
    context_management: Mapping[str, Any] | None = None
    include: Sequence[Any] | None = None
    plugins: Sequence[Any] | None = None
    tools: Sequence[Mapping[str, Any]] | None = None
    """Functions are flat here, unlike in chat: ``{"type": "function", "name": …, "parameters": …}``."""
    tool_choice: str | Mapping[str, Any] | None = None
    extra_body: Mapping[str, Any] | None = None
    """Body keys that this client does not know; they replace its own of the same name, but for ``stream``."""

    def __attrs_post_init__(self) -> None:
        check_stream_left_alone(self)


@post("/v1/responses")
class CreateResponse(_ResponseFields, Call[CreatedResponse]):
    """
    Ask a model, and return its whole answer; with ``background=True`` one that is yet to come.

    Particular errors: ``NotFoundError`` (no such model), ``InternalServerError`` (501: a model that this
    endpoint does not serve; and any answer that failed).
    """

    stream: Literal[False] = False


@post("/v1/responses")
class StreamResponse(_ResponseFields, StreamCall[ResponseStream]):
    """
    Ask a model, and return a stream of events.

    Particular errors, at the first step: as of the whole answer. ``StreamAPIError`` where the answer fails on
    its way, after the event that says so.
    """

    stream: Literal[True] = True

    def whole(self) -> CreateResponse:
        """Return the same request without streaming."""
        return unstreamed(self, CreateResponse)


@get("/v1/responses")
class ListResponses(ListCall[ResponsePage, Response]):
    """Return the responses that are or were made in the background, without their outputs."""

    after: str | None = None
    """The id of the last one that is not wanted any more."""
    limit: int | None = None
    """How many a page has."""


@get("/v1/responses/{id}")
class GetResponse(Call[Response]):
    """
    Return one response as it is now; one that failed is returned as well, its ``status`` tells.

    Particular errors: ``NotFoundError`` or ``BadRequestError`` for an id that is not known, which that of a
    response in the foreground may be too.
    """

    id: str


class Responses(Family):
    """``client.responses``: answers of models, whole, streamed or made in the background."""

    create = create_method(CreateResponse, StreamResponse)
    list = list_method(ListResponses)
    get = method(GetResponse)
    wait = wait_method(GetResponse)
