"""
Batches: ``client.batches``, many chat completions in one order, done within a day.

The results come inside the batch, once it is completed, and in any order.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from .._family import Family, method
from .._pages import CursorPage, ListCall, list_method
from .._polling import Job, wait_method
from .._shape import Shape, shape
from ..call import Call, get, post
from ._batch_requests import check_requests
from ._bodies import Body, FromCursor
from .chat import CreateChatCompletion


__all__ = [
    "Batch",
    "BatchPage",
    "BatchRequestCounts",
    "BatchResponse",
    "BatchResult",
    "Batches",
    "CancelBatch",
    "CreateBatch",
    "GetBatch",
    "ListBatches",
]


@shape
class BatchRequestCounts(Shape):
    """How many requests of a batch there are, and are over."""

    total: int | None = None
    completed: int | None = None
    failed: int | None = None


@shape
class BatchResponse(Shape):
    """What one request of a batch was answered."""

    status_code: int | None = None
    body: dict[str, Any] | None = None
    """The answer as it came: of chat a completion, of a failure an error body."""


@shape
class BatchResult(Shape):
    """The outcome of the request with the same ``custom_id``; ``error`` is None where there was none."""

    custom_id: str | None = None
    response: BatchResponse | None = None
    error: Any = None


@shape
class Batch(Job):
    """
    A batch.

    ``status`` is an open string: ``validating``, ``in_progress``, ``finalizing`` and ``cancelling`` go on,
    ``completed``, ``failed``, ``cancelled`` and ``expired`` are the end. Times are seconds since the epoch.
    """

    _final_states: ClassVar[frozenset[str]] = frozenset({"completed", "failed", "cancelled", "expired"})

    id: str
    object: str | None = None
    endpoint: str | None = None
    status: str | None = None
    model: str | None = None
    provider: str | None = None
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    created_at: int | None = None
    completed_at: int | None = None
    expires_at: int | None = None
    completion_window: str | None = None
    usage_synced: bool | None = None
    request_counts: BatchRequestCounts | None = None
    metadata: dict[str, Any] | None = None
    results: list[BatchResult] | None = None
    """Once it is completed, and not in the order of the requests: match them by ``custom_id``."""
    errors_detail: list[Any] | None = None


@shape
class BatchPage(CursorPage[Batch]):
    """A page of batches, without their results."""

    data: list[Batch]


def _complete(requests: Any) -> Any:
    """Return the requests as the gateway takes them; what is none is left for the checks to refuse."""
    if not isinstance(requests, Sequence) or isinstance(requests, (str, bytes)):
        return requests
    return [_completed(request) if isinstance(request, Mapping) else request for request in requests]


def _completed(request: Mapping[str, Any]) -> dict[str, Any]:
    body = request.get("body")
    said = {"body": body.body()} if isinstance(body, CreateChatCompletion) else {}
    return {"method": "POST", "url": CreateChatCompletion.route.path, **request, **said}


@post("/v1/batches")
class CreateBatch(Body, Call[Batch]):
    """
    Begin a batch, and return it before anything is done; ``batches.wait`` waits for its end.

    Particular errors: ``RateLimitError`` with code ``batch_limit_exceeded`` (ten unfinished batches), and
    ``InternalServerError`` with status 501 for a model that can't be batched.
    """

    requests: Sequence[Mapping[str, Any]] = attrs.field(converter=_complete, validator=check_requests)
    """
    ``{"custom_id": …, "body": CreateChatCompletion(…)}``, or with the body as a dict; all for one model.

    ``method`` and ``url`` are added: every request is a chat completion.
    """
    completion_window: str | None = None
    """Such as ``24h``, the default."""
    metadata: Mapping[str, Any] | None = None


@get("/v1/batches")
class ListBatches(FromCursor, ListCall[BatchPage, Batch]):
    """List batches, without their results."""


@get("/v1/batches/{id}")
class GetBatch(Call[Batch]):
    """Fetch a batch, with its results once it is completed; ``NotFoundError`` where there is none."""

    id: str


@post("/v1/batches/{id}/cancel")
class CancelBatch(Call[Batch]):
    """Stop a batch, and return it: cancelling, or cancelled already."""

    id: str


class Batches(Family):
    """``client.batches``: many chat completions in one order, done within a day."""

    create = method(CreateBatch)
    list = list_method(ListBatches)
    get = method(GetBatch)
    cancel = method(CancelBatch)
    wait = wait_method(GetBatch)
