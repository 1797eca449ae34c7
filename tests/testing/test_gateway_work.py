"""Answers in other forms than a chat's, and work that is further each time it is asked for."""

import base64
import io
import wave
from typing import Any

import pytest

from meshapi_aio.testing import FakeGateway

from .wire import Clock, ask, client


HI = [{"role": "user", "content": "Hi"}]


# Videos.


async def video(gateway: FakeGateway, model: str = "maker/video", **fields: Any) -> str:
    """Begin a video; return its id."""
    body = {"model": model, "content": [{"type": "text", "text": "A cat"}], **fields}
    status, begun = await ask(gateway, "POST", "/v1/video/generations", body)
    assert (status, list(begun)) == (200, ["id"])
    task: str = begun["id"]
    return task


async def test_a_video_moves_on_as_it_is_polled(gateway: FakeGateway) -> None:
    """Queued, running, succeeded; then it stays. What was asked for is told again."""
    path = f"/v1/video/generations/{await video(gateway, return_last_frame=True, ratio='16:9')}"
    _, listed = await ask(gateway, "GET", "/v1/video/generations")
    tasks = [listed["data"][0], *[(await ask(gateway, "GET", path))[1] for _ in range(3)]]
    assert [task["status"] for task in tasks] == ["queued", "running", "succeeded", "succeeded"]
    assert ["content" in task for task in tasks] == [False, False, True, True]
    assert set(tasks[3]["content"]) == {"video_url", "last_frame_url"}
    assert {task["ratio"] for task in tasks} == {"16:9"}


async def test_videos_are_listed() -> None:
    """By status, model and time, page by page; the list moves none of them."""
    clock = Clock()
    async with FakeGateway(clock=clock) as gateway:
        first = await video(gateway)
        clock.now += 100
        second = await video(gateway, "maker/other")
        await ask(gateway, "GET", f"/v1/video/generations/{second}")

        async def ids(query: str) -> list[str]:
            _, told = await ask(gateway, "GET", f"/v1/video/generations?{query}")
            return [task["id"] for task in told["data"]]

        assert await ids("") == [second, first]
        assert await ids("status=running") == await ids("model=maker/other") == [second]
        assert await ids("created_after=2027-01-15T08:01:00Z") == [second]
        assert await ids("created_before=2027-01-15T08:01:00") == await ids("offset=1") == [first]
        _, told = await ask(gateway, "GET", "/v1/video/generations?limit=1")
        assert (told["has_more"], told["total"]) == (True, 2)


async def test_a_video_is_found_by_its_request(gateway: FakeGateway) -> None:
    """From the version on in which its task tells that id."""
    task = await video(gateway)
    path = f"/v1/video/generations/{gateway.requests[0].request_id}"
    assert (await ask(gateway, "GET", path))[0] == 404
    status, found = await ask(gateway, "GET", path, **{"X-Mesh-Version": "2026-09"})
    assert (status, found["id"], found["request_id"]) == (200, task, gateway.requests[0].request_id)
    assert "request_id" not in (await ask(gateway, "GET", f"/v1/video/generations/{task}"))[1]


# Documents.


async def test_a_document_is_made(gateway: FakeGateway) -> None:
    """Pending, and completed when it is asked for; a list has them all."""
    body = {"format": "pdf", "prompt": "A letter"}
    _, begun = await ask(gateway, "POST", "/v1/documents/generate", body)
    assert (begun["status"], "download_url" in begun) == ("pending", False)
    path = f"/v1/documents/{begun['document_id']}"
    _, made = await ask(gateway, "GET", path)
    assert (made["status"], made["title"], made["download_url"][-4:]) == ("completed", "A letter", ".pdf")
    assert await ask(gateway, "GET", path) == (200, made)
    _, listed = await ask(gateway, "GET", "/v1/documents")
    assert (listed["documents"], listed["total"]) == ([made], 1)
    assert (await ask(gateway, "GET", "/v1/documents/none"))[0] == 404


# Responses.


async def test_a_response_is_kept_unless_it_shall_not_be(gateway: FakeGateway) -> None:
    """It can be read again; the list has only what runs in the background."""
    _, made = await ask(gateway, "POST", "/v1/responses", {"input": "Hi"})
    assert await ask(gateway, "GET", f"/v1/responses/{made['id']}") == (200, made)
    _, gone = await ask(gateway, "POST", "/v1/responses", {"input": "Hi", "store": False})
    assert (await ask(gateway, "GET", f"/v1/responses/{gone['id']}"))[0] == 404
    _, job = await ask(gateway, "POST", "/v1/responses", {"input": "Hi", "background": True})
    assert (job["status"], job["output"]) == ("queued", [])
    _, listed = await ask(gateway, "GET", "/v1/responses")
    assert [(item["id"], item["status"]) for item in listed["data"]] == [(job["id"], "queued")]


async def test_a_response_from_a_template(gateway: FakeGateway) -> None:
    """Filled as for a chat."""
    await ask(gateway, "POST", "/v1/templates", {"name": "t", "system": "{{a}}", "model": "maker/mine"})
    asked = {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}], "template": "t"}
    status, made = await ask(gateway, "POST", "/v1/responses", {**asked, "variables": {"a": "b"}})
    assert (status, made["model"]) == (200, "maker/mine")
    assert made["output"][0]["content"][0]["text"].startswith('You said: "Hi"')
    assert (await ask(gateway, "POST", "/v1/responses", asked))[0] == 422


async def test_a_model_that_reasons(gateway: FakeGateway) -> None:
    """Its thoughts are an item of their own, in the stream as well."""
    asked = {"input": "Hi", "model": "openai/o3", "stream": True}
    _, told = await ask(gateway, "POST", "/v1/responses", asked)
    whole = told[-1]["response"]
    assert [item["type"] for item in whole["output"]] == ["reasoning", "message"]
    pieces = [event["delta"] for event in told if event["type"] == "response.reasoning_summary_text.delta"]
    assert "".join(pieces) == whole["output"][0]["summary"][0]["text"]
    assert whole["usage"]["output_tokens"] > 0
    _, charged = await ask(gateway, "POST", "/v1/usage/events", {"org_id": ""})
    assert charged["events"][0]["completion_tokens"] == whole["usage"]["output_tokens"]


# Compare.


@pytest.mark.parametrize("wanted", ["maker/a", "maker/none"])
async def test_a_comparison(wanted: str) -> None:
    """By the model that is wanted, or where that fails by the default, which is told."""
    models = [{"id": "maker/a"}, {"id": "maker/b"}]
    overrides = [{"model": "maker/b", "max_tokens": 1, "system_prompt": "Be brief."}]
    asked = {"models": ["maker/a", "maker/b"], "messages": HI, "comparison_model": wanted}
    async with FakeGateway(catalogue=models) as gateway:
        _, told = await ask(gateway, "POST", "/v1/chat/compare", {**asked, "model_overrides": overrides})
        events = (await ask(gateway, "POST", "/v1/usage/events", {"org_id": ""}))[1]["events"]
    assert (told["comparison_model"], told["comparison_fallback_used"]) == ("maker/a", wanted != "maker/a")
    first, second = told["results"]
    assert (second["usage"]["completion_tokens"], second["content"]) == (1, "You")
    assert second["usage"]["prompt_tokens"] > first["usage"]["prompt_tokens"]
    assert {first["request_id"], second["request_id"]} < {event["request_id"] for event in events}


async def test_there_is_nothing_to_compare() -> None:
    """Where all but one fail, or it is not wanted; the failure is data and has its code."""
    async with FakeGateway(catalogue=[{"id": "maker/a"}, {"id": "maker/b"}]) as gateway:
        asked = {"models": ["maker/a", "maker/none"], "messages": HI}
        _, told = await ask(gateway, "POST", "/v1/chat/compare", asked)
        assert (told["comparison"], told["comparison_model"], told["partial"]) == (None, None, True)
        assert told["results"][1]["error"] == "there is no model 'maker/none'"
        asked = {"models": ["maker/a", "maker/b"], "messages": HI, "skip_comparison": True}
        _, told = await ask(gateway, "POST", "/v1/chat/compare", asked)
        assert (told["comparison"], told["skip_comparison"], told["partial"]) == (None, True, False)


# Images.


async def test_a_picture_without_a_model_is_charged_to_the_default(gateway: FakeGateway) -> None:
    """There is always a model that made it, though such a reply names none."""
    _, made = await ask(gateway, "POST", "/v1/images/generations", {"prompt": "a cat"})
    assert "model" not in made
    _, charged = await ask(gateway, "POST", "/v1/usage/events", {"org_id": ""})
    assert [event["model"] for event in charged["events"]] == ["openai/gpt-4o"]


async def test_pictures_are_streamed(gateway: FakeGateway) -> None:
    """After chunks that say only that it goes on."""
    asked = {"prompt": "A cat", "stream": True, "response_format": "b64_json"}
    _, chunks = await ask(gateway, "POST", "/v1/images/generations", asked)
    assert [(chunk["status"], len(chunk["data"])) for chunk in chunks] == [
        ("processing", 0),
        ("processing", 0),
        ("completed", 1),
    ]
    assert base64.b64decode(chunks[2]["data"][0]["b64_json"]).startswith(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"prompt": "x", "image": {"url": "https://example.com/a.png"}}, "image"),
        ({"prompt": "x", "mask": "http://example.com/a.png"}, "mask"),
        ({}, "prompt"),
        ({"operation": "mix"}, "prompt"),
    ],
)
async def test_an_edit_is_refused(gateway: FakeGateway, fields: Any, place: str) -> None:
    """Pictures come with the request, and most operations want a prompt."""
    asked = {"model": "openai/gpt-image-1", "image": "iVBORw0KGgo=", **fields}
    status, told = await ask(gateway, "POST", "/v1/images/edits", asked)
    assert (status, place in str(told["error"]["details"])) == (422, True)


# Speech.


@pytest.mark.parametrize("stream", [True, False])
async def test_speech_is_a_recording(gateway: FakeGateway, stream: bool) -> None:
    """A file that programs for sound can open, as long as its text."""
    lengths = []
    for text in ("Hi", "Hi, this takes much longer."):
        asked = {"input": text, "stream": stream}
        async with client(gateway) as session, session.post("/v1/audio/speech", json=asked) as response:
            assert (response.status, response.content_type) == (200, "audio/wav")
            content = await response.read()
        with wave.open(io.BytesIO(content)) as file:
            lengths.append(file.getnframes())
    assert 0 < lengths[0] < lengths[1]


async def test_a_provider_makes_wav_only_unasked(gateway: FakeGateway) -> None:
    """Asked for it in so many words, Sarvam refuses."""
    for model in ("sarvam/bulbul:v3", None):
        asked = {"input": "Hi", "model": model, "response_format": "wav"}
        assert (await ask(gateway, "POST", "/v1/audio/speech", asked))[0] == 422
    asked = {"input": "Hi", "model": "maker/other", "response_format": "wav"}
    async with client(gateway) as session, session.post("/v1/audio/speech", json=asked) as response:
        assert response.status == 200
