"""
Accidents of the connection: it ends, breaks or falls silent where it should not.

Values only; this room performs no I/O.
"""

from .._script import CUT, HANG, RESET, Accident, Answer, Event, Heartbeats, Pause, Step
from ._parts import DONE, MOMENT, broken_body, ending, words


def truncated(*, after: int = 3) -> Accident:
    """
    Return a stream that ends in good order after so many words, as if it were whole.

    A proxy that times out, or an upstream that dies, closes the body properly: only the missing finish reason
    and end mark tell. Clients that do not look for them take the part for the answer; a correct one raises,
    with the part (``StreamTruncatedError``). A call that does not stream gets half a body, and then the end
    of the connection (``APIConnectionError``).
    """
    return Accident("truncated", stream=Answer(events=words(after), done=False), whole=broken_body())


def truncated_in_event(*, after: int = 3) -> Accident:
    """
    Return a stream that ends in good order in the middle of an event.

    The same, a few bytes later. What there is of the event is no event and must be dropped, and the stream is
    truncated all the same (``StreamTruncatedError``).
    """
    half = b'data: {"id":"chatcmpl-accident","choices":[{"index":0,"delta":{"content":" w'
    return Accident("truncated_in_event", stream=Answer(events=[*words(after), half], done=False))


def cut_mid_stream(*, after: int = 3) -> Accident:
    """
    Return a stream whose connection is closed in the middle of the body.

    A process that is restarted does this. HTTP itself tells, since the last chunk of the body is missing;
    what came before must not be lost (``StreamTruncatedError``; of a whole answer ``APIConnectionError``).
    """
    return Accident("cut_mid_stream", stream=Answer(events=[*words(after), CUT]), whole=broken_body())


def reset_mid_stream(*, after: int = 3) -> Accident:
    """
    Return a stream whose connection is reset in the middle of the body.

    A load balancer that forgets a connection does this. As for ``cut_mid_stream``, but that the system may
    throw away what the client had not yet read.
    """
    steps = (Pause(MOMENT), RESET)
    stream = Answer(events=[*words(after), *steps])
    return Accident("reset_mid_stream", stream=stream, whole=broken_body(*steps))


def cut_before_headers() -> Accident:
    """
    Return a connection that is closed after the request, without a byte of an answer.

    The gateway may have begun the work, and may bill it: a correct client raises (``APIConnectionError``),
    and sends the request again only if it was told to, or if the connection was an old one of its pool.
    """
    return _both("cut_before_headers", Answer(before=[CUT]))


def reset_before_headers() -> Accident:
    """Return a connection that is reset after the request, without a byte; else as ``cut_before_headers``."""
    return _both("reset_before_headers", Answer(before=[RESET]))


def stall_before_headers() -> Accident:
    """
    Return a request that is never answered, on a connection that stays open.

    An upstream that hangs looks like this. Only a limit of the client's own ends the wait
    (``APITimeoutError``, phase ``first_event``).
    """
    return _both("stall_before_headers", Answer(before=[HANG]))


def stall_before_first_event() -> Accident:
    """
    Return a stream that gets its headers and then nothing.

    The gateway has accepted the call and waits for a model that does not come. A limit on the headers alone
    does not help; a correct client bounds the wait for the first event too (``APITimeoutError``, phase
    ``first_event``).
    """
    return Accident("stall_before_first_event", stream=Answer(events=[HANG]))


def stall_between_events(*, after: int = 3) -> Accident:
    """
    Return a stream that falls silent after so many words.

    A model that gets stuck, or a network that loses a connection without telling. A correct client gives up
    after its own limit and keeps the part (``APITimeoutError``, phase ``idle``).
    """
    return Accident(
        "stall_between_events", stream=Answer(events=[*words(after), HANG]), whole=broken_body(HANG)
    )


def heartbeats_only(*, every: float = 0.05) -> Accident:
    """
    Return a stream of nothing but comments, one every so many seconds, for ever.

    Gateways keep connections alive with them while the model thinks, or is gone. Every byte resets a plain
    read timeout, so that clients have hung for twenty minutes; a correct one counts events only
    (``APITimeoutError``, phase ``first_event``).
    """
    return Accident("heartbeats_only", stream=Answer(events=[Heartbeats(None, every=every)]))


def heartbeats_for_ever(*, after: int = 3, every: float = 0.05) -> Accident:
    """
    Return a stream in which after so many words only comments follow.

    The same in the middle of an answer (``APITimeoutError``, phase ``idle``, with the part).
    """
    events: list[Event] = [*words(after), Heartbeats(None, every=every)]
    return Accident("heartbeats_for_ever", stream=Answer(events=events))


def slow_trickle(*, every: float = 0.05) -> Accident:
    """
    Return an answer that comes piece by piece, so many seconds apart.

    A busy model is slow and whole. A correct client hands each piece over as it comes and does not run out
    of patience as long as pieces come: the answer is fine.
    """
    events: list[Event] = []
    for chunk in [*words(), *ending()]:
        events += [chunk, Pause(every)]
    return Accident("slow_trickle", stream=Answer(events=events))


def empty_stream() -> Accident:
    """
    Return a stream without a single byte.

    Nothing came, which is not the same as an empty answer (``StreamTruncatedError``; of a whole answer, an
    empty body is ``UnexpectedResponseError``).
    """
    headers = {"Content-Type": "application/json"}
    return Accident(
        "empty_stream", stream=Answer(events=[], done=False), whole=Answer(body=b"", headers=headers)
    )


def done_only() -> Accident:
    """
    Return a stream of nothing but the end mark.

    The gateway says that this was all: an answer without a choice, and no error. A bot that looks at
    ``choices[0]`` falls over it.
    """
    return Accident("done_only", stream=Answer(events=[]))


def no_done() -> Accident:
    """
    Return a stream with a finish reason but without the end mark.

    Some upstreams leave it out. The model has said that it was finished, so the answer is fine.
    """
    return Accident("no_done", stream=Answer(events=[*words(), *ending()], done=False))


def late_terminator(*, seconds: float = 0.03) -> Accident:
    """
    Return a stream whose HTTP body ends a moment after the end mark.

    Measured in production. The answer is fine and complete at the mark; a correct client does not wait for
    the rest, and yet uses the connection again.
    """
    return _after_done("late_terminator", Pause(seconds))


def missing_terminator() -> Accident:
    """
    Return a stream whose HTTP body never ends, although the end mark has come.

    The answer is fine. A correct client neither waits for the end nor keeps the connection.
    """
    return _after_done("missing_terminator", HANG)


def _after_done(name: str, step: Step) -> Accident:
    return Accident(name, stream=Answer(events=[*words(), *ending(), DONE, step], done=False))


def _both(name: str, answer: Answer) -> Accident:
    return Accident(name, stream=answer, whole=answer)
