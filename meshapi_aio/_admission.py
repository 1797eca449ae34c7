"""
What bounds calls beside the client itself: whoever has to be asked before each attempt. Protocols, no limits.

The limits of ``meshapi_aio.fanout`` are such; neither they nor the client know the other.
"""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


__all__ = ["Admission", "Limiter", "leave"]


class Admission(Protocol):
    """One call's leave to go to the gateway, to be had anew for each attempt."""

    entered: bool
    """Whether an attempt has it now."""

    async def enter(self) -> None:
        """Wait until an attempt may go."""
        ...

    def leave(self, *, status: int | None, headers: Mapping[str, str], tokens: int | None) -> None:
        """
        Give it back, and tell how the attempt went.

        ``status`` is the HTTP status, of an error event the one that its code stands for, None where no
        answer came; ``headers`` are those of the answer, ``tokens`` what was used, None where nobody said.
        """
        ...


@runtime_checkable
class Limiter(Protocol):
    """What bounds calls."""

    def gate(self, call: object) -> Admission:
        """Return what one call has to ask."""
        ...


def leave(admission: Admission, status: int | None, headers: Mapping[str, str], usage: object = None) -> None:
    """Give a leave back after an attempt, of whose token counts ``usage`` tells, where they are known."""
    admission.leave(status=status, headers=headers, tokens=getattr(usage, "total_tokens", None))
