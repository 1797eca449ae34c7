"""
Accidents among the events of a stream: errors, events that are none, and odd ones that are fine.

Values only; this room performs no I/O.
"""

from typing import Any

from .._json import Object
from .._script import Accident, Answer, Event
from ._parts import DONE, WORDS, around, chunk, completion, ending, error, words


def error_frame(*, after: int = 3, code: str = "upstream_error", done: bool = True) -> Accident:
    """
    Return a stream that brings an error after so many words.

    The status was 200 long ago, so the gateway tells of a failure in an event without ``choices``. Clients
    that look for those alone end with a part as if it were whole; a correct one raises, with the part
    (``StreamAPIError``). ``done``: whether the end mark follows.
    """
    events = [*words(after), error(code, "the upstream failed")]
    return Accident("error_frame", stream=Answer(events=events, done=done))


def error_frame_first(*, code: str = "rate_limit_exceeded") -> Accident:
    """
    Return a stream whose only event is an error.

    A rejection that would have been a status without streaming. Nothing was delivered, so a correct client
    tries again where that status would be (``StreamAPIError``).
    """
    return Accident("error_frame_first", stream=Answer(events=[error(code, "not now")]))


def error_frame_as_text(*, after: int = 3) -> Accident:
    """
    Return a stream that brings ``{"error": "text"}`` after so many words.

    Not every part of a gateway knows its own envelope. It is an error all the same (``StreamAPIError``).
    """
    events: list[Event] = [*words(after), {"error": "the upstream failed"}]
    return Accident("error_frame_as_text", stream=Answer(events=events), whole=Answer(body=events[-1]))


def error_event(*, after: int = 3) -> Accident:
    """
    Return a stream that brings an event of the type ``error``, with plain text, after so many words.

    What some servers make of an exception (``StreamAPIError``).
    """
    event = b"event: error\ndata: the upstream failed\n\n"
    return Accident("error_event", stream=Answer(events=[*words(after), event]))


def null_error() -> Accident:
    """
    Return an answer whose every chunk has ``"error": null``.

    A field that is always there is no error, although some clients take it for one: the answer is fine.
    """
    events = [{**event, "error": None} for event in [*words(), *ending()]]
    return Accident("null_error", stream=Answer(events=events), whole=Answer(body=completion(error=None)))


def malformed_event(*, after: int = 3) -> Accident:
    """
    Return a stream with an event among the others that is no JSON.

    Two processes that write to one pipe do this. To skip it is to lose text in silence; a correct client
    raises, or counts it where it was told to go on (``MalformedEventError``; of a whole answer
    ``UnexpectedResponseError``).
    """
    return Accident(
        "malformed_event",
        stream=Answer(events=around('{"choices":[{"delta":{"con', after=after)),
        whole=Answer(body=b'{"choices":[{', headers={"Content-Type": "application/json"}),
    )


def wrong_shape_event(*, after: int = 3) -> Accident:
    """
    Return a stream with an event among the others that is JSON of another shape.

    As ``malformed_event`` (``MalformedEventError``; of a whole answer ``DecodeError``).
    """
    wrong = {"choices": "none"}
    return Accident(
        "wrong_shape_event", stream=Answer(events=around(wrong, after=after)), whole=Answer(body=wrong)
    )


def empty_choices() -> Accident:
    """
    Return an answer with ``"choices": []`` in it.

    Every stream has such a chunk, the last, which holds the usage; here others have it too, and the whole
    answer. It is fine: who writes ``choices[0]`` falls over it.
    """
    return _with_choices("empty_choices", [])


def null_choices() -> Accident:
    """Return an answer with ``"choices": null`` in it, which is fine and reads as no choices."""
    return _with_choices("null_choices", None)


def missing_delta() -> Accident:
    """Return a stream with choices that have no ``delta``, or null for it: fine, they add nothing."""
    null: dict[str, Any] = {"choices": [{"index": 0, "delta": None}]}
    return Accident("missing_delta", stream=Answer(events=around(chunk(), null)))


def bare_chunks() -> Accident:
    """
    Return a stream of chunks without ``id``, ``object``, ``created``, ``model`` and ``index``.

    Some upstreams send no more than the text. It is fine.
    """
    deltas: list[Object] = [{"delta": {"content": word}} for word in WORDS]
    events = [{"choices": [choice]} for choice in [*deltas, {"finish_reason": "stop"}]]
    return Accident("bare_chunks", stream=Answer(events=events))


def split_character() -> Accident:
    """
    Return a stream in which one character, a face, comes as two halves in two chunks.

    A model's token may end inside a character; as JSON the halves are escapes that are valid and cannot be
    printed. The text is "All is", the face, and "well"; a correct client joins them.
    """
    pieces = ["All is ", "\ud83d", "\ude42", " well"]
    events = [*(chunk({"content": piece}) for piece in pieces), *ending()]
    return Accident("split_character", stream=Answer(events=events))


def leaked_frames() -> Accident:
    """
    Return a stream with events of another endpoint in it (``response.created`` and the like).

    Seen on this gateway's chat streams. They have no choices and add nothing: the answer is fine.
    """
    leaked: list[Event] = [
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
        {"type": "response.output_text.delta", "delta": "not this"},
    ]
    return Accident("leaked_frames", stream=Answer(events=around(*leaked)))


def done_twice() -> Accident:
    """
    Return a stream with a second answer and a second end mark after the first.

    What follows the mark does not belong to the answer, which is fine.
    """
    second: list[Event] = [chunk({"content": "Not this"}), *ending("length")]
    return Accident("done_twice", stream=Answer(events=[*words(), *ending(), DONE, *second]))


def unknown_finish_reason(*, finish_reason: str = "eos_token") -> Accident:
    """Return an answer whose finish reason is in no documentation; it is fine, since the set is open."""
    choice = {**completion()["choices"][0], "finish_reason": finish_reason}
    return Accident(
        "unknown_finish_reason",
        stream=Answer(events=[*words(), *ending(finish_reason)]),
        whole=Answer(body=completion(choices=[choice])),
    )


def finish_reason_error(*, after: int = 3) -> Accident:
    """
    Return an answer that ends after so many words with ``"finish_reason": "error"``.

    An upstream's way to fail without an error event. It has an end mark and looks whole; a correct client
    raises, with the part (``StreamAPIError``; of a whole answer ``InternalServerError``).
    """
    message = {"role": "assistant", "content": "".join(WORDS[:after])}
    choice = {"index": 0, "message": message, "finish_reason": "error"}
    return Accident(
        "finish_reason_error",
        stream=Answer(events=[*words(after), *ending("error")]),
        whole=Answer(body=completion(choices=[choice])),
    )


def _with_choices(name: str, choices: object) -> Accident:
    odd = {"choices": choices}
    return Accident(
        name, stream=Answer(events=around(odd, odd)), whole=Answer(body=completion(choices=choices))
    )
