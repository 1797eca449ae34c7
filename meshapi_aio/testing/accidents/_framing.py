"""
Accidents of the bytes: good answers in every form that the standard allows, cut everywhere.

Values only; this room performs no I/O.
"""

from .._script import Accident, Answer
from ._parts import chunk, completion, ending, event_bytes, spread, stream_of, words


_TEXT = "Grüße an die 世界 \N{EARTH GLOBE EUROPE-AFRICA}"
_NOT_ASCII = 0x80


def crlf() -> Accident:
    """
    Return a stream whose lines end in CR LF, and whose writes cut those in half.

    What a server on Windows, or a strict reader of RFC 822, sends; the standard allows it. Clients that split
    at two LFs see one endless event. The answer is fine.
    """
    lines = _good().replace(b"\n", b"\r\n").split(b"\r")
    pieces = [line + b"\r" for line in lines[:-1]] + lines[-1:]
    return Accident("crlf", stream=Answer(events=spread(pieces), done=False))


def cr() -> Accident:
    """Return a stream whose lines end in CR alone, which the standard allows too: the answer is fine."""
    return Accident("cr", stream=stream_of(_good().replace(b"\n", b"\r")))


def bom() -> Accident:
    """Return a stream that begins with a byte order mark, which is to be ignored: the answer is fine."""
    return Accident("bom", stream=stream_of(b"\xef\xbb\xbf" + _good()))


def no_space() -> Accident:
    """
    Return a stream without a space after ``data:``.

    The space is optional, and clients that look for ``"data: "`` see nothing at all. The answer is fine.
    """
    return Accident("no_space", stream=stream_of(_good().replace(b"data: ", b"data:")))


def comments() -> Accident:
    """Return a stream with comments and empty events between the chunks: the answer is fine."""
    between = b": keep-alive\n\ndata:\n\n: one\n: two\n\n"
    return Accident("comments", stream=stream_of(between + _good().replace(b"\n\n", b"\n\n" + between)))


def split_utf8() -> Accident:
    """
    Return a stream that is cut inside every character beyond ASCII.

    Where a network packet ends is chance. Clients that decode read by read put replacement characters into
    the text, which is "Grüße an die 世界" and a globe, and fine.
    """
    data = event_bytes([chunk({"content": _TEXT}), *ending()])
    pieces: list[bytes] = [b""]
    for byte in data:
        if byte >= _NOT_ASCII:
            pieces.append(b"")
        pieces[-1] += bytes([byte])
    return Accident("split_utf8", stream=Answer(events=spread(pieces), done=False))


def one_byte_per_write() -> Accident:
    """Return an answer of which every byte is sent by itself; nothing is wrong with it."""
    body = Answer(body=completion()).content()[1]
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Accident(
        "one_byte_per_write",
        stream=Answer(events=spread([bytes([byte]) for byte in _good()]), done=False),
        whole=Answer(events=spread([bytes([byte]) for byte in body]), headers=headers, done=False),
    )


def unterminated_event() -> Accident:
    """Return a stream whose last event, the end mark, lacks the empty line after it: the answer is fine."""
    return Accident("unterminated_event", stream=stream_of(_good().rstrip(b"\n")))


def huge_event(*, size: int = 1 << 20) -> Accident:
    """
    Return a stream with one event of so many characters of text (``"x"``).

    Images, and the arguments of tools, come in one event. Readers with a limit on lines fail; a correct
    client has a limit that it tells (``ResponseTooLargeError``) well above this: the answer is fine.
    """
    return Accident("huge_event", stream=Answer(events=[chunk({"content": "x" * size}), *ending()]))


def _good() -> bytes:
    return event_bytes([*words(), *ending()])
