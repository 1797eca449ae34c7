"""The ready accidents by their names, for the option ``--accident``. Performs no I/O."""

import difflib
import inspect
import itertools
import re
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from meshapi_aio.testing import OWN, Accident, AnswerFunction, Own, ReceivedRequest, accidents


__all__ = ["befalling", "begun", "listed", "named"]

_NONE = "none"
_NAMES = (_NONE, *accidents.ALL)
_MOST_NEAR = 5
_CHAT = "/v1/chat/completions"


def named(_: click.Context, __: click.Parameter, values: Sequence[str]) -> Sequence[str]:
    """Return the names as ``accidents`` spells them; another one fails with those that are near to it."""
    return [_named(value) for value in values]


def _named(value: str) -> str:
    name = value.lower().replace("-", "_")
    if name in _NAMES:
        return name
    near = _near(name)
    told = f"; near are {', '.join(near)}" if near else ""
    msg = f"there is no accident {value!r}{told}; --accidents lists them all"
    raise click.BadParameter(msg)


def begun(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return, for the completion of a shell, the names that begin so, with what they are."""
    begin = incomplete.lower().replace("-", "_")
    return [CompletionItem(name, help=_summary(name)) for name in _NAMES if name.startswith(begin)]


def _near(name: str) -> Sequence[str]:
    """Return the names that somebody may have meant: spelt alike, or with a word in common (429, html)."""
    alike = difflib.get_close_matches(name, _NAMES, n=_MOST_NEAR)
    words = {word for word in name.split("_") if len(word) > 2}
    named = [other for other in _NAMES if words & {*other.split("_")}]
    told = [other for other in _NAMES if words & {*re.findall(r"\w+", _summary(other).lower())}]
    return [*dict.fromkeys([*alike, *named] or told)][:_MOST_NEAR]


def _summary(name: str) -> str:
    """Return in one sentence what an accident is."""
    if name == _NONE:
        return "a good answer, the gateway's own"
    text = inspect.getdoc(accidents.ALL[name]) or ""
    sentence = " ".join(text.partition("\n\n")[0].split())
    return sentence.removeprefix("Return ").rstrip(".").replace("``", "")


def listed() -> str:
    """Return every accident, a line for each."""
    width = max(map(len, _NAMES))
    return "\n".join(f"{name:<{width}}  {_summary(name)}" for name in _NAMES)


def befalling(names: Sequence[str]) -> Own | AnswerFunction:
    """Return what lets chat requests meet these accidents in turn, over and over; others meet none."""
    if not names:
        return OWN
    turns = itertools.cycle([None if name == _NONE else accidents.ALL[name]() for name in names])

    def answer(request: ReceivedRequest) -> Accident | None:
        return next(turns) if request.path == _CHAT else None

    return answer
