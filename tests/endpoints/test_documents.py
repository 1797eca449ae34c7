"""Documents: which of them are over, and lists under a key of their own."""

from typing import Any

import pytest

from meshapi_aio.endpoints.documents import Document, Documents, GenerateDocument, ListDocuments

from .answering import Answers, refusal


@pytest.mark.parametrize(
    ("told", "over"),
    [
        ({"status": "pending"}, False),
        ({"status": "completed"}, True),
        ({"status": "failed"}, True),
        ({"status": "rejected", "failure_reason": "no"}, True),
        ({}, False),
    ],
)
def test_which_documents_are_over(told: dict[str, Any], over: bool) -> None:
    """A reason for a failure is an end, whatever the status is called."""
    assert Document(document_id="doc_1", **told).is_done is over


async def test_a_list_in_which_everything_is_null() -> None:
    """As the second entry of a known answer."""
    whole = {
        "document_id": "doc_1",
        "status": "completed",
        "download_url": "https://x/secret",
        "size_bytes": 3,
    }
    nulls: dict[str, Any] = dict.fromkeys([*whole, "title", "expires_at", "failure_reason", "created_at"])
    page = {"documents": [whole, {**nulls, "document_id": "doc_2"}], "total": 2, "limit": 50, "offset": 0}
    gateway = Answers(page)
    documents = [document async for document in Documents(gateway).list()]
    assert [(document.document_id, document.size_bytes) for document in documents] == [
        ("doc_1", 3),
        ("doc_2", None),
    ]
    assert "secret" not in repr(documents)
    assert len(gateway.sent) == 1


async def test_a_document_is_asked_for_by_its_id() -> None:
    """Begun, and looked at."""
    gateway = Answers({"document_id": "doc_1", "status": "pending"}, {"document_id": "doc_1"})
    begun = await Documents(gateway).generate(format="pdf", prompt="a report")
    await Documents(gateway).get(id=begun.document_id)
    assert gateway.sent == [
        ("POST", "/v1/documents/generate", {"format": "pdf", "prompt": "a report"}),
        ("GET", "/v1/documents/doc_1", None),
    ]


def test_what_the_gateway_would_refuse() -> None:
    """Is refused when the call is made."""
    assert "format must be 'pdf' or 'docx'" in refusal(GenerateDocument, format="odt", prompt="a")
    assert "from 1 to 50000 characters, got 0" in refusal(GenerateDocument, format="pdf", prompt="")
    assert "from 1 to 200, got 201" in refusal(ListDocuments, limit=201)
