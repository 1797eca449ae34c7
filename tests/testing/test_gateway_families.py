"""What the gateway remembers, family by family, and what it answers where nothing is remembered."""

import math
import operator
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from meshapi_aio.testing import Answer, FakeGateway

from .wire import CHAT, Clock, ask, asking, chat, client


TEXT = {"file_name": "a.txt", "mime_type": "text/plain"}


# Templates.


@pytest.fixture
async def template(gateway: FakeGateway) -> Any:
    """Store a template at the gateway of the test."""
    begun = [{"role": "user", "content": [{"type": "text", "text": "I am {{who}}, {{ who }}!"}]}]
    fields = {"name": "greeter", "system": "Hi {{ what }}", "messages": begun, "model": "maker/other"}
    status, made = await ask(gateway, "POST", "/v1/templates", {**fields, "params": {"max_tokens": 3}})
    assert status == 201
    return made


@pytest.mark.parametrize("by", ["id", "name"])
async def test_a_template_is_filled(gateway: FakeGateway, template: Any, by: str) -> None:
    """Its messages come first, and what the request says itself counts more than what it says."""
    said = {"messages": [], "template": template[by], "variables": {"who": "Ada", "what": "x", "more": "y"}}
    _, completion = await ask(gateway, "POST", CHAT, said)
    assert (completion["model"], completion["usage"]["completion_tokens"]) == ("maker/other", 3)
    _, completion = await ask(gateway, "POST", CHAT, {**said, "model": "maker/mine", "max_tokens": 99})
    told = completion["choices"][0]["message"]["content"]
    assert told == 'You said: "I am Ada, Ada!". This is the answer of maker/mine.'


async def test_a_template_that_lacks_a_variable(gateway: FakeGateway, template: Any) -> None:
    """Each that is missing is told; a template that there is not is not found."""
    status, _, told = await chat(gateway, template=template["id"], variables={"other": "x"})
    assert status == 422
    assert [detail["loc"] for detail in told["error"]["details"]] == [
        ["body", "variables", "what"],
        ["body", "variables", "who"],
    ]
    status, _, told = await chat(gateway, template="tmpl_none")
    assert (status, told["error"]["code"]) == (404, "not_found")


async def test_a_template_that_is_changed(gateway: FakeGateway, template: Any) -> None:
    """What is not given stays, and so does the id; once it is deleted nothing of it is there."""
    path = f"/v1/templates/{template['id']}"
    _, changed = await ask(gateway, "PATCH", path, {"name": "other"})
    assert {**template, "name": "other", "updated_at": changed["updated_at"]} == changed
    assert await ask(gateway, "GET", "/v1/templates") == (200, [changed])
    assert await ask(gateway, "DELETE", path) == (204, "")
    for method in ("GET", "PATCH", "DELETE"):
        status, told = await ask(gateway, method, path, {})
        assert (status, told["error"]["code"]) == (404, "not_found")


# Files.


async def put(url: str, body: bytes, **headers: str) -> tuple[int, str]:
    """Send bytes to a signed address, with nothing but these headers."""
    async with aiohttp.ClientSession() as session, session.put(url, data=body, headers=headers) as response:
        return response.status, await response.text()


async def ticket(gateway: FakeGateway, **fields: Any) -> Any:
    """Announce a file."""
    return (await ask(gateway, "POST", "/v1/files", {**TEXT, **fields}))[1]


async def test_a_file_is_stored_by_its_address(gateway: FakeGateway) -> None:
    """Its bytes go to the same server without the key, and then it is there."""
    given = await ticket(gateway)
    path = f"/v1/files/{given['file_id']}"
    _, before = await ask(gateway, "GET", path)
    assert (before["upload_status"], before["size_bytes"]) == ("pending", None)
    status, _ = await put(given["signed_url"], b"Some words.", **{"Content-Type": "text/plain"})
    assert status == 200
    assert gateway.requests[-1].path.endswith(given["file_id"])
    states = [(await ask(gateway, "GET", path))[1] for _ in range(2)]
    assert [file["embedding_status"] for file in states] == ["queued", "ready"]
    assert (states[1]["upload_status"], states[1]["size_bytes"], states[1]["file_type"]) == (
        "ready",
        11,
        "txt",
    )


@pytest.mark.parametrize(
    ("ending", "headers", "status", "code"),
    [
        ("x", {"Content-Type": "text/plain"}, 403, "SignatureDoesNotMatch"),
        ("", {"Content-Type": "text/html"}, 403, "SignatureDoesNotMatch"),
        ("", {"Content-Type": "text/plain", "Authorization": "Bearer rsk_x"}, 400, "InvalidArgument"),
    ],
)
async def test_the_storage_refuses(
    gateway: FakeGateway, ending: str, headers: dict[str, str], status: int, code: str
) -> None:
    """In a storage's own form: another signature, another type, and a key that it did not ask for."""
    given = await ticket(gateway)
    told = await put(given["signed_url"] + ending, b"x", **headers)
    assert (told[0], f"<Code>{code}</Code>" in told[1]) == (status, True)
    _, file = await ask(gateway, "GET", f"/v1/files/{given['file_id']}")
    assert file["upload_status"] == "pending"


async def test_an_address_expires() -> None:
    """After a quarter of an hour; it takes nothing but PUT."""
    clock = Clock()
    async with FakeGateway(clock=clock) as gateway:
        given = await ticket(gateway)
        assert (await ask(gateway, "GET", given["signed_url"]))[0] == 405
        clock.now += 901
        status, told = await put(given["signed_url"], b"x", **{"Content-Type": "text/plain"})
    assert (status, "AccessDenied" in told) == (403, True)


async def test_the_script_reaches_the_storage(gateway: FakeGateway) -> None:
    """What is sent to a signed address is a request like any other."""
    given = await ticket(gateway)
    gateway.enqueue(Answer(503, body="<Error><Code>SlowDown</Code></Error>"))
    assert (await put(given["signed_url"], b"x"))[0] == 503


async def stored(gateway: FakeGateway, content: bytes, **fields: Any) -> str:
    """Store a file that is embedded; return its id."""
    given = await ticket(gateway, **fields)
    await put(given["signed_url"], content, **{"Content-Type": "text/plain"})
    await ask(gateway, "GET", f"/v1/files/{given['file_id']}")
    file_id: str = given["file_id"]
    return file_id


async def test_a_search(gateway: FakeGateway) -> None:
    """The paragraph with most of the words comes first; files, metadata and dates narrow it."""
    cats = await stored(gateway, b"Cats purr at night.\n\nCats sleep.", metadata={"kind": "pet", "n": 1})
    cows = await stored(gateway, b"Cows sleep at night.", metadata={"kind": "cattle"})

    async def found(**fields: Any) -> list[Any]:
        body = {"query": "Cats at night", **fields}
        results = (await ask(gateway, "POST", "/v1/files/search", body))[1]["results"]
        return [(result["file_id"], result["chunk_index"]) for result in results]

    assert await found() == [(cats, 0), (cows, 0), (cats, 1)]
    assert await found(top_k=1) == [(cats, 0)]
    assert await found(file_ids=[cows]) == await found(filter={"kind": "cattle"}) == [(cows, 0)]
    assert await found(query="zebra") == await found(date_to=1) == await found(date_from=2**40) == []


async def test_what_can_not_be_embedded(gateway: FakeGateway) -> None:
    """It is told of each file by itself."""
    ready, empty = await stored(gateway, b"x", embed=True), (await ticket(gateway))["file_id"]
    pending = await stored(gateway, b"x", embed=False)
    body = {"file_ids": [ready, empty, "none", pending]}
    _, told = await ask(gateway, "POST", "/v1/files/embed", body)
    states = [(result["embedding_status"], result["error"]) for result in told["results"]]
    assert states == [
        ("failed", "the embedding is ready already"),
        ("failed", "the file is not uploaded yet"),
        ("failed", "there is no such file"),
        ("queued", None),
    ]
    assert (await ask(gateway, "GET", "/v1/files?limit=1&offset=2"))[1] == {
        "files": [(await ask(gateway, "GET", f"/v1/files/{ready}"))[1]],
        "total": 3,
        "limit": 1,
        "offset": 2,
    }


# Batches.


def batch_of(*bodies: Any, **fields: Any) -> Any:
    """Return the body of a batch."""
    return {"requests": [{"custom_id": str(n), "body": body} for n, body in enumerate(bodies)], **fields}


async def test_a_batch_has_failures_among_its_results() -> None:
    """A request that is refused is a line with its error; the others have none at all."""
    async with FakeGateway(catalogue=[{"id": "maker/model"}]) as gateway:
        body = batch_of(asking("Hi"), asking("Hi", temperature=9), metadata={"a": "b"})
        _, batch = await ask(gateway, "POST", "/v1/batches", body)
        for _ in range(2):
            _, batch = await ask(gateway, "GET", f"/v1/batches/{batch['id']}")
    assert batch["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
    assert (batch["metadata"], batch["status"]) == ({"a": "b"}, "completed")
    failed, whole = batch["results"]
    assert (failed["custom_id"], failed["response"]["status_code"]) == ("1", 422)
    assert failed["error"]["code"] == "validation_error"
    assert (whole["custom_id"], "error" in whole) == ("0", False)


async def test_too_many_batches(gateway: FakeGateway) -> None:
    """Ten may be unfinished, as one that was cancelled is not."""
    first: Any = None
    for _ in range(10):
        status, batch = await ask(gateway, "POST", "/v1/batches", batch_of(asking("Hi")))
        first = first or batch
        assert status == 200
    status, told = await ask(gateway, "POST", "/v1/batches", batch_of(asking("Hi")))
    assert (status, told["error"]["code"]) == (429, "batch_limit_exceeded")
    await ask(gateway, "POST", f"/v1/batches/{first['id']}/cancel", {})
    assert (await ask(gateway, "POST", "/v1/batches", batch_of(asking("Hi"))))[0] == 200


async def test_a_model_that_takes_no_batches() -> None:
    """As the catalogue says."""
    async with FakeGateway(catalogue=[{"id": "maker/model", "supports_batching": False}]) as gateway:
        status, told = await ask(gateway, "POST", "/v1/batches", batch_of(asking("Hi")))
    assert (status, told["error"]["code"]) == (501, "not_implemented")


async def test_a_batch_that_is_over_is_not_cancelled(gateway: FakeGateway) -> None:
    """It stays as it is, and so do its results."""
    _, batch = await ask(gateway, "POST", "/v1/batches", batch_of(asking("Hi")))
    for _ in range(2):
        _, batch = await ask(gateway, "GET", f"/v1/batches/{batch['id']}")
    assert (await ask(gateway, "POST", f"/v1/batches/{batch['id']}/cancel", {}))[1] == batch
    assert (await ask(gateway, "POST", "/v1/batches/none/cancel", {}))[0] == 404


# Embeddings.


async def vectors(gateway: FakeGateway, *texts: str, **fields: Any) -> list[list[float]]:
    """Return the vectors of texts."""
    _, told = await ask(gateway, "POST", "/v1/embeddings", {"input": texts, **fields})
    return [item["embedding"] for item in told["data"]]


async def test_vectors_mean_something(gateway: FakeGateway) -> None:
    """They have length 1, are the same for the same text, and nearer the more words are the same."""
    one, same, near, far, empty = await vectors(gateway, "a red car", "a red car", "a blue car", "no", "")
    assert len(one) == 1536
    assert all(math.isclose(math.hypot(*vector), 1, rel_tol=1e-5) for vector in (one, near, far, empty))
    assert one == same
    near_by, far_by = (sum(map(operator.mul, one, vector)) for vector in (near, far))
    assert near_by > 0.5 > far_by


async def test_embeddings_are_charged_and_refused() -> None:
    """They cost what the catalogue says, and a model that makes none says so."""
    models: list[Mapping[str, Any]] = [
        {"id": "maker/embedding", "pricing": {"prompt_usd_per_1m": "1000000"}},
        {"id": "maker/chat", "supports_embeddings": False},
    ]
    async with FakeGateway(catalogue=models) as gateway:
        await vectors(gateway, "two words", model="maker/embedding", dimensions=2)
        assert await ask(gateway, "GET", "/v1/balance") == (200, {"available_usd": "98"})
        status, told = await ask(gateway, "POST", "/v1/embeddings", {"input": "x", "model": "maker/chat"})
    assert (status, told["error"]["code"]) == (400, "model_capability_not_supported")


# Audio.


async def test_a_transcription_that_is_a_job(gateway: FakeGateway) -> None:
    """It is begun, and can be asked for later; a recording may be somewhere else."""
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in {"model": "m", "source_url": "https://example.com/a.mp3", "webhook": "true"}.items():
        form.add_field(name, value)
    async with client(gateway) as session, session.post("/v1/audio/transcriptions", data=form) as response:
        begun = await response.json()
        assert (response.status, begun["status"]) == (202, "processing")
    _, done = await ask(gateway, "GET", f"/v1/audio/transcriptions/{begun['id']}")
    assert done["text"] == "This is https://example.com/a.mp3."


async def test_voices_are_searched(gateway: FakeGateway) -> None:
    """By name, category and id, in either order."""

    async def names(query: str) -> list[str]:
        _, told = await ask(gateway, "GET", f"/v1/audio/voices?{query}")
        return [voice["name"] for voice in told["voices"]]

    assert await names("search=br") == ["Bruno"]
    assert await names("sort_direction=desc") == ["Chidi", "Bruno", "Alma"]
    assert await names("voice_ids=voice_alma&voice_ids=voice_chidi") == ["Alma", "Chidi"]
    assert await names("category=cloned") == []
    _, told = await ask(gateway, "GET", "/v1/audio/voices?include_total_count=true&page_size=1")
    assert (told["total_count"], told["next_page_token"]) == (3, "1")
    assert (await ask(gateway, "GET", "/v1/audio/voices/none"))[0] == 404


# Moderations, web search, router.


async def test_the_parts_of_a_message_are_judged_together(gateway: FakeGateway) -> None:
    """One result for all of them; each text by itself has its own."""
    parts = [{"type": "text", "text": "I hate"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    _, told = await ask(gateway, "POST", "/v1/moderations", {"input": parts})
    assert [result["categories"]["hate"] for result in told["results"]] == [True]
    _, told = await ask(gateway, "POST", "/v1/moderations", {"input": ["Hi", "a bomb"], "model": "m"})
    assert [result["flagged"] for result in told["results"]] == [False, True]
    assert told["model"] == "m"


async def test_a_web_search_is_charged(gateway: FakeGateway) -> None:
    """Half a cent; the sites are those that were asked for."""
    body = {"query": "cats", "include_domains": ["a.example", "b.example"], "exclude_domains": ["a.example"]}
    _, told = await ask(gateway, "POST", "/v1/web/search", body)
    assert [result["url"] for result in told["results"]] == ["https://b.example/1"]
    assert (told["answer"], told["request_id"]) == (None, gateway.requests[0].request_id)
    assert await ask(gateway, "GET", "/v1/balance") == (200, {"available_usd": "99.995"})


async def test_the_router_has_no_model_left() -> None:
    """Then it is the default, and it says so; for embeddings it takes one that makes them."""
    models = [{"id": "a/chat"}, {"id": "a/embedding", "model_type": "embedding"}]
    hi = {"messages": [{"role": "user", "content": "Hi"}]}
    async with FakeGateway(catalogue=models) as gateway:
        _, told = await ask(gateway, "POST", "/v1/router/select", {**hi, "exclude_models": ["a/chat"]})
        assert (told["model"], told["auto_router"]["fallback_used"]) == ("a/chat", True)
        _, told = await ask(gateway, "POST", "/v1/router/select", {**hi, "api_type": "embeddings"})
        assert (told["model"], told["auto_router"]["fallback_used"]) == ("a/embedding", False)
