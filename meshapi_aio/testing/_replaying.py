"""
A recording as a script: what answers a request as it was answered when it was recorded.

Values made of a file; what sends them is none of this room's business.
"""

import os
from collections import Counter
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

import attrs

from ._asked import asked, unlike
from ._differences import Ignored
from ._expect import Expect, Script
from ._json import Object
from ._received import ReceivedRequest
from ._recording import Exchange, read_recording
from ._script import CUT, HANG, Answer, Ending, Event, Pause
from ._secrets import Secrets


# What the gateway and its player add by themselves, where an answer does not say otherwise.
_ADDED = ("x-request-id", "X-Mesh-Version", "Content-Type", "Cache-Control")


def recorded(
    path: str | os.PathLike[str], *, strict: bool = True, paced: bool = False, ignore: Collection[str] = ()
) -> Script:
    """
    Return a recording, made by ``Recorder``, as a ``Script``.

    ::

        mesh_gateway.follow(recorded("answers.jsonl"))

    A request gets the answer of the first recorded one left that asked for the same: by method, path, query
    and body. The order of names in JSON does not count, nor do headers and credentials. Answers come in the
    pieces in which they came; one that the gateway cut is cut there, and one that the client left goes on
    with nothing more.

    ``strict``: a request that is not in the recording fails the test, with the differences from the nearest
    one, and so does a recorded one that does not come. Without it, such a request gets the gateway's own
    answer, and one that comes more often than it was recorded gets the last answer again.
    ``paced``: whether there are the pauses that there were.
    ``ignore``: places that are not compared, as the differences name them, with wildcards:
    ``messages.0.content``, ``messages.*.content``, ``?page``.

    Raises ``OSError`` or ``ValueError`` for a file that cannot be read; a line that is wrong is named.
    """
    if isinstance(ignore, str):
        msg = f"ignore takes several places, not the text {ignore!r}"
        raise TypeError(msg)

    def ignored(place: str) -> bool:
        return any(fnmatchcase(place, pattern) for pattern in ignore)

    name = os.fspath(path)
    entries = [
        Recorded(
            answer=_answer(exchange, name, paced=paced),
            asked=exchange.asked,
            source=f"line {exchange.line} of {name}",
            ignored=ignored,
        )
        for exchange in read_recording(path)
    ]
    return Script(*entries, ordered=False) if strict else Script(otherwise=_Repertoire(entries))


@attrs.frozen(kw_only=True, repr=False)
class Recorded(Expect):
    """A request that was recorded, with its answer."""

    asked: Object
    source: str
    ignored: Ignored

    def differences(self, request: ReceivedRequest) -> list[str]:
        """Return in which places a request asks for something else, a line for each."""
        return unlike(self.asked, asked(request, Secrets(request.headers, request.query)), self.ignored)

    def __repr__(self) -> str:
        return f"{self.asked['method']} {self.asked['path']} ({self.source})"


class _Repertoire:
    """Answers from a recording as long as it can: those that ask for the same in turn, the last one again."""

    def __init__(self, entries: Sequence[Recorded]) -> None:
        self._entries = entries
        self._given: Counter[str] = Counter()

    def __call__(self, request: ReceivedRequest) -> Answer | None:
        """Return the answer to a request, None for the gateway's own."""
        same = [entry for entry in self._entries if not entry.differences(request)]
        if not same:
            return None
        turn = self._given[same[0].source]
        self._given[same[0].source] += 1
        answer = same[min(turn, len(same) - 1)].answer
        assert isinstance(answer, Answer)
        return answer


def _answer(exchange: Exchange, name: str, *, paced: bool) -> Answer:
    """Return what was answered; raises ``ValueError`` for what cannot be sent."""
    ending = {"complete": None, "cut by the gateway": CUT}.get(exchange.how or "", HANG)
    begun = exchange.answered_at if exchange.status is not None else exchange.ended_at
    before = (Pause(begun),) if paced else ()
    if exchange.status is None:
        return Answer(before=(*before, HANG if ending is None else ending))
    try:
        return Answer(
            exchange.status,
            headers={**dict.fromkeys(_ADDED), **_headers(exchange)},
            before=before,
            events=_steps(exchange, ending, paced=paced),
            done=False,
        )
    except ValueError as error:
        msg = f"{name}, line {exchange.line}: {error}"
        raise ValueError(msg) from None


def _headers(exchange: Exchange) -> dict[str, str]:
    """Return the recorded headers; the length of a whole body is what it is without its secrets."""
    size = sum(len(data) for _, data in exchange.pieces)
    is_whole = exchange.how == "complete" and exchange.asked["method"] != "HEAD"
    return {
        key: str(size) if is_whole and key.lower() == "content-length" else value
        for key, value in exchange.headers.items()
    }


def _steps(exchange: Exchange, ending: Ending | None, *, paced: bool) -> list[Event]:
    """Return the pieces of an answer, with the pauses between them and what ends it."""
    steps: list[Event] = []
    last = exchange.answered_at
    for at, data in exchange.pieces:
        steps += [Pause(max(at - last, 0.0)), data] if paced else [data]
        last = at
    if paced:
        steps.append(Pause(max(exchange.ended_at - last, 0.0)))
    return steps if ending is None else [*steps, ending]
