"""
Accidents of answers that are whole, and yet not what was asked for.

Values only; this room performs no I/O. Nothing raises here: whoever uses the answer has to look at it.
"""

from typing import Any

from .._script import Accident, Answer
from ._parts import WORDS, chunk, completion, ending, words


def out_of_tokens(*, after: int = 3) -> Accident:
    """
    Return an answer that stops after so many words because its tokens are used up.

    ``max_tokens``, or the context, was too small. It is whole to every client; its finish reason ``length``
    says that the text is not, and a bot that takes it for one stores half a sentence, or half a JSON object.
    """
    return _ended("out_of_tokens", after, "length")


def content_filtered(*, after: int = 3) -> Accident:
    """
    Return an answer that a filter stops after so many words.

    What a provider does instead of an error when it objects to its own answer. Whole to every client; the
    finish reason is ``content_filter``.
    """
    return _ended("content_filtered", after, "content_filter")


def says_nothing() -> Accident:
    """
    Return an answer without any text, which ends as if all were well.

    Models do that, after a tool's answer above all. Whole to every client, with ``stop`` as finish reason; a
    bot that sends its text on gets refused there for an empty message.
    """
    return _ended("says_nothing", 0, "stop")


def no_usage() -> Accident:
    """
    Return an answer that does not tell what it cost.

    Not every provider counts. The answer is fine; a bot that adds up ``usage.total_tokens`` finds None.
    """
    whole: dict[str, Any] = completion(usage=None)
    return Accident("no_usage", stream=Answer(events=[*words(), chunk({}, "stop")]), whole=Answer(body=whole))


def _ended(name: str, after: int, finish_reason: str) -> Accident:
    message = {"role": "assistant", "content": "".join(WORDS[:after])}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return Accident(
        name,
        stream=Answer(events=[*words(after), *ending(finish_reason)]),
        whole=Answer(body=completion(choices=[choice])),
    )
