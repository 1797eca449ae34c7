"""
A stream's bytes to its chunks, however they are cut. Performs no I/O and knows no event loop.

Every event can go the full way, decoder, JSON, shape; most go by a template (``_templates.py``).
"""

import functools
from collections.abc import Iterable
from itertools import product
from typing import Any, Generic, TypeVar

from ._answer import Answer, error_event, misplaced, tells_error
from ._batch import Alike, Batch, Run
from ._codec import structurer, unfit
from ._event_stream import BOM, is_event_stream, is_whole, with_name
from ._json import loads
from ._kin import Kin
from ._stream import chunk_type
from ._templates import Templates
from .call import StreamCall
from .errors import MalformedEventError, MeshAPIError, ResponseTooLargeError
from .settings import Settings
from .sse import SSEDecoder


__all__ = ["ChunkReader"]

ChunkType = TypeVar("ChunkType")

# Each of these bytes may be a line to look at, which takes 0.3 µs, and a packed body may hold a thousand for
# each that was sent. Spent on heartbeats, one a second, they last ten hours.
_MOST_NOTHING = 1024 * 1024
_EXCERPT = 200
# What is decoded event by event at once, in bytes: some 30 chunks, few enough to be gone before the garbage
# collector looks at them (at 700 new objects), which takes a quarter of the time of 250 that live at once.
_AT_ONCE = 8192
_END = b"[DONE]\n\n"
_LONG_RUN, _SHORT_RUNS = 8, 6


@functools.cache
def _nature(stream: Any) -> tuple[Any, Any, bool, str | None, Any]:
    """Return a stream's kind of chunk, and of that: how it is made, may it spoil, `_event_in`, `_is_data`."""
    kind = chunk_type(stream)
    event_in, is_data = (getattr(kind, name, None) for name in ("_event_in", "_is_data"))
    return kind, structurer(kind), hasattr(kind, "_spoilt"), event_in, is_data


class ChunkReader(Generic[ChunkType]):
    """
    Reads the chunks of a stream out of its bytes, however they are cut.

    ``done`` says that the end mark has come, ``failure`` what went wrong, after the chunks that were returned
    up to then; after either, what follows is ignored. With ``on_malformed="skip"`` events that are no chunks
    are counted in ``skipped``. A body that is no event stream is told by its first bytes. ``kin`` knows what
    other streams have learnt.
    """

    def __init__(
        self, call: StreamCall[Any], answer: Answer, settings: Settings, kin: Kin | None = None
    ) -> None:
        self.done = False
        self.failure: MeshAPIError | None = None
        self.skipped = 0
        self._kind, self._structure, self._may_spoil, self._name_in, self._is_data = _nature(call.reply)
        self._most = settings.limits.event_bytes
        self._templates: Templates[ChunkType] = Templates(self._most, kin)
        self._answer = answer
        self._settings = settings
        self._rest = b""
        self._decoder = SSEDecoder(max_event_bytes=self._most)
        self._index = self._heard = 0  # how many events have come, and had when that was last looked at
        self._nothing = 0  # how many bytes have come since then
        # What is held back: the first bytes until they tell what they are, all of what is no event stream.
        self._held: bytearray | None = bytearray()
        self._is_other = False

    @property
    def has_more(self) -> bool:
        """Whether bytes were fed that are not decoded yet; the next feed, if only of nothing, goes on."""
        return bool(self._rest) and not self.done and self.failure is None

    @property
    def alike(self) -> Alike[ChunkType] | None:
        """What tells chunks by the next bytes alone, where they begin an event; :meth:`told` must know."""
        if self._held is None and not self._rest and self._decoder.is_between:
            return self._templates.alike
        return None

    def told(self, count: int) -> None:
        """Note how many chunks were told by what is :attr:`alike`."""
        self._templates.used(count)
        self._index += count

    def feed(self, data: bytes) -> Batch[ChunkType]:
        """
        Return chunks that these bytes complete, all of them unless :attr:`has_more`. Never raises.

        Every feed decodes some bytes, so that feeding nothing while there are more comes to an end.
        """
        if self.done or self.failure is not None:
            return Batch()
        if self._held is not None:
            if self._held or not data.startswith(b"data:"):  # which an event stream begins with, for the most
                self._held += data
                if not self._recognised(self._held):
                    return Batch()
                data = bytes(self._held)
            self._held = None
        data, self._rest = self._rest + data, b""
        return self._take(data)

    def finish(self) -> Batch[ChunkType]:
        """
        Take the clean end of the bytes.

        A last event that lacks its empty line counts if it is the end mark or a whole JSON object, which a
        cut would hardly leave, and if its type says that it is an error.
        """
        if self.done or self.failure is not None:
            return Batch()
        if self._held is not None:
            self._judge(bytes(self._held))
            return Batch()
        pending = self._decoder.pending
        counts = pending is not None and (pending.event == "error" or is_whole(pending.data))
        return self._take(b"\n\n") if counts else Batch()

    def _recognised(self, held: bytearray) -> bool:
        """Tell whether this is an event stream, as far as can be told yet."""
        if not self._is_other:
            declared = self._answer.content_type == "text/event-stream"
            recognised = is_event_stream(bytes(held), declared=declared)
            if recognised:
                return True
            self._is_other = recognised is False
        if self._is_other and len(held) > self._settings.limits.error_bytes:
            self._judge(bytes(held))
        return False

    def _judge(self, body: bytes) -> None:
        """Tell what a body that is no event stream is."""
        if not body.removeprefix(BOM).strip():
            return  # nothing came at all: the stream counts as truncated
        body = body[: self._settings.limits.error_bytes]
        self.failure = misplaced(self._answer, body, self._settings, "an event stream")

    def _take(self, data: bytes) -> Batch[ChunkType]:
        templates, decoder = self._templates, self._decoder
        batch: Batch[ChunkType] = Batch()
        if not self._index and (end := data.find(b"\n\n") + 2) >= 2:
            # Somebody waits for the first chunk: what came with it is decoded once it is handed over. Where a
            # short answer comes as a whole, that is 0.20 ms after the request instead of 0.31.
            batch.extend(self._read(data[:end]))
            data = data[end:]
            if batch or self.done or self.failure is not None:
                self._rest = data
                return batch
        if len(data) <= _AT_ONCE and data.endswith(_END):
            # The stream is over before anything that is learnt could be used: a short one that comes as a
            # whole takes 250 µs then, its request included, instead of 300.
            templates.stop()
        short = 0
        # A read of 64 KiB holds some 250 events, of which the first and the last are usually cut. Where a run
        # of those that fit is short again and again, the rest is decoded at once.
        while templates.eager and short < _SHORT_RUNS and len(data) <= self._most:
            if decoder.is_between:
                taken, used = templates.take(data)
                batch.extend(taken)
                count = len(taken.texts if isinstance(taken, Run) else taken)
                self._index += count
                if used == len(data):
                    return batch
                data = data[used:]
                short += count < _LONG_RUN
            end = data.find(b"\n\n") + 2
            if end < 2 or end == len(data):
                break
            batch.extend(self._read(data[:end]))
            data = data[end:]
            if self.done or self.failure is not None:
                return batch
        # Whole events take less than those that are cut.
        end = data.rfind(b"\n\n", 0, _AT_ONCE) + 2
        end = _AT_ONCE if end < 2 else end
        self._rest = data[end:]
        batch.extend(self._read(data[:end]))
        return batch

    def _read(self, data: bytes) -> list[ChunkType]:
        """Take bytes event by event."""
        texts = None if self._name_in is not None else self._decoder.messages(data)
        chunks = self._read_each(self._events(data) if texts is None else product(texts, [False]))
        too_large = self._decoder.error
        if self._index != self._heard:
            self._heard, self._nothing = self._index, 0
        else:
            self._nothing += len(data)
            if self._nothing > _MOST_NOTHING + self._decoder.held:
                msg = f"{self._nothing} bytes of the stream were comments, blank lines and heartbeats alone"
                too_large = too_large or ResponseTooLargeError(msg)
        if too_large is not None and not self.done and self.failure is None:
            too_large.request_id = self._answer.request_id
            self.failure = too_large
        return chunks

    def _events(self, data: bytes) -> list[tuple[str, bool]]:
        """Return the data of each event, and whether its type says that it is an error."""
        try:
            events = self._decoder.feed(data)
        except ResponseTooLargeError:
            return []
        if self._name_in is not None:
            events = [with_name(event, self._name_in, self._is_data) for event in events]
        return [(event.data, event.event == "error") for event in events]

    def _read_each(self, events: Iterable[tuple[str, bool]]) -> list[ChunkType]:  # noqa: C901 - a hot loop
        templates, decode = self._templates, self._decode
        chunks: list[ChunkType] = []
        for text, is_error in events:
            if not is_error:
                if text == "[DONE]":  # tried as JSON twice and explained, it took 16 µs
                    self.done = True
                    break
                chunk = templates.match(text) if templates.known or templates.young else None
                if chunk is None:
                    try:
                        chunk = decode(text)
                    except Exception:  # noqa: BLE001 - whatever is no chunk is explained below
                        chunk = None
                    else:
                        if templates.skip:  # as mostly, where no template fits
                            templates.skip -= 1
                        else:
                            templates.learn(text, chunk, decode)
                if chunk is not None:
                    self._index += 1
                    chunks.append(chunk)
                    if not self._may_spoil or not self._take_spoilt(chunk):
                        continue
                    break
            self._explain(text, is_error=is_error)
            if self.done or self.failure is not None:
                break
        return chunks

    def _decode(self, text: str) -> ChunkType:
        """Return the chunk that an event's data is; raise where it is anything else."""
        value = loads(text)
        if type(value) is not dict or ("error" in value and self._is_error(value)):
            raise TypeError
        chunk: ChunkType = self._structure(value)
        return chunk

    def _take_spoilt(self, chunk: Any) -> bool:
        """Take the error that a chunk tells of in a form of its own, if it does; the chunk counts as well."""
        spoilt = chunk._spoilt()  # noqa: SLF001 - asked of every chunk that has it
        if spoilt is not None:
            self.failure = error_event({"error": spoilt}, self._answer, self._settings)
        return self.failure is not None

    def _is_error(self, value: dict[str, Any]) -> bool:
        return tells_error(value) and not (self._is_data is not None and self._is_data(value))

    def _explain(self, text: str, *, is_error: bool) -> None:
        """Take what is no chunk: a heartbeat, the end mark, an error, or something malformed."""
        if not is_error and (not text or text.isspace()):
            return
        problem = "is no JSON object"
        try:
            value: Any = loads(text)
        except ValueError:
            if text.strip() == "[DONE]":
                self.done = True
                return
            value, problem = text, "is no JSON"
        is_object = type(value) is dict
        if is_error or (is_object and "error" in value and self._is_error(value)):
            self.failure = error_event(value, self._answer, self._settings, first=self._index == 0)
            return
        if is_object:
            try:
                self._structure(value)
            except Exception as error:  # noqa: BLE001 - cattrs raises groups of whatever the hooks raise
                problem = f"is no {self._kind.__name__}: {unfit(error)}"
        self._malformed(text, problem)
        self._index += 1

    def _malformed(self, text: str, problem: str) -> None:
        if self._settings.on_malformed == "skip":
            self.skipped += 1
            return
        text = self._settings.redact(text)
        shown = text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
        self.failure = MalformedEventError(
            f"event {self._index} {problem}; it begins with {shown!r}",
            index=self._index,
            excerpt=shown,
            request_id=self._answer.request_id,
        )
