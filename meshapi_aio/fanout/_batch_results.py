"""Results of the gateway's batches as outcomes, so that they go into the same files. Pure."""

from collections.abc import Mapping
from typing import Any

from .._codec import structurer, unfit
from ..endpoints.batches import BatchResult
from ..endpoints.chat import ChatCompletion
from ..errors import APIStatusError, DecodeError
from ._judging import kind_of_error, kind_of_reply
from ._outcome import Outcome, OutcomeKind, PaidAttempt
from ._rows import Row


__all__ = ["outcome_of"]


def outcome_of(result: BatchResult, row: Row, *, index: int, repeat: int) -> Outcome[Any, Any]:
    """
    Return the outcome of a row, of which a batch has the result.

    Times are not known, and 0; nor is what it cost, since batches have prices of their own.
    """
    status, body, request_id = 0, None, None
    if result.response is not None:
        status, body = result.response.status_code or 0, result.response.body
        request_id = result.response.extra.get("request_id")
    reply, error = _reply(status, body, result.error)
    kind: OutcomeKind = kind_of_reply(reply, row.call) if error is None else kind_of_error(error)
    attempt = PaidAttempt(
        status=status or None,
        request_id=request_id,
        model=getattr(reply, "model", None),
        error=None if error is None else f"{type(error).__name__}: {error}",
        usage=getattr(reply, "usage", None),
    )
    return Outcome(
        index=index,
        call=row.call,
        kind=kind,
        result=reply if not isinstance(error, DecodeError) else body,  # which may be worth a look
        error=error,
        attempts=(attempt,),
        repeat=repeat,
        custom_id=row.custom_id,
        model=getattr(reply, "model", None) or getattr(row.call, "model", None),
    )


def _reply(
    status: int, body: Mapping[str, Any] | None, error: Any
) -> tuple[ChatCompletion | None, Exception | None]:
    """Return what was answered, or why nothing was."""
    said = error or (body.get("error") if body is not None and not 200 <= status < 300 else None)
    if said is None and body is not None and 200 <= status < 300:
        try:
            made: ChatCompletion = structurer(ChatCompletion)(body)
        except Exception as failure:  # noqa: BLE001 - cattrs raises groups of whatever the hooks raise
            return None, DecodeError(f"the result is no completion: {unfit(failure)}", body=dict(body))
        return made, None
    code = said.get("code") if isinstance(said, Mapping) else None
    message = said.get("message") if isinstance(said, Mapping) else said
    text = str(message or "the batch has no answer to this request")
    return None, APIStatusError.of(status)(text, status=status or None, code=code, body=body)
