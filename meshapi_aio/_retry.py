"""May a call be sent again after an error, when, and to which model? Pure."""

from collections.abc import Callable

from .errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    MeshAPIError,
    StreamAPIError,
    StreamTruncatedError,
)
from .settings import Fallback, Retry


__all__ = ["leads_on", "passes_by", "pause_before_retry"]


def pause_before_retry(
    error: MeshAPIError, retry: Retry, *, retries: int, left: float | None, draw: Callable[[], float]
) -> float | None:
    """
    Return the seconds to wait before sending a call again, or None where it must not be.

    ``retries`` counts those already made, ``left`` is what remains of ``Timeout.total`` in seconds: a retry
    that could not begin in it is not made. Only errors from before the first event come here.
    """
    if not _passes(error, retry):
        return None
    retry_after = error.retry_after if isinstance(error, (APIStatusError, StreamAPIError)) else None
    pause = retry.delay(retries, retry_after, draw)
    if pause is not None and isinstance(error, APIConnectionError) and error.stale:
        # The gateway had closed this pooled connection before the request reached it; a new one is used.
        pause = 0.0
    if pause is not None and left is not None and pause >= left:
        return None
    return pause


def _passes(error: MeshAPIError, retry: Retry) -> bool:
    if isinstance(error, (APIStatusError, StreamAPIError)):
        # The gateway marks this one as final, although its status is that of passing failures.
        return error.status in retry.on_status and error.code != "provider_job_failed"
    if isinstance(error, APITimeoutError) and error.phase == "deadline":
        return False
    if isinstance(error, APIConnectionError):
        return not error.lasting and (retry.unanswered or error.stale or not error.sent)
    return isinstance(error, StreamTruncatedError) and retry.unanswered


def passes_by(error: MeshAPIError, retry: Retry) -> bool:
    """
    Tell whether something that is merely looked at can be looked at again after an error.

    Looking does nothing at the gateway, so a request that got no answer passes by too, and one that took too
    long.
    """
    if isinstance(error, APIConnectionError):
        return not error.lasting
    return _passes(error, retry)


def leads_on(error: MeshAPIError, fallback: Fallback) -> bool:
    """
    Tell whether another model may be asked after this one failed for good.

    The rules are those of the gateway's own clients: statuses in ``on_status`` and failures of the connection
    lead on, terminal errors and timeouts do not. Nor do lasting failures: no connection can be made at all,
    and the other model is behind the same one.
    """
    if isinstance(error, (APIStatusError, StreamAPIError)):
        return error.status in fallback.on_status
    if isinstance(error, APIConnectionError):
        return not isinstance(error, APITimeoutError) and not error.lasting
    return isinstance(error, StreamTruncatedError)
