"""
The openai package speaks to FakeGateway for the families whose shapes it shares.

Files are none of them: the gateway's are announced and stored elsewhere, and listed under another name. Of
batches it reads what there is; they are begun in another way.
"""

import base64
from typing import Any

import aiohttp
import pytest

from meshapi_aio.testing import FakeGateway

from .speaking import HELLO, MODEL, TOOLS, WORDS, Speaker


openai = pytest.importorskip("openai", reason='other clients are installed by the extra "foreign"')

pytestmark = pytest.mark.foreign


@pytest.fixture
def speaker(openai_speaker: Speaker) -> Speaker:
    """Run each of the two clients."""
    return openai_speaker


async def test_embeddings(gateway: FakeGateway, speaker: Speaker) -> None:
    """By itself it asks for base64, and gives numbers; they are those that it gets when it asks for them."""
    create = speaker.client.embeddings.create
    asked = {"model": "openai/text-embedding-3-small", "input": ["some words", "others"], "dimensions": 5}
    made = await speaker.call(create, **asked)
    assert gateway.requests[0].json["encoding_format"] == "base64"
    numbers = await speaker.call(create, **asked, encoding_format="float")
    assert [item.embedding for item in made.data] == [item.embedding for item in numbers.data]
    assert [(item.index, len(item.embedding), item.object) for item in made.data] == [
        (0, 5, "embedding"),
        (1, 5, "embedding"),
    ]
    assert (made.object, made.model, made.usage.total_tokens) == ("list", asked["model"], 3)


async def test_images(speaker: Speaker) -> None:
    """Pictures in either form, made, and changed by what is sent as base64."""
    images = speaker.client.images
    asked = {"model": "openai/gpt-image-1", "prompt": "A cat", "n": 2}
    made = await speaker.call(images.generate, **asked, response_format="b64_json")
    assert [base64.b64decode(image.b64_json)[:4] for image in made.data] == [b"\x89PNG"] * 2
    by_url = await speaker.call(images.generate, **asked)
    assert [image.url.partition(",")[2] for image in by_url.data] == [image.b64_json for image in made.data]


async def test_audio(speaker: Speaker) -> None:
    """Speech is a file, read whole or as it comes; a recording is text."""
    audio = speaker.client.audio
    spoken = await speaker.call(audio.speech.create, model="openai/tts", voice="alloy", input="Some words")
    assert (spoken.content[:4], spoken.response.headers["Content-Type"]) == (b"RIFF", "audio/wav")
    recording = ("ä.wav", spoken.content, "audio/wav")
    heard = await speaker.call(audio.transcriptions.create, model="m", file=recording, temperature=0.5)
    assert heard.text == f"This is ä.wav, {len(spoken.content)} bytes of audio/wav."
    with pytest.warns(DeprecationWarning, match="deprecated"):  # the package would have it done by others
        translated = await speaker.call(audio.translations.create, model="m", file=recording)
    assert translated.text == heard.text


async def test_moderations(speaker: Speaker) -> None:
    """Each text has a result of its own."""
    judged = await speaker.call(speaker.client.moderations.create, input=["I will kill you", "Hi"])
    assert [result.flagged for result in judged.results] == [True, False]
    assert judged.results[0].categories.violence
    assert judged.results[0].category_scores.violence > 0.5


async def test_responses(speaker: Speaker) -> None:
    """Text and calls of functions, whole and streamed."""
    create = speaker.client.responses.create
    made = await speaker.call(create, model=MODEL, input=HELLO[0]["content"])
    assert (made.output_text, made.status) == (WORDS, "completed")
    events = await speaker.items(await speaker.call(create, model=MODEL, input=HELLO, stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == WORDS
    assert events[-1].response.output_text == WORDS
    functions: list[Any] = [tool["function"] for tool in TOOLS]
    tools = [{"type": "function", "strict": None, **function} for function in functions]
    made = await speaker.call(create, model=MODEL, input="Use get_weather.", tools=tools)
    (call,) = made.output
    assert (call.type, call.name) == ("function_call", "get_weather")
    answer = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    said = [{"role": "user", "content": "Use get_weather."}, call.to_dict(), answer]
    assert "sunny" in (await speaker.call(create, model=MODEL, input=said, tools=tools)).output_text


async def test_background_responses(speaker: Speaker) -> None:
    """They are done when they are polled."""
    responses = speaker.client.responses
    job = await speaker.call(responses.create, model=MODEL, input="Hi", background=True)
    polled = [await speaker.call(responses.retrieve, job.id) for _ in range(2)]
    assert [each.status for each in [job, *polled]] == ["queued", "in_progress", "completed"]
    with pytest.raises(openai.NotFoundError, match="resp_other"):
        await speaker.call(responses.retrieve, "resp_other")


async def test_batches_that_there_are(gateway: FakeGateway, speaker: Speaker) -> None:
    """Read, listed page by page, and cancelled."""
    ids = []
    key = {"Authorization": f"Bearer {gateway.token}"}
    async with aiohttp.ClientSession(gateway.base_url, headers=key) as session:
        for _ in range(3):
            line = {"custom_id": "a", "body": {"model": MODEL, "messages": HELLO}}
            async with session.post("/v1/batches", json={"requests": [line]}) as response:
                ids.append((await response.json())["id"])
    batches = speaker.client.batches
    assert (await speaker.call(batches.retrieve, ids[0])).status == "in_progress"
    listed = await speaker.items(await speaker.call(batches.list, limit=2))
    assert [batch.id for batch in listed] == ids[::-1]
    assert (await speaker.call(batches.cancel, ids[2])).status == "cancelling"
