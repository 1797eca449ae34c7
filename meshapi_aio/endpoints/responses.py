"""
Responses: ``client.responses``.

The sources differ: ``output`` is a list or a text, and some models answer in the shape of chat, whole and
streamed. All of it is read.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, ClassVar, Literal

import attrs

from .._family import Family, create_method, method
from .._meta import Meta
from .._pages import CursorPage, ListCall, list_method
from .._polling import Job, wait_method
from .._shape import shape
from ..call import Call, StreamCall, fields, get, post
from ._bodies import Answered, FromCursor, unstreamed
from ._completion import error_of
from ._responding import NO_REASON, ResponseFolder, text_of
from ._shared import Usage, between
from ._streams import SpokenStream
from .chat import ChatCompletionChunk, Choice


__all__ = [
    "CreateResponse",
    "CreatedResponse",
    "GetResponse",
    "ListResponses",
    "Response",
    "ResponseEvent",
    "ResponsePage",
    "ResponseStream",
    "Responses",
    "StreamResponse",
]


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
    usage: Usage | None = None
    error: dict[str, Any] | str | None = None
    created: int | None = None
    created_at: int | str | None = None
    completed_at: int | str | None = None
    usage_synced: bool | None = None

    @property
    def output_text(self) -> str:
        """The text of the answer, of chat the first one's; empty where there is none."""
        return text_of(self.output) or next((choice.message.text for choice in self.choices), "")

    @property
    def is_done(self) -> bool:
        """Whether the work has ended, well or not; an answer that tells no state is there, so it has."""
        return super().is_done or (self.status is None and bool(self.output or self.choices))

    @classmethod
    def _is_data(cls, value: dict[str, Any]) -> bool:
        # The error of a response that failed in the background belongs to it; asking for it went well.
        return "id" in value


@shape
class CreatedResponse(Response):
    """A response as the call that made it returns it: that it failed is raised."""

    @classmethod
    def _is_data(cls, value: dict[str, Any]) -> bool:  # noqa: ARG003 - as that of a response
        return False

    def _spoilt(self) -> Any:
        return NO_REASON if self.status == "failed" else error_of(self.choices)


@shape
class ResponsePage(CursorPage[Response]):
    """A page of background responses, without their outputs."""

    data: list[Response]


@shape
class ResponseEvent(ChatCompletionChunk):
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

    @property
    def text(self) -> str:
        """The text that the event adds, empty where it adds none; it may end in half a character."""
        if self.type == "response.output_text.delta":
            return self.delta if isinstance(self.delta, str) else ""
        return super().text

    def _spoilt(self) -> Any:
        if self.type == "error":
            return {**NO_REASON, **self.extra}
        if self.type == "response.failed" or (self.response is not None and self.response.status == "failed"):
            return (self.response and self.response.error) or NO_REASON
        return None


class ResponseStream(SpokenStream[ResponseEvent, Response]):
    """A streamed answer: its events, its text, and at the end the whole response."""

    _folds = ResponseFolder

    @classmethod
    def chunks_of(cls, response: CreatedResponse) -> list[ResponseEvent]:
        """Return a whole answer as the one event that says the same."""
        return [ResponseEvent(type="response.completed", response=response)]

    async def get_final_response(self) -> Response:
        """Read what is left, and return the whole answer; raise what iterating raises, or has raised."""
        return await self._final()

    def _folded(self, meta: Meta) -> Response:
        chat, told = self._folder.chat, self._folder.response
        if told is None:
            whole = self._finished and self._failure is None
            head = {name: chat.head()[name] for name in ("id", "model", "created", "usage", "extra")}
            told = Response(choices=[Choice(**choice) for choice in chat.choices(whole=whole)], **head)
        answer: Response = copy(told)
        answer.meta = meta
        answer.output = answer.output or self._folder.text or None
        return answer


@fields
class _ResponseFields(Answered):
    input: str | Sequence[Mapping[str, Any]]
    """A text, or items: messages, results of functions, …"""
    instructions: str | None = None
    previous_response_id: str | None = None
    """The response that this one goes on from."""
    background: bool | None = None
    """True returns at once; ``client.responses.wait`` waits for the answer."""
    store: bool | None = None
    max_output_tokens: int | None = attrs.field(default=None, validator=between(1))
    expire_at: int | None = None
    """Unix seconds."""
    max_tool_calls: int | None = attrs.field(default=None, validator=between(1, 10))
    reasoning: Mapping[str, Any] | None = None
    thinking: Mapping[str, Any] | None = None
    caching: Mapping[str, Any] | None = None
    text: Mapping[str, Any] | None = None
    context_management: Mapping[str, Any] | None = None
    include: Sequence[Any] | None = None
    plugins: Sequence[Any] | None = None
    tools: Sequence[Mapping[str, Any]] | None = None
    """Functions are flat here, unlike in chat: ``{"type": "function", "name": …, "parameters": …}``."""


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

    Particular errors: ``StreamAPIError`` where the answer fails on its way, after the event that says so.
    """

    stream: Literal[True] = True

    def whole(self) -> CreateResponse:
        """Return the same request without streaming."""
        return unstreamed(self, CreateResponse)


@get("/v1/responses")
class ListResponses(FromCursor, ListCall[ResponsePage, Response]):
    """Return the responses that are or were made in the background, without their outputs."""


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
