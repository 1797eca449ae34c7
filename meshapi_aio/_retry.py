"""May a call be sent again after an error, and when? Pure: the same error gives the same answer."""

from collections.abc import Callable

from .errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    MeshAPIError,
    StreamAPIError,
    StreamTruncatedError,
)
from .settings import Retry


__all__ = ["pause_before_retry"]


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
        return retry.unanswered or error.stale or not error.sent
    return isinstance(error, StreamTruncatedError) and retry.unanswered
