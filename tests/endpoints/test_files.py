"""Files and retrieval: stored past the gateway, embedded, searched."""

import io
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio import APIStatusError, MeshAPI, Retry
from meshapi_aio._codec import structurer
from meshapi_aio._upload import Upload
from meshapi_aio.endpoints.files import EmbedFiles, File, Files, ListFiles, SearchFiles, StoredFile
from meshapi_aio.testing import Answer, FakeGateway
from tests.endpoints.answering import Answers, refusal


FILE: dict[str, Any] = {
    "file_id": "file_1",
    "upload_status": "completed",
    "file_name": "a.pdf",
    "file_type": "pdf",
    "mime_type": "application/pdf",
    "size_bytes": 5,
    "asset_url": "https://storage.example/a?sig=1",
    "signed_url": None,
    "embedding_status": "processed",
    "created_at": "2026-08-01T00:00:00Z",
    "updated_at": "2026-08-01T00:00:00Z",
    "total_tokens": 12,
    "total_cost_usd": 0.00002,
    "last_error_code": None,
}


async def test_what_is_sent_for_each_call() -> None:
    """To its route, with what it says."""
    page = {"files": [FILE], "total": 1, "limit": 50, "offset": 0}
    gateway = Answers(
        {"file_id": "file_1", "signed_url": "https://storage.example/a?sig=1", "expires_at": "2026-08-01"},
        page,
        FILE,
        {"results": [{"file_id": "file_1", "embedding_status": "failed", "error": "too large"}]},
        {"results": [{"score": 0.5, "text": "a", "parent_text": "b a", "created_at": 1, "metadata": {}}]},
    )
    files = Files(gateway)
    ticket = await files.create(file_name="a.pdf", mime_type="application/pdf", embed=False)
    assert (await files.list(limit=50)).files == [await files.get(id=ticket.file_id)]
    embedded = await files.embed(file_ids=["file_1"], wait=True)
    found = await files.search(
        query="a", top_k=3, file_ids=["file_1"], filter={"x": 1}, date_from=1, date_to=2
    )
    assert (embedded.results[0].error, found.results[0].parent_text) == ("too large", "b a")
    assert gateway.sent == [
        ("POST", "/v1/files", {"file_name": "a.pdf", "mime_type": "application/pdf", "embed": False}),
        ("GET", "/v1/files?limit=50", None),
        ("GET", "/v1/files/file_1", None),
        ("POST", "/v1/files/embed", {"file_ids": ["file_1"], "wait": True}),
        (
            "POST",
            "/v1/files/search",
            {
                "query": "a",
                "top_k": 3,
                "file_ids": ["file_1"],
                "filter": {"x": 1},
                "date_from": 1,
                "date_to": 2,
            },
        ),
    ]
    assert "sig=1" not in repr(ticket)
    assert "sig=1" not in repr(structurer(File)(FILE))


def test_ranges_that_the_gateway_documents() -> None:
    """Refused here, by name."""
    assert "limit must be from 1 to 200" in refusal(ListFiles, limit=201)
    assert "top_k must be from 1 to 50" in refusal(SearchFiles, query="a", top_k=0)
    assert "file_ids must be" in refusal(EmbedFiles, file_ids=[])
    assert "file_ids must be" in refusal(EmbedFiles, file_ids=["f"] * 101)


@pytest.mark.parametrize(
    ("upload", "embedding", "done", "stored"),
    [
        ("ready", "ready", True, True),
        ("completed", "processed", True, True),
        ("completed", "embedded", True, True),
        ("ready", "failed", True, True),
        ("failed", "pending", True, True),
        ("ready", "pending", False, True),
        ("ready", "queued", False, True),
        ("ready", None, False, True),
        ("pending", "ready", False, False),
        ("something new", "something new", False, False),
    ],
)
def test_when_a_file_is_done(upload: str, embedding: str | None, *, done: bool, stored: bool) -> None:
    """In either vocabulary, that of the live service and that of the documentation; unknown states go on."""
    states = {"upload_status": upload, "embedding_status": embedding}
    assert structurer(File)(FILE | states).is_done is done
    assert structurer(StoredFile)(FILE | states).is_done is stored


def test_a_file_of_which_little_is_known() -> None:
    """All but the id may be absent."""
    file = structurer(File)({"file_id": "file_1"})
    assert (file.is_done, file.is_stored, file.total_cost_usd) == (False, False, None)


async def test_a_file_of_a_batch_as_it_was_before() -> None:
    """The same path once told of other files, with other keys: nothing of them is lost."""
    old = {"id": "file_9", "object": "file", "bytes": 5, "created_at": 1_700_000_000, "purpose": "batch"}
    file = await Files(Answers(old)).get(id="file_9")
    assert (file.file_id, file.created_at, file.is_done) == ("file_9", 1_700_000_000, False)
    assert file.extra == {"id": "file_9", "object": "file", "bytes": 5, "purpose": "batch"}


async def test_an_upload_in_one_step(client: MeshAPI, gateway: FakeGateway, tmp_path: Path) -> None:
    """Ticket, storage, and the file as it is then; the storage gets neither token nor headers of ours."""
    path = tmp_path / "Grüße.txt"
    path.write_text("the heron stands in the river")
    told: list[tuple[int, int | None]] = []
    file = await client.files.upload(
        path, metadata={"kind": "note"}, on_progress=lambda *step: told.append(step)
    )
    assert (file.file_name, file.mime_type, file.size_bytes) == ("Grüße.txt", "text/plain", 29)
    assert told == [(0, 29), (29, 29)]
    assert [(request.method, request.path) for request in gateway.requests][0::2] == [
        ("POST", "/v1/files"),
        ("GET", f"/v1/files/{file.file_id}"),
    ]
    put = gateway.requests[1]
    assert put.method == "PUT"
    assert {name.lower() for name in put.headers} == {"host", "user-agent", "content-type", "content-length"}
    assert put.body == path.read_bytes()


async def test_a_file_is_waited_for_and_found(client: MeshAPI) -> None:
    """With ``wait`` it can be searched as soon as it is returned."""
    file = await client.files.upload(b"the heron stands in the river", file_name="a.txt", wait=True)
    assert (file.is_done, file.embedding_status) == (True, "ready")
    found = await client.files.search(query="heron")
    assert [passage.file_id for passage in found.results] == [file.file_id]
    assert (await client.files.wait(file.file_id)).is_done


async def test_a_file_that_is_not_embedded_is_waited_for_too(client: MeshAPI) -> None:
    """Until it is stored."""
    file = await client.files.upload(io.BytesIO(b"x"), file_name="a.bin", embed=False, wait=True)
    assert (file.is_stored, file.embedding_status) == (True, "pending")


async def test_names_and_types_are_the_sources_own_unless_said(client: MeshAPI) -> None:
    """The type that is announced is the type that is sent, or the storage would refuse it."""
    named = await client.files.upload(("b.pdf", b"x"), file_name="c.pdf", mime_type="text/x-mine")
    assert (named.file_name, named.mime_type) == ("c.pdf", "text/x-mine")
    upload = Upload(b"x", filename="d.bin", content_type="application/x-d")
    assert (await client.files.upload(upload)).mime_type == "application/x-d"


async def test_bytes_need_a_name(client: MeshAPI, gateway: FakeGateway) -> None:
    """Said before anything is sent."""
    with pytest.raises(ValueError, match="has no name; give it one with file_name="):
        await client.files.upload(b"x")
    with pytest.raises(TypeError, match=r"Path\('a.pdf'\)"):
        await client.files.upload("a.pdf")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert gateway.requests == []


async def test_a_storage_that_refuses(gateway: FakeGateway) -> None:
    """Its own words are the error's, and the notes name the id that was given out."""
    ticket = {"file_id": "file_9", "signed_url": f"{gateway.base_url}/_fake/storage/file_9?signature=no"}
    gateway.enqueue(Answer(body=ticket))
    async with MeshAPI(gateway.base_url, gateway.token, retry=Retry(max_retries=0)) as client:
        with pytest.raises(APIStatusError, match="<Code>SignatureDoesNotMatch</Code>") as caught:
            await client.files.upload(b"x", file_name="a.txt")
    assert caught.value.status == 403
    assert caught.value.__notes__ == [
        "the gateway has given out the id 'file_9', and the file was not stored"
    ]


async def test_a_missing_file_costs_one_ticket(client: MeshAPI, tmp_path: Path) -> None:
    """The error is the system's, and names the path."""
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        await client.files.upload(tmp_path / "none.txt")
