"""
The vendor's meshapi package speaks to FakeGateway for each of its families, without an error of either.

Where the package itself is wrong the test says so, with the place in which it was found.
"""

import base64
from typing import Any

import pytest

from meshapi_aio.testing import FakeGateway

from .speaking import HELLO, MODEL, WORDS, Speaker, gateway_with


meshapi = pytest.importorskip("meshapi", reason='other clients are installed by the extra "foreign"')

pytestmark = pytest.mark.foreign


@pytest.fixture
def speaker(meshapi_speaker: Speaker) -> Speaker:
    """Run each of the two clients."""
    return meshapi_speaker


def params(kind: str, **fields: Any) -> Any:
    """Return fields as the package has them, which checks each of them."""
    return getattr(meshapi, kind).model_validate(fields)


async def refused(speaker: Speaker, function: Any, *args: Any, **fields: Any) -> tuple[int, str]:
    """Return status and code of the error that a call raises."""
    with pytest.raises(meshapi.MeshAPIError) as caught:
        await speaker.call(function, *args, **fields)
    return caught.value.status, caught.value.error_code


async def test_templates(speaker: Speaker) -> None:
    """Made, listed, read, changed, used by name in a chat, deleted, and then not there."""
    templates = speaker.client.templates
    made = await speaker.call(
        templates.create,
        params("CreateTemplateParams", name="greeter", system="Greet {{ who }}.", params={"temperature": 1}),
    )
    assert (made.name, made.is_global, made.messages) == ("greeter", False, None)
    assert await speaker.call(templates.list) == [made]
    assert await speaker.call(templates.get, made.id) == made
    change = params("UpdateTemplateParams", description="Greets")
    changed = await speaker.call(templates.update, made.id, change)
    assert (changed.name, changed.description) == ("greeter", "Greets")
    asking = {"model": MODEL, "messages": HELLO, "template": "greeter", "variables": {"who": "Ada"}}
    create = speaker.client.chat.completions.create
    completion = await speaker.call(create, params("ChatCompletionParams", **asking))
    assert completion.choices[0].message.content == WORDS
    without = params("ChatCompletionParams", **{**asking, "variables": {}})
    assert await refused(speaker, create, without) == (422, "validation_error")
    assert await speaker.call(templates.delete, made.id) is None
    assert await refused(speaker, templates.get, made.id) == (404, "not_found")
    assert await speaker.call(templates.list) == []


@pytest.mark.parametrize(
    ("given", "vectors"),
    [
        ("some words", 1),
        (["some words", "others"], 2),
        ([1, 2, 3], 1),
        ([[1], [2]], 2),
        ([{"type": "text", "text": "some words"}], 1),
    ],
)
async def test_embeddings(speaker: Speaker, given: Any, vectors: int) -> None:
    """A vector for each input, of the dimensions that are asked for, as numbers and in base64."""
    create = speaker.client.embeddings.create
    made = await speaker.call(create, params("EmbeddingsParams", input=given, dimensions=8))
    assert [(item.index, len(item.embedding)) for item in made.data] == [(n, 8) for n in range(vectors)]
    assert made.usage.total_tokens == made.usage.prompt_tokens
    packed = await speaker.call(
        create, params("EmbeddingsParams", input=given, dimensions=8, encoding_format="base64")
    )
    assert [len(base64.b64decode(item.embedding)) for item in packed.data] == [32] * vectors


async def test_responses(speaker: Speaker) -> None:
    """Whole and streamed it is one text; what runs in the background is done when it is polled."""
    responses = speaker.client.responses
    asked = {"model": MODEL, "input": HELLO[0]["content"], "instructions": "Be brief."}
    made = await speaker.call(responses.create, params("ResponsesParams", **asked))
    assert (made.status, made.output[0]["content"][0]["text"]) == ("completed", WORDS)
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens
    events = await speaker.items(responses.stream(params("ResponsesParams", **asked)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(pieces) == WORDS
    job = await speaker.call(responses.create, params("ResponsesParams", **asked, background=True))
    states = [(await speaker.call(responses.get, job.id)).status for _ in range(2)]
    assert [job.status, *states] == ["queued", "in_progress", "completed"]
    listed = await speaker.call(responses.list, limit=5)
    assert [item.id for item in listed.data] == [job.id]
    assert await refused(speaker, responses.get, "resp_other") == (404, "not_found")


@gateway_with(catalogue=[{"id": "maker/one"}, {"id": "maker/two"}])
async def test_compare(speaker: Speaker) -> None:
    """A model that fails is data, and so it is in the stream; only where all fail it is an error."""
    compare = speaker.client.compare
    models = ["maker/one", "maker/two", "maker/other", "maker/one"]
    made = await speaker.call(compare.create, params("CompareParams", models=models, messages=HELLO))
    assert made.models == [result.model for result in made.results] == models[:3]
    assert [result.error_code for result in made.results] == [None, None, "model_not_found"]
    assert (made.partial, made.comparison is not None) == (True, True)
    assert len({result.request_id for result in made.results}) == 3
    asked = params("CompareParams", models=models[2:3], messages=HELLO)
    assert await refused(speaker, compare.create, asked) == (502, "all_models_failed")
    for skip in (False, True):
        asked = params("CompareParams", models=models[:2], messages=HELLO, skip_comparison=skip)
        events = await speaker.items(compare.stream(asked))
        deltas = [event for event in events if event.event == "delta"]
        assert {event.model for event in deltas} == ({"maker/one", "maker/two"} if skip else {None})


@gateway_with(catalogue=[{"id": "maker/one"}])
async def test_a_failure_in_a_stream_of_compare(speaker: Speaker) -> None:
    """The package takes a model's failure, a text beside its name, for that of all (wire-protocol 4.4)."""
    asked = params("CompareParams", models=["maker/one", "maker/other"], messages=HELLO)
    seen: list[Any] = []
    with pytest.raises(meshapi.MeshAPIError, match="there is no model 'maker/other'"):
        await speaker.items(speaker.client.compare.stream(asked), seen)
    assert seen


@pytest.mark.parametrize("form", ["url", "b64_json"])
async def test_images(speaker: Speaker, form: str) -> None:
    """Pictures that the package decodes, made, changed and streamed."""
    images = speaker.client.images
    asked = {"prompt": "A cat", "n": 2, "response_format": form}
    made = await speaker.call(images.generate, params("ImageGenerationParams", **asked))
    assert [item.image_bytes()[:4] for item in made.data] == [b"\x89PNG"] * 2
    chunks = await speaker.items(images.stream(params("ImageGenerationParams", **asked)))
    assert [chunk.status for chunk in chunks[:2]] == ["processing", "processing"]
    assert [item.image_bytes() for chunk in chunks for item in chunk.data] == [
        item.image_bytes() for item in made.data
    ]
    edit = {"model": "openai/gpt-image-1", "image": "data:image/png;base64,iVBORw0KGgo=", "prompt": "A dog"}
    changed = await speaker.call(images.edit, params("ImageEditParams", **edit, response_format=form))
    assert changed.data[0].image_bytes() == made.data[0].image_bytes()
    elsewhere = params("ImageEditParams", **{**edit, "image": "https://example.com/a.png"})
    assert await refused(speaker, images.edit, elsewhere) == (422, "validation_error")


async def test_audio(gateway: FakeGateway, speaker: Speaker) -> None:
    """Speech is a file, a recording is text that tells of it, and of the voices there is a list."""
    audio = speaker.client.audio
    spoken = await speaker.call(audio.synthesize, params("SpeechParams", input="Some words"))
    assert (spoken[:4], spoken[8:12]) == (b"RIFF", b"WAVE")
    asked = params("TranscriptionParams", model="m", diarize=True, num_speakers=2, temperature=0.5)
    heard = await speaker.call(audio.transcribe, spoken, asked, filename="ä.wav")
    assert heard.text == f"This is ä.wav, {len(spoken)} bytes of application/octet-stream."
    # It sends "True" where the gateway wants "true" (wire-protocol 5.8), which is read all the same.
    call: Any = gateway.requests[-1].call
    assert call.diarize is True
    translated = await speaker.call(audio.translate, spoken, filename="ä.wav")
    other = params("AudioTranslationsParams", model="m")
    assert translated == await speaker.call(audio.audio_translate, spoken, other, filename="ä.wav") == heard
    first = await speaker.call(audio.list_voices, params("ListVoicesParams", page_size=2))
    rest = await speaker.call(
        audio.list_voices, params("ListVoicesParams", next_page_token=first.next_page_token)
    )
    assert (first.has_more, len(first.voices), rest.has_more, len(rest.voices)) == (True, 2, False, 1)
    voice = await speaker.call(audio.get_voice, first.voices[0].voice_id)
    assert voice == first.voices[0]
    assert await refused(speaker, audio.get_transcription, "other") == (404, "not_found")


async def test_keyterms(gateway: FakeGateway, speaker: Speaker) -> None:
    """The package sends a list as one text that looks like one (wire-protocol 5.8), which stays one term."""
    asked = params("TranscriptionParams", model="m", keyterms=["one", "two"])
    await speaker.call(speaker.client.audio.transcribe, b"RIFF", asked)
    call: Any = gateway.requests[-1].call
    assert call.keyterms == ["['one', 'two']"]


async def test_videos(speaker: Speaker) -> None:
    """A task is queued, runs and succeeds as it is polled; the list does not move it."""
    videos = speaker.client.videos
    content = [{"type": "text", "text": "A cat"}]
    asked = params("VideoGenerationParams", model="maker/video", content=content, duration=5, seed=7)
    task = await speaker.call(videos.generate, asked)
    listed = await speaker.call(videos.list, params("ListVideoGenerationsParams", status="queued", limit=5))
    assert [(item.id, item.seed, item.duration) for item in listed.data] == [(task.id, 7, 5)]
    polled = [await speaker.call(videos.retrieve, task.id) for _ in range(2)]
    assert [item.status for item in polled] == ["running", "succeeded"]
    assert (polled[0].content, polled[1].content.video_url[-4:]) == (None, ".mp4")
    assert await refused(speaker, videos.retrieve, "other") == (404, "not_found")


async def test_files(speaker: Speaker) -> None:
    """Uploaded past the gateway, embedded as it is polled, and found by its words."""
    rag = speaker.client.rag
    ticket = await speaker.call(
        rag.upload_file, file_name="a.txt", mime_type="text/plain", content=b"Cats purr.\n\nDogs bark."
    )
    polled = [await speaker.call(rag.get, ticket.file_id) for _ in range(2)]
    assert {file.upload_status for file in polled} == {"ready"}
    assert [file.embedding_status for file in polled] == ["queued", "ready"]
    assert (await speaker.call(rag.list, limit=5)).files == polled[1:]
    found = await speaker.call(rag.search, params("SearchRequest", query="Which animals bark?"))
    assert [result.text for result in found.results] == ["Dogs bark."]
    later = await speaker.call(
        rag.upload_file, file_name="b.txt", mime_type="text/plain", content=b"Cows.", embed=False
    )
    asked = params("BulkEmbedRequest", file_ids=[later.file_id, "other"], wait=True)
    done = await speaker.call(rag.embed, asked)
    assert [result.embedding_status for result in done.results] == ["ready", "failed"]


async def test_batches(speaker: Speaker) -> None:
    """A batch is validated, runs and completes as it is polled; what it was asked is answered by id."""
    batches = speaker.client.batches
    requests = [{"custom_id": name, "body": {"model": MODEL, "messages": HELLO}} for name in ("a", "b")]
    batch = await speaker.call(batches.create, params("CreateBatchParams", requests=requests))
    polled = [await speaker.call(batches.get, batch.id) for _ in range(2)]
    assert [each.status for each in [batch, *polled]] == ["validating", "in_progress", "completed"]
    said = {
        line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"]
        for line in polled[1].results
    }
    assert said == {"a": WORDS, "b": WORDS}
    other = await speaker.call(batches.create, params("CreateBatchParams", requests=requests))
    assert (await speaker.call(batches.cancel, other.id)).status == "cancelling"
    assert (await speaker.call(batches.get, other.id)).status == "cancelled"
    page = await speaker.call(batches.list, limit=1)
    assert ([each.id for each in page.data], page.has_more) == ([other.id], True)
    assert [each.id for each in (await speaker.call(batches.list, after=page.last_id)).data] == [batch.id]


async def test_moderations_search_and_router(speaker: Speaker) -> None:
    """The families with one call each."""
    judged = await speaker.call(
        speaker.client.moderations.create, params("ModerationParams", input=["I will kill you", "Hi"])
    )
    assert [result.flagged for result in judged.results] == [True, False]
    asked = params("WebSearchParams", query="cats", max_results=2, include_answer=True)
    found = await speaker.call(speaker.client.web.search, asked)
    assert (len(found.results), found.answer is not None, found.provider) == (2, True, "native")
    assert found.request_id.startswith("req_")
    select = speaker.client.router.select
    chosen = await speaker.call(select, params("RouterSelectParams", messages=HELLO))
    others = [chosen.model]
    other = await speaker.call(select, params("RouterSelectParams", messages=HELLO, exclude_models=others))
    assert other.model != chosen.model
