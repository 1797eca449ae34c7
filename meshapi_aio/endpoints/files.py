"""
Files and retrieval: ``client.files``, documents that are stored, embedded and searched.

The gateway keeps the list; the bytes go to a storage of its own, under a signed address, past the gateway.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import attrs

from .._family import Family, method
from .._pages import ListCall, OffsetPage, list_method
from .._polling import Job, wait_method
from .._shape import Reply, Shape, shape
from .._upload import Uploadable, as_upload
from .._uploading import store
from ..call import Call, get, post
from ._bodies import Body, FromOffset
from ._shared import between, sized


__all__ = [
    "CreateFile",
    "EmbedFiles",
    "EmbeddedFile",
    "Embeddings",
    "File",
    "FilePage",
    "FileTicket",
    "Files",
    "FoundPassage",
    "GetFile",
    "ListFiles",
    "SearchFiles",
    "SearchResults",
    "StoredFile",
]


@shape
class FileTicket(Reply):
    """The permission to store a file: whoever has ``signed_url`` has it, so it is in no repr."""

    file_id: str
    signed_url: str = attrs.field(repr=False)
    expires_at: str | int | None = None


@shape
class File(Job):
    """
    A file, and how far it is.

    ``upload_status`` and ``embedding_status`` are open strings. Stored files say ``ready``, embedded ones
    ``ready`` too; the documentation also shows ``completed``, ``processed`` and ``embedded``. Times are ISO.
    It is done once it is stored and, where it is to be embedded, embedded; or failed at either.
    """

    _state_in: ClassVar[str] = "embedding_status"
    _stored: ClassVar[frozenset[str | None]] = frozenset({"ready", "completed"})
    _embedded: ClassVar[frozenset[str | None]] = frozenset({"ready", "processed", "embedded", "completed"})

    file_id: str
    upload_status: str | None = None
    file_name: str | None = None
    file_type: str | None = None
    mime_type: str | None = None
    size_bytes: int | None = None
    asset_url: str | None = attrs.field(default=None, repr=False)
    signed_url: str | None = attrs.field(default=None, repr=False)
    signed_url_expires_at: str | None = None
    embedding_status: str | None = None
    """``pending`` and ``queued`` go on, ``failed`` is an end as well; see ``last_error_code``."""
    created_at: str | int | None = None
    updated_at: str | None = None
    total_tokens: int | None = None
    total_cost_usd: float | None = None
    """A number here, where other prices are text."""
    last_error_code: str | None = None

    @classmethod
    def _given(cls, value: Any) -> Any:
        # The files of batches that older clients made under this path have an ``id``, and seconds for times.
        is_old = isinstance(value, dict) and "file_id" not in value and "id" in value
        return {**value, "file_id": value["id"]} if is_old else value

    @property
    def is_stored(self) -> bool:
        """Whether its bytes are there."""
        return self.upload_status in self._stored

    @property
    def is_done(self) -> bool:
        """Whether it is stored and embedded, or failed. A state that this client does not know is no end."""
        if "failed" in {self.upload_status, self.embedding_status}:
            return True
        return self.is_stored and self.embedding_status in self._embedded


@shape
class StoredFile(File):
    """A file that is not to be embedded: it is done once it is stored."""

    @property
    def is_done(self) -> bool:
        """Whether it is stored, or failed."""
        return self.is_stored or self.upload_status == "failed"


@shape
class FilePage(OffsetPage[File]):
    """A page of files."""

    _items_in: ClassVar[str] = "files"

    files: list[File]


@shape
class EmbeddedFile(Shape):
    """What came of embedding one file."""

    file_id: str | None = None
    embedding_status: str | None = None
    chunk_count: int | None = None
    error: Any = None


@shape
class Embeddings(Reply):
    """What came of embedding files; one that failed is among the results, with its ``error``."""

    results: list[EmbeddedFile]


@shape
class FoundPassage(Shape):
    """A passage that fits a query: the better, the higher its score."""

    score: float | None = None
    text: str | None = None
    parent_text: str | None = None
    """The passage with what stands around it."""
    file_id: str | None = None
    file_name: str | None = None
    file_type: str | None = None
    mime_type: str | None = None
    chunk_index: int | None = None
    created_at: int | None = None
    """Seconds since the epoch here, where files have ISO text."""
    metadata: dict[str, Any] | None = None


@shape
class SearchResults(Reply):
    """The passages that were found."""

    results: list[FoundPassage]


@post("/v1/files")
class CreateFile(Body, Call[FileTicket]):
    """
    Announce a file, and get the signed address to which its bytes are to be PUT, with the same type.

    ``files.upload`` does both.
    """

    file_name: str
    mime_type: str
    embed: bool | None = None
    """Whether it is to be embedded once it is stored; true by default."""
    metadata: Mapping[str, Any] | None = None


@get("/v1/files")
class ListFiles(FromOffset, ListCall[FilePage, File]):
    """List files."""

    limit: int | None = attrs.field(default=None, validator=between(1, 200))
    """How many to a page, 50 by default."""


@get("/v1/files/{id}")
class GetFile(Call[File]):
    """Fetch what is known of a file, not its bytes; ``NotFoundError`` where there is none."""

    id: str


class _GetStored(GetFile):
    """The same request, of which no embedding is expected."""

    __slots__ = ()

    reply = StoredFile


@post("/v1/files/embed")
class EmbedFiles(Body, Call[Embeddings]):
    """Embed files that are stored, and not embedded yet or failed at it; return how far each is."""

    file_ids: Sequence[str] = attrs.field(validator=sized(1, 100))
    wait: bool | None = None
    """Whether the answer waits until they are embedded; false by default."""
    metadata: Mapping[str, Any] | None = None


@post("/v1/files/search")
class SearchFiles(Body, Call[SearchResults]):
    """Find the passages of embedded files that fit a query."""

    query: str
    top_k: int | None = attrs.field(default=None, validator=between(1, 50))
    """How many; 5 by default."""
    file_ids: Sequence[str] | None = None
    filter: Mapping[str, Any] | None = None
    date_from: int | None = None
    """In seconds since the epoch, as is ``date_to``."""
    date_to: int | None = None


class Files(Family):
    """``client.files``: documents that are stored, embedded and searched."""

    create = method(CreateFile)
    list = list_method(ListFiles)
    get = method(GetFile)
    wait = wait_method(GetFile)
    embed = method(EmbedFiles)
    search = method(SearchFiles)

    async def upload(
        self,
        source: Uploadable,
        *,
        file_name: str | None = None,
        mime_type: str | None = None,
        embed: bool = True,
        metadata: Mapping[str, Any] | None = None,
        wait: bool = False,
        on_progress: Callable[[int, int | None], object] | None = None,
    ) -> File:
        """
        Store a file: bytes, a ``Path``, a binary file object, or an ``Upload``.

        ``file_name`` and ``mime_type`` are by default the source's own. ``on_progress(sent, total)`` is told
        of each piece that went out. It takes three calls, each with retries and limits of its own: for the
        signed address, to it (without the token or anything else of ours), and for the file as it is then.

        ``wait`` waits until the file can be used: stored, and unless ``embed`` is False embedded,
        or failed at it (its state tells). ``files.wait(id, …)`` does so with limits and pauses of your own.

        An error of the storage is an ``APIStatusError`` with what it says; its notes name the id that was
        given out. Bytes need a ``file_name``.
        """
        file = as_upload(source).named(file_name, mime_type, on_progress)
        if file.filename is None:
            msg = f"files.upload: {file.shown} has no name; give it one with file_name=…"
            raise ValueError(msg)
        ticket = await store(
            self._sender,
            CreateFile(file_name=file.filename, mime_type=file.content_type, embed=embed, metadata=metadata),
            file,
        )
        call = (GetFile if embed else _GetStored)(id=ticket.file_id)
        if not wait:
            return await self._sender.send(call)
        sender: Any = self._sender  # it is the client that can wait
        done: File = await sender.wait(call)
        return done
