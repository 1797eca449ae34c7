"""
What the model says in one choice: reasoning, then a text or calls of tools.

Pure functions, deterministic; this room performs no I/O.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Self

import attrs

from ._checks import tool_name
from ._json import Object, is_object
from ._prompt import prompt, tokens, tool_answer
from ._schema import instance


_LONGEST_QUOTE = 400  # characters of the prompt that the answer repeats
_THINKER = re.compile(r"reason|think|(?<![a-z0-9])(?:r1|o[134])(?![a-z0-9])", re.IGNORECASE)


def name_says_thinking(model: str) -> bool:
    """
    Return whether the name of a model says that it reasons before it answers.

    It does where ``reason`` or ``think`` stands in it, or where one of its parts between other characters
    than letters and digits is ``r1``, ``o1``, ``o3`` or ``o4``: ``openai/o3-mini``, ``deepseek/deepseek-r1``.
    """
    return bool(_THINKER.search(model))


@attrs.frozen
class Reply:
    """One choice in tokens; ``calls`` holds the name of each tool and the tokens of its arguments."""

    reasoning: Sequence[str]
    content: Sequence[str]
    calls: Sequence[tuple[str, Sequence[str]]]
    finish_reason: str

    @property
    def cost(self) -> int:
        """The tokens of everything that was said; the name of a tool is one."""
        return len(self.reasoning) + len(self.content) + sum(1 + len(pieces) for _, pieces in self.calls)

    def cut(self, budget: int | None) -> Self:
        """Return as much as the budget of tokens lets the model say; ``length`` says that it is not all."""
        if budget is None or self.cost <= budget:
            return self
        left = budget - len(self.reasoning)
        calls: list[tuple[str, Sequence[str]]] = []
        for name, pieces in self.calls:
            if left < 1:
                break
            calls.append((name, pieces[: left - 1]))
            left -= 1 + len(pieces)
        content = self.content[: max(left, 0)]
        return attrs.evolve(
            self, reasoning=self.reasoning[:budget], content=content, calls=calls, finish_reason="length"
        )


def reply(request: Object, model: str, number: int, *, thinks: bool) -> Reply:
    """Return what the model says in the choice of that number, the first being 0."""
    reasoning = tokens(_reasoning(request)) if thinks and request.get("reasoning_effort") != "none" else []
    if names := _called(request):
        calls = [(name, tokens(_arguments(request, name))) for name in names]
        said = Reply(reasoning, [], calls, "tool_calls")
    else:
        said = Reply(reasoning, tokens(_before_stop(request, _text(request, model, number))), [], "stop")
    return said.cut(request.get("max_tokens"))


def _reasoning(request: Object) -> str:
    """Return what a reasoning model thinks before it answers."""
    return f"The prompt has {len(prompt(request).split())} words. I shall answer in a sentence or two."


def _text(request: Object, model: str, number: int) -> str:
    """Return what the model says where it calls no tool."""
    wanted: Object = request.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return json.dumps(instance(wanted["json_schema"]["schema"]), ensure_ascii=False)
    which = f"answer {number + 1}" if number else "the answer"
    if (answer := tool_answer(request)) is not None:
        text = f'The tool answered: "{answer[:_LONGEST_QUOTE]}". This is {which} of {model}.'
    else:
        text = f'You said: "{prompt(request)[:_LONGEST_QUOTE]}". This is {which} of {model}.'
    return json.dumps({"answer": text}, ensure_ascii=False) if wanted.get("type") == "json_object" else text


def _before_stop(request: Object, text: str) -> str:
    """Return the text up to the first of the stop sequences, which itself is not said."""
    stops: list[str] | str = request.get("stop") or []
    among = [stops] if isinstance(stops, str) else stops
    return text[: min((text.index(stop) for stop in among if stop and stop in text), default=len(text))]


def _called(request: Object) -> list[str]:
    """
    Return the names of the tools that the model calls.

    Left to its own choice it calls each tool that the prompt mentions, and none when it has just been given a
    tool's answer, so that a loop of calls comes to an end.
    """
    tools: list[Any] = request.get("tools") or []
    names = [name for name in map(tool_name, tools) if name is not None]
    choice = request.get("tool_choice") or "auto"
    if is_object(choice):
        return [name for name in names if name == tool_name(choice)][:1]
    said = prompt(request)
    mentioned = [name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said)]
    if choice == "required":
        return mentioned or names[:1]
    return mentioned if choice == "auto" and tool_answer(request) is None else []


def _arguments(request: Object, name: str) -> str:
    """Return arguments, as JSON text, that the schema of the tool accepts."""
    tools: list[Object] = request["tools"]
    function: Object = next(tool["function"] for tool in tools if tool_name(tool) == name)
    parameters: Object = function.get("parameters") or {}
    return json.dumps(instance({"type": "object", **parameters}, name), ensure_ascii=False)
