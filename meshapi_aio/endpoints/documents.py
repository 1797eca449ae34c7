"""
Documents: ``client.documents``, files that a model writes.

The gateway's own clients have left them out since July 2026; its documentation still has them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import attrs

from .._family import Family, method
from .._pages import ListCall, OffsetPage, list_method
from .._polling import Job, wait_method
from .._shape import shape
from ..call import Call, get, post
from ._bodies import Body, FromOffset
from ._shared import between, sized


__all__ = ["Document", "DocumentPage", "Documents", "GenerateDocument", "GetDocument", "ListDocuments"]


@shape
class Document(Job):
    """
    A document, or the task of writing one.

    ``status`` is an open string, of which ``pending`` and ``completed`` are known; one that failed says why
    in ``failure_reason``. ``download_url`` is there once it is completed, until ``expires_at``.
    """

    _final_states: ClassVar[frozenset[str]] = frozenset({"completed", "failed"})

    document_id: str
    status: str | None = None
    format: str | None = None
    model: str | None = None
    title: str | None = None
    download_url: str | None = attrs.field(default=None, repr=False)
    expires_at: str | int | None = None
    size_bytes: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    failure_reason: str | None = None
    created_at: str | int | None = None
    updated_at: str | int | None = None

    @property
    def is_done(self) -> bool:
        """Whether it is written, or has failed; no source names the status of those that have."""
        return self.failure_reason is not None or self.status in self._final_states


@shape
class DocumentPage(OffsetPage[Document]):
    """A page of documents."""

    _items_in: ClassVar[str] = "documents"

    documents: list[Document]


@post("/v1/documents/generate")
class GenerateDocument(Body, Call[Document]):
    """Begin to write a document, and return it before it is written; ``documents.wait`` waits for it."""

    format: Literal["pdf", "docx", "pptx", "csv", "xlsx"]
    prompt: str = attrs.field(validator=sized(1, 50_000))
    model: str | None = None
    """``google/gemini-2.5-flash-lite`` by default."""
    metadata: Mapping[str, Any] | None = None


@get("/v1/documents")
class ListDocuments(FromOffset, ListCall[DocumentPage, Document]):
    """List documents."""

    limit: int | None = attrs.field(default=None, validator=between(1, 200))
    """How many to a page, 50 by default."""


@get("/v1/documents/{id}")
class GetDocument(Call[Document]):
    """Fetch a document by its ``document_id``; ``NotFoundError`` where there is none."""

    id: str


class Documents(Family):
    """``client.documents``: files that a model writes."""

    generate = method(GenerateDocument)
    list = list_method(ListDocuments)
    get = method(GetDocument)
    wait = wait_method(GetDocument)
