"""The answers of several models to one question, as far as they have come. Performs no I/O."""

import time
from collections.abc import Sequence

from meshapi_aio.endpoints._shared import Usage


__all__ = ["ModelAnswer"]


class ModelAnswer:
    """
    What one of the models has answered so far, whether that is all, and what it took.

    ``error``: why no more comes; ``missing``: what of a whole answer is not there.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self.text = ""
        self.error: str | None = None
        self.missing: str | None = None
        self.usage: Usage | None = None
        self.seconds: float | None = None
        self._begun = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self.seconds is not None

    def end(self) -> None:
        """Take note that nothing more comes."""
        self.seconds = time.monotonic() - self._begun

    def fail(self, message: str) -> None:
        """Take note that this model fails."""
        self.error = message
        self.end()

    def remark(self) -> str | None:
        """Return what is to be said beside the text."""
        return self.missing if self.error is None else f"Error: {self.error}"

    def took(self) -> Sequence[str]:
        """Return the time that it took, or takes so far, and the tokens where they are known."""
        seconds = time.monotonic() - self._begun if self.seconds is None else self.seconds
        time_told = f"{seconds:.1f} s" if self.is_over else f"{seconds:.1f} s …"
        usage = self.usage
        counts = {} if usage is None else {"in": usage.prompt_tokens, "out": usage.completion_tokens}
        tokens = [f"{count} {way}" for way, count in counts.items() if count is not None]
        return [time_told, f"tokens: {', '.join(tokens)}"] if tokens else [time_told]
