"""What the load server shall answer: a value that travels in the path of the base URL."""

from dataclasses import astuple, dataclass


__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """
    One kind of answer.

    ``kind`` is "text", "tools" (deltas of a tool call), "padded" (chunks with random padding),
    "unlike" (chunks with a padding key that is never the same) or
    "unary" (one small completion). ``events`` counts the chunks of a stream, first and last ones included.

    ``framing`` says what one chunk of the transfer encoding holds: "event" (one event, as gateways that flush
    send), "many" (16 events) or "cut" (pieces of random sizes, cut anywhere). ``write`` is the size in bytes
    that one write of the server has at least; 0 writes each of these chunks by itself.

    ``rate`` is the pace of one stream in events per second; 0 sends as fast as the client reads. Paced
    streams send their first chunk at once, wait until ``gate`` of them are open, and stamp each further chunk
    with the nanoseconds of the monotonic clock as its text. With ``hold`` a stream stops after its first
    chunks, without an end.
    """

    kind: str = "text"
    events: int = 1
    framing: str = "event"
    write: int = 65536
    rate: float = 0
    gate: int = 0
    hold: bool = False

    @property
    def path(self) -> str:
        """The first segment of the path."""
        return "/" + "_".join(
            str(int(field) if isinstance(field, bool) else field) for field in astuple(self)
        )

    @classmethod
    def of_path(cls, path: str) -> "Plan":
        """Read the plan from the path of a request."""
        kind, events, framing, write, rate, gate, hold = path.split("/")[1].split("_")
        return cls(kind, int(events), framing, int(write), float(rate), int(gate), hold == "1")
