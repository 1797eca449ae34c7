"""How the events of a comparison fold together. Pure."""

from collections.abc import Sequence
from typing import Any

from .._batch import Batch
from ._streams import Folder
from ._text import join_halves


__all__ = ["ComparisonFolder"]

_HEAD = (
    "comparison_id",
    "models",
    "comparison_model",
    "comparison_fallback_used",
    "partial",
    "skip_comparison",
    "total_latency_ms",
)
_OF_ONE = ("error", "error_code", "usage", "latency_ms")


class ComparisonFolder(Folder):
    """Folds the events of a comparison: those of each model, and those of the comparison itself."""

    __slots__ = ("_head", "_results", "_texts")

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._texts: dict[str | None, list[str]] = {}
        self._results: dict[str, dict[str, Any]] = {}

    def add(self, chunks: Batch[Any]) -> None:
        """Take events."""
        for event in chunks:
            self._head.update(_told(event, _HEAD))
            if event.model is not None:
                self._results.setdefault(event.model, {}).update(_told(event, _OF_ONE))
            if event.text:
                self._texts.setdefault(event.model, []).append(event.text)

    def head(self) -> dict[str, Any]:
        """Return what is known besides the results, as fields of a comparison."""
        return {**self._head, "comparison": self._text(None)}

    def results(self) -> list[dict[str, Any]]:
        """Return what is known of each model that events told of, as fields of results."""
        order = dict.fromkeys([*self._head.get("models", []), *self._results])
        return [
            {"model": model, "content": self._text(model), **self._results[model]}
            for model in order
            if model in self._results
        ]

    def _text(self, model: str | None) -> str | None:
        texts = self._texts.get(model)
        return None if texts is None else join_halves("".join(texts))


def _told(event: object, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(event, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
