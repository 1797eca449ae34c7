"""The answers of several models to one question, as far as they have come. Performs no I/O."""

import time
from collections.abc import Sequence

from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.endpoints._text import TextJoiner
from meshapi_aio.endpoints.compare import ComparisonEvent

from ._asking import what_is_missing
from ._output import one_line


__all__ = ["ModelAnswer"]


class ModelAnswer:
    """What one of the models has answered so far, whether that is all, and what it took."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.text = ""
        self.error: str | None = None
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._joiner = TextJoiner()
        self._begun = time.monotonic()
        self._seconds: float | None = None
        self._is_whole = False

    def hear(self, event: ComparisonEvent) -> None:
        """Take in what an event says of this model."""
        self.text += self._joiner.add(event.text)
        # Seen where answers do not stream; lest one be taken for empty, should it come so.
        content = event.data.get("content") if isinstance(event.data, dict) else None
        if isinstance(content, str) and not self.text:
            self.text = self._joiner.add(content)
        self._usage = event.usage or self._usage
        self._finish_reason = event.finish_reason or self._finish_reason
        if event.error is not None:
            self.error = one_line(": ".join(filter(None, [event.error_code, event.error])))
        if event.latency_ms is not None:
            self._seconds = event.latency_ms / 1000
        elif event.error is not None or event.finish_reason is not None:
            self._stop()

    def end(self) -> None:
        """Take note that all that there was to come has come."""
        self.text += self._joiner.end()
        self._is_whole = True
        if not self.is_over:
            self._stop()

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self._seconds is not None

    def remark(self) -> str | None:
        """Return what is to be said beside the text: why there is none, or not all of it."""
        if self.error is not None:
            return f"Error: {self.error}"
        if not self.text and not self._is_whole:
            return None
        return what_is_missing(self._finish_reason, is_empty=not self.text)

    def took(self) -> Sequence[str]:
        """Return the time that it took, or takes so far, and the tokens where they are known."""
        told = f"{self._so_far():.1f} s …" if self._seconds is None else f"{self._seconds:.1f} s"
        usage = self._usage
        counts = {} if usage is None else {"in": usage.prompt_tokens, "out": usage.completion_tokens}
        tokens = [f"{count} {way}" for way, count in counts.items() if count is not None]
        return [told, f"tokens: {', '.join(tokens)}"] if tokens else [told]

    def _so_far(self) -> float:
        return time.monotonic() - self._begun

    def _stop(self) -> None:
        self._seconds = self._so_far()
