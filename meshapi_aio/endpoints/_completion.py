"""How the chunks of a completion fold together. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from .._batch import Batch, Run
from ._folding import ChoiceFolder
from ._streams import Folder


__all__ = ["FAILED", "HEAD", "CompletionFolder", "error_of"]

HEAD = ("id", "created", "model", "usage", "cost", "system_fingerprint")
"""What a chunk and a completion say besides their choices."""

FAILED: Mapping[str, str] = {
    "code": "upstream_error",
    "message": "the answer ended with finish_reason 'error'",
}
"""What is known of an upstream that failed on its way and told it by its finish reason alone."""


def error_of(choices: Iterable[Any]) -> Mapping[str, Any] | None:
    """Return the error that the finish reason of a whole answer tells, None where there is none."""
    for choice in choices:
        if choice.finish_reason == "error":
            said = choice.extra.get("error")
            said = {"message": said} if isinstance(said, str) and said else said
            return {**FAILED, **said} if isinstance(said, dict) else FAILED
    return None


_DELTA = ".choices[].delta."


class CompletionFolder(Folder):
    """
    Folds the chunks of a completion.

    Measured with one answer (Python 3.11), µs a chunk: 0.7 alone, or 2.4 where it is a piece of a tool's
    arguments; 0.02 and 0.45 in runs of chunks that are known to be alike.
    """

    __slots__ = (
        "_cost",
        "_created",
        "_extra",
        "_fingerprint",
        "_folders",
        "_has_first",
        "_id",
        "_model",
        "_usage",
    )

    def __init__(self) -> None:
        # Slots, where a dict would weigh 0.2 KiB more for each open stream.
        self._id = self._created = self._model = None
        self._usage = self._cost = self._fingerprint = None
        self._has_first = False
        self._extra: dict[str, Any] | None = None
        self._folders: dict[int, ChoiceFolder] = {}

    @property
    def whole(self) -> bool:
        """Whether every answer has told why it ended."""
        return bool(self._folders) and all(folder.finish_reason for folder in self._folders.values())

    @property
    def failure(self) -> Mapping[str, str] | None:
        """What is known of a failure that an answer told as the reason of its end."""
        failed = any(folder.finish_reason == "error" for folder in self._folders.values())
        return FAILED if failed else None

    @property
    def usage(self) -> Any:
        """The token counts, where they were told."""
        return self._usage

    def head(self) -> dict[str, Any]:
        """Return what is known besides the choices, as fields of a completion."""
        return {
            "id": self._id,
            "created": self._created,
            "model": self._model,
            "usage": self._usage,
            "cost": self._cost,
            "system_fingerprint": self._fingerprint,
            "extra": dict(self._extra or {}),
        }

    def choices(self, *, whole: bool) -> list[dict[str, Any]]:
        """Return the answers, as fields of choices; ``whole`` says that nothing is missing."""
        return [
            {"index": index, **folder.fold(whole=whole)} for index, folder in sorted(self._folders.items())
        ]

    def add(self, chunks: Batch[Any]) -> None:
        """Take chunks."""
        for piece in chunks.pieces:
            if isinstance(piece, Run):
                first = piece.make(piece.texts[0])
                self._add_each([first])
                if not self._extend(first, piece):
                    self._add_each(map(piece.make, piece.texts[1:]))
            else:
                self._add_each(piece)

    def _add_each(self, chunks: Iterable[Any]) -> None:
        folders = self._folders
        for chunk in chunks:
            if chunk.extra:
                self._add_extra(chunk.extra)
            if not self._has_first or chunk.usage is not None or chunk.cost is not None:
                self._add_head(chunk)
            elif chunk.system_fingerprint is not None:
                self._fingerprint = chunk.system_fingerprint
            for choice in chunk.choices:
                folder = folders.get(choice.index or 0)
                if folder is None:
                    folder = folders[choice.index or 0] = ChoiceFolder()
                if choice.finish_reason is None and choice.logprobs is None and not choice.extra:
                    folder.message.add(choice.delta)
                else:
                    folder.add(choice.delta, choice.finish_reason, choice.logprobs, choice.extra)

    def _add_extra(self, extra: dict[str, Any]) -> None:
        if self._extra is None:
            self._extra = {}
        for key, value in extra.items():
            if value is not None:
                self._extra[key] = value

    def _add_head(self, chunk: Any) -> None:
        if not self._has_first:  # the tail's model is an upstream build name, so the first that came holds
            self._id = chunk.id if self._id is None else self._id
            self._created = chunk.created if self._created is None else self._created
            self._model = chunk.model if self._model is None else self._model
            self._has_first = None not in (self._id, self._created, self._model)
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.cost is not None:
            self._cost = chunk.cost
        if chunk.system_fingerprint is not None:
            self._fingerprint = chunk.system_fingerprint

    def _extend(self, first: Any, run: Run[Any]) -> bool:
        """Take a run but its first, if a text of the one answer is all that its chunks add."""
        if (
            not run.path.startswith(_DELTA)
            or len(first.choices) != 1
            or first.choices[0].logprobs is not None
        ):
            return False
        choice = first.choices[0]
        message = self._folders[choice.index or 0].message
        return message.extend(choice.delta, run.path.removeprefix(_DELTA), run.texts[1:])
