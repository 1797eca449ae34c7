"""What the output of a response says, and how the events of a streamed one fold together. Pure."""

from collections.abc import Mapping
from typing import Any

from .._batch import Batch, Run
from ._completion import CompletionFolder
from ._streams import Folder


__all__ = ["NO_REASON", "ResponseFolder", "text_of"]

NO_REASON: Mapping[str, str] = {
    "code": "upstream_error",
    "message": "the response failed, and does not say why",
}
"""What is known of a response that failed and told no error."""


def text_of(output: list[dict[str, Any]] | str | None) -> str:
    """Return the text in an output: it is a text itself, or a list of items whose content has parts."""
    if isinstance(output, str):
        return output
    contents = [item.get("content") for item in output or []]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    texts = [
        part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "output_text"
    ]
    return "".join(text for text in texts if isinstance(text, str))


class ResponseFolder(Folder):
    """Folds the events of a response, and the chunks of chat that some models send in their place."""

    __slots__ = ("_failed", "_said", "chat", "response")

    def __init__(self) -> None:
        self.response: Any = None
        """The response as the last event that had one had it."""
        self.chat = CompletionFolder()
        """What came in the shape of chat."""
        self._said: list[str] = []  # by events with a type
        self._failed = False

    @property
    def text(self) -> str:
        """The text that events with a type have brought."""
        return "".join(self._said)

    @property
    def whole(self) -> bool:
        """Whether a response has come that is done, or an answer of chat has told why it ended."""
        return (self.response is not None and self.response.is_done) or self.chat.whole

    @property
    def failure(self) -> Mapping[str, str] | None:
        """What is known of a failure that was told."""
        return NO_REASON if self._failed else self.chat.failure

    @property
    def usage(self) -> Any:
        """The token counts, where they were told."""
        return self.response.usage if self.response is not None else self.chat.usage

    def add(self, chunks: Batch[Any]) -> None:
        """Take events."""
        for piece in chunks.pieces:
            if isinstance(piece, Run) and piece.path.startswith(".choices"):
                self.chat.add(Batch(piece))
                continue
            if isinstance(piece, Run) and piece.path == ".delta":  # all of one type
                self._said += piece.texts if piece.make("x").text else []
                continue
            for event in Batch(piece):
                if event.type is None:
                    self.chat.add(Batch([event]))
                    continue
                self._said.append(event.text)
                self._failed = self._failed or event._spoilt() is not None  # noqa: SLF001 - of its own family
                self.response = event.response or self.response
