"""One question and its answer: asked whole or as a stream, shown as text or as JSON, and what it took."""

import json
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console

from meshapi_aio._shape import Shape
from meshapi_aio.client import MeshAPI
from meshapi_aio.endpoints._messages import Message, ToolCall
from meshapi_aio.endpoints.chat import ChatCompletion

from ._output import Output, note
from ._rendered import RenderedOutput


__all__ = ["Manner", "Turn", "json_line", "show_the_rest", "what_is_missing"]

# The other reasons to stop are those of a whole answer, or say themselves what they are.
_CUT_SHORT = frozenset({"length", "content_filter"})


class Manner(NamedTuple):
    """How answers are asked for and shown: ``plain`` without rendering, ``quiet`` without what they took."""

    stream: bool = True
    as_json: bool = False
    plain: bool = False
    quiet: bool = False


class Turn:
    """One question and its answer. ``text`` is what of the answer has come so far."""

    def __init__(self, client: MeshAPI, manner: Manner) -> None:
        self.text = ""
        self._client = client
        self._manner = manner
        self._begun = time.monotonic()
        self._first: float | None = None

    async def ask(self, model: str, messages: Sequence[Message]) -> ChatCompletion:
        """
        Ask, show the answer as it comes, and return it whole.

        Raises what the client raises; what came before that has been shown.
        """
        as_json = self._manner.as_json
        with (
            Output()
            if as_json or self._manner.plain or not _can_be_rendered()
            else RenderedOutput() as output
        ):
            if self._manner.stream:
                completion = await self._stream(model, messages, output)
            else:
                completion = await self._client.chat.completions.create(model=model, messages=messages)
                self.text = completion.choices[0].message.text if completion.choices else ""
                output.write(json_line(completion) if as_json else self.text)
        if not as_json:
            show_the_rest(completion)
        if not self._manner.quiet:
            note(self._took(completion))
        return completion

    async def _stream(
        self, model: str, messages: Sequence[Message], output: Output | RenderedOutput
    ) -> ChatCompletion:
        async with self._client.chat.completions.stream(model=model, messages=messages) as stream:
            if self._manner.as_json:
                async for chunk in stream:
                    self._hear(chunk.text)
                    output.write(json_line(chunk))
            else:
                async for text in stream.text_stream:
                    self._hear(text)
                    output.write(text)
            return await stream.get_final_completion()

    def _hear(self, text: str) -> None:
        if text and self._first is None:
            self._first = time.monotonic()
        self.text += text

    def _took(self, completion: ChatCompletion) -> str:
        """Return tokens and times as a few words; what is not known is left out."""
        usage = completion.usage
        counts = {} if usage is None else {"in": usage.prompt_tokens, "out": usage.completion_tokens}
        told = [f"{count} {way}" for way, count in counts.items() if count is not None]
        parts = [f"tokens: {', '.join(told)}"] if told else []
        if self._first is not None:
            parts.append(f"first token: {self._first - self._begun:.2f} s")
        parts.append(f"total: {time.monotonic() - self._begun:.2f} s")
        return " · ".join(parts)


def _can_be_rendered() -> bool:
    return sys.stdout is not None and sys.stdout.isatty() and not Console().is_dumb_terminal


def json_line(shape: Shape) -> str:
    """Return a shape as a line of JSON."""
    # Escapes beyond ASCII, since a chunk may hold half of a character, which no encoding can write.
    return json.dumps(shape.to_dict()) + "\n"


def show_the_rest(completion: ChatCompletion) -> None:
    """Show what of an answer is no text: calls of tools, that it was cut short, or that there is nothing."""
    with Output() as output:
        for call in _calls(completion):
            output.write(f"{call.function.name}({_arguments(call)})\n")
    choice = completion.choices[0] if completion.choices else None
    is_empty = choice is None or not (choice.message.text or _calls(completion))
    missing = what_is_missing(choice.finish_reason if choice is not None else None, is_empty=is_empty)
    if missing is not None:
        note(missing)


def what_is_missing(reason: str | None, *, is_empty: bool) -> str | None:
    """Return that an answer was cut short, or that there is nothing in it; None where it is whole."""
    if is_empty:
        return f"the answer is empty (finish reason: {reason or 'none given'})"
    return f"the answer was cut short (finish reason: {reason})" if reason in _CUT_SHORT else None


def _calls(completion: ChatCompletion) -> list[ToolCall]:
    return (completion.choices[0].message.tool_calls or []) if completion.choices else []


def _arguments(call: ToolCall) -> str:
    # Decoded and encoded, since some models write every letter beyond ASCII as an escape.
    try:
        return json.dumps(json.loads(call.function.arguments), ensure_ascii=False)
    except ValueError:  # of an answer that came whole they are what the model wrote, JSON or not
        return call.function.arguments
