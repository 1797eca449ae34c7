"""What a conversation is made of: its messages, its model, and the file it is kept in. Knows no terminal."""

import json
from collections.abc import Sequence
from pathlib import Path

from meshapi_aio.endpoints._messages import ContentPart, Message

from ._files import message


__all__ = ["Talk"]


class Talk:
    """
    A conversation so far.

    ``attachments`` go with the first question that is answered.
    """

    def __init__(self, model: str, system: str | None, attachments: Sequence[ContentPart]) -> None:
        self.model = model
        self.system = system
        self._attachments = list(attachments)
        self._messages: list[Message] = []
        self._saved: set[Path] = set()

    def messages(self, prompt: str | None = None) -> list[Message]:
        """Return the messages, instructions first; with a prompt, those that ask it."""
        instructions = [Message.system(self.system)] if self.system is not None else []
        asked = [message(prompt, self._attachments)] if prompt is not None else []
        return [*instructions, *self._messages, *asked]

    def take(self, prompt: str, reply: Message) -> None:
        """Add a question that was answered, and the reply's message as it is."""
        self._messages += [message(prompt, self._attachments), reply]
        self._attachments.clear()

    def save(self, path: Path) -> int:
        """
        Write the messages into a file, as JSON, and return how many.

        Replaces only what this conversation has written there. Raises ``OSError``.
        """
        messages = [message.to_dict() for message in self.messages()]
        text = json.dumps(messages, indent=2, ensure_ascii=False) + "\n"
        # Half of a character has no UTF-8 form; its escape is the one that JSON has.
        with path.open(
            "w" if path in self._saved else "x", encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(text)
        self._saved.add(path)
        return len(messages)
