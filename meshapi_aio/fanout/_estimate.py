"""How many tokens a call takes: guessed for rate limits, and bounded for budgets. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


__all__ = ["Tokens", "guess_tokens", "most_tokens"]

_CHARACTERS = 4
"""To a token, of English text in the tokenizers of the larger providers."""

_ANSWER = 256
"""Tokens that an answer is guessed to have where the call sets no limit."""

_EXTRA = 16
"""
Tokens at most that a message costs beside its text: who speaks, and where it begins and ends.

The templates that are public take 3 to 7 of them.
"""

_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_OTHER_PROMPTS = frozenset({"template", "variables"})
"""Fields through which texts come into the prompt that the call does not hold."""
_NOT_TEXT = frozenset(
    {"image_url", "input_image", "input_audio", "video_url", "file", "input_file", "image", "audio"}
)
"""Kinds of parts whose tokens are counted by size and time."""


class Tokens(NamedTuple):
    """Tokens of a call: of what it says, and of what is answered."""

    prompt: int
    completion: int


def guess_tokens(call: object) -> Tokens:
    """
    Return about how many tokens a call takes; none of what says nothing.

    ``call`` is a call, a mapping such as its body, or a text.
    """
    body = _body(call)
    if body is None:
        return Tokens(-(-len(call) // _CHARACTERS) if isinstance(call, str) else 0, 0)
    characters = sum(len(text) for text in _texts(body, keys=False) if not text.startswith("data:"))
    if not characters:
        return Tokens(0, 0)
    limit = _limit(body)
    return Tokens(-(-characters // _CHARACTERS), (_ANSWER if limit is None else limit) * _answers(body))


def most_tokens(call: object, context: int | None) -> Tokens | None:
    """
    Return how many tokens a call can take at most, None where there is no saying.

    A token stands for at least one byte in the tokenizers that work on bytes, which all larger ones do; so a
    prompt has no more tokens than bytes, and some for each message. An answer has no more than the call
    allows, or than the model's ``context`` can hold. Of images, sound, video, files and stored templates
    the call does not tell how much they are.
    """
    body = _body(call)
    if body is None or any(body.get(name) for name in _OTHER_PROMPTS) or _has_more_than_text(body):
        return None
    limit = _limit(body)
    if limit is None:
        limit = context
    if limit is None:
        return None
    messages = body.get("messages")
    pieces = (len(messages) if isinstance(messages, list) else 1) + 1
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in _texts(body, keys=True))
    return Tokens(size + pieces * _EXTRA, limit * _answers(body))


def _body(call: object) -> Mapping[str, Any] | None:
    if isinstance(call, Mapping):
        return call
    body = getattr(call, "body", None)
    said = body() if callable(body) else None
    return said if isinstance(said, Mapping) else None


def _limit(body: Mapping[str, Any]) -> int | None:
    limits = [body[name] for name in _LIMITS if isinstance(body.get(name), int)]
    return max(limits, default=None)


def _answers(body: Mapping[str, Any]) -> int:
    count = body.get("n")
    return count if isinstance(count, int) and count > 0 else 1


def _texts(value: object, *, keys: bool) -> Iterator[str]:
    """Yield all texts in a body; the keys of tools and schemas are part of a prompt, too."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
            waiting.extend(value.keys() if keys else ())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)


def _has_more_than_text(body: Mapping[str, Any]) -> bool:
    waiting: list[Any] = [body.get("messages"), body.get("input")]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if value.get("type") in _NOT_TEXT or _NOT_TEXT & value.keys():
                return True
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)
    return bool(body.get("modality") not in {None, "text"} or body.get("audio"))
