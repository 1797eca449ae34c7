"""What hypothesis draws: event streams with what they mean, bytes that are nearly such, and cuts."""

from collections.abc import Callable
from typing import Final

from hypothesis import strategies as st

from meshapi_aio.sse import ServerSentEvent


BOM: Final = b"\xef\xbb\xbf"

# Some write these as line ends or strip them as blanks; in an event stream they are text.
_ODD_TEXT = "\u2028\u2029\x85\x0b\x0c\xa0\ufeff\0: é日🙂"

# Names that are none of the four, though they look like them.
_UNKNOWN_NAMES = ("foo", "Data", " data", "data ", "datax", "dat", "EVENT", "id\t", "retry2", "\u00e9")

_NO_RETRY = ("", "+5", "-5", "1_0", "0x10", "1e3", "5 ", " 5", "5.0", "٣", "²", "1" * 19)

# The standard's words of an event stream, and what breaks careless readers.
_TOKENS = (
    *b"data|event|id|retry|data: |data:x\n\n|:| |\n|\n\n|\r|\r\n|7|0|x|\0|\xff".split(b"|"),
    *(b"\xe2\x80\xa8", b"\xf0\x9f", b"\x99\x82", b"\xed\xa0\x80", BOM, BOM[:1], BOM[:2]),
)


def lines() -> st.SearchStrategy[str]:
    """Draw text without the line ends of event streams and without lone surrogates."""
    character = st.characters(exclude_categories=["Cs"], exclude_characters="\r\n")
    return st.text(st.sampled_from(_ODD_TEXT) | character, max_size=6) | st.just("data: x")


def server_sent_events() -> st.SearchStrategy[ServerSentEvent]:
    """Draw events that can be written."""
    return st.builds(
        ServerSentEvent,
        event=st.one_of(st.just("message"), lines().filter(bool)),
        data=st.lists(lines(), min_size=1, max_size=4).map("\n".join),
        id=lines().map(lambda text: text.replace("\0", "")),
        retry=st.none() | st.integers(0, 10**18 - 1),
    )


def nearly_event_streams() -> st.SearchStrategy[bytes]:
    """Draw bytes that share the words of event streams, in any order, well-formed or not."""
    return st.lists(st.sampled_from(_TOKENS), max_size=40).map(b"".join)


@st.composite
def cuts(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """Draw the pieces, empty ones among them, of a stream."""
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]


@st.composite
def event_streams(draw: st.DrawFn) -> tuple[list[ServerSentEvent], bytes]:
    """Draw an event stream, written in any legal way, and the events that it holds."""
    writer = _Writer(draw)
    for _ in range(draw(st.integers(0, 5))):
        writer.block()
    if draw(st.booleans()):
        writer.unfinished_block()
    return writer.events, (BOM if draw(st.booleans()) else b"") + b"".join(writer.written)


class _Writer:
    """Writes blocks as an odd but legal server would, and keeps account of what they mean."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.events: list[ServerSentEvent] = []
        self.written: list[bytes] = []
        self._draw = draw
        self._id = ""
        self._retry: int | None = None

    def block(self) -> None:
        """Write fields and comments in any order, and the blank line."""
        event, data = "", list[str]()
        for name in self._draw(_field_names()):
            value = self._draw(_VALUES[name]())
            if name == "data":
                data.append(value)
            elif name == "event":
                event = value
            elif name == "id" and "\0" not in value:
                self._id = value
            elif name == "retry" and value not in _NO_RETRY:
                self._retry = int(value)
            self._line(self._field(name, value))
        for _ in range(self._draw(st.integers(1, 3))):
            self._line("")
        if data:
            self.events.append(ServerSentEvent(event or "message", "\n".join(data), self._id, self._retry))

    def unfinished_block(self) -> None:
        """Write fields that no blank line follows; the last may lack its line end as well."""
        for name in self._draw(_field_names()):
            self._line(self._field(name, self._draw(_VALUES[name]())))
        if self._draw(st.booleans()):
            self.written.append(self._field("data", self._draw(lines())).encode())

    def _field(self, name: str, value: str) -> str:
        if name == "unknown":
            name = self._draw(st.sampled_from(_UNKNOWN_NAMES))
        elif name == "comment":
            return f":{value}"
        if not value and self._draw(st.booleans()):
            return name
        return (
            f"{name}:{value}"
            if not value.startswith(" ") and self._draw(st.booleans())
            else f"{name}: {value}"
        )

    def _line(self, text: str) -> None:
        end = self._draw(st.sampled_from([b"\n", b"\r", b"\r\n"]))
        if not text and end == b"\n" and self.written and self.written[-1].endswith(b"\r"):
            end = b"\r\n"  # a lone LF here would be the second half of the line end before
        self.written.append(text.encode() + end)


def _field_names() -> st.SearchStrategy[list[str]]:
    names = ("data", "data", "data", "event", "id", "retry", "comment", "unknown")
    return st.lists(st.sampled_from(names), max_size=6)


def _retries() -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(_NO_RETRY), st.integers(0, 10**18 - 1).map(str), st.just("007"))


_VALUES: Final[dict[str, Callable[[], st.SearchStrategy[str]]]] = {
    "data": lines,
    "event": lines,
    "id": lines,
    "retry": _retries,
    "comment": lines,
    "unknown": lines,
}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
"""JSON values, small ones."""
