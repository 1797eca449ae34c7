"""Audio: speech as bytes, recordings as forms, voices in pages."""

from pathlib import Path

import pytest

from meshapi_aio import MeshAPI
from meshapi_aio._codec import structurer
from meshapi_aio._upload import Upload
from meshapi_aio._wire import prepare
from meshapi_aio.endpoints.audio import (
    Audio,
    CreateSpeech,
    CreateTranscription,
    CreateTranslation,
    StreamSpeech,
    Transcription,
    TranslateTranscription,
    Voice,
)
from meshapi_aio.testing import Answer, FakeGateway
from tests.endpoints.answering import Answers, refusal
from tests.literals import SETTINGS


def parts(call: CreateTranscription | CreateTranslation | TranslateTranscription) -> list[str]:
    """Return what a form's parts say: the head without its boundary, and the text."""
    body = prepare(call, SETTINGS).parts
    assert body is not None
    text = b"".join(part if isinstance(part, bytes) else b"<file>" for part in body.parts).decode()
    boundary = text.split("\r\n", 1)[0]
    told = text.removesuffix(f"{boundary}--\r\n").split(f"{boundary}\r\n")[1:]
    return [part.removeprefix("Content-Disposition: form-data; ").removesuffix("\r\n") for part in told]


async def test_speech_whole(client: MeshAPI, gateway: FakeGateway, tmp_path: Path) -> None:
    """The sound as it came, and what it is; it can be saved. The gateway is told that it need not stream."""
    speech = await client.audio.speech.create(input="Hello there", speaker="anushka", pace=1.2)
    assert speech.content_type == "audio/wav"
    assert speech.content.startswith(b"RIFF")
    speech.save(tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes() == speech.content
    assert gateway.requests[0].json == {
        "input": "Hello there",
        "speaker": "anushka",
        "pace": 1.2,
        "stream": False,
    }


async def test_speech_as_it_comes(client: MeshAPI, gateway: FakeGateway) -> None:
    """With ``stream=True`` in pieces, which are together what comes whole."""
    text = "Hello there, " * 100
    whole = await client.audio.speech.create(input=text)
    async with client.audio.speech.create(input=text, stream=True) as stream:
        pieces = [piece async for piece in stream]
    assert b"".join(pieces) == whole.content
    assert len(pieces) > 1
    assert gateway.requests[1].json["stream"] is True


def test_the_kind_of_call_says_whether_speech_streams() -> None:
    """Not extra_body, since the two are read differently."""
    assert "extra_body sets stream" in refusal(CreateSpeech, input="a", extra_body={"stream": True})
    assert "extra_body sets stream" in refusal(StreamSpeech, input="a", extra_body={"stream": False})


def test_a_transcription_as_a_form() -> None:
    """Key terms are repeated parts, booleans lower case, objects JSON; what is not said is not there."""
    call = CreateTranscription(
        model="elevenlabs/scribe",
        file=("Müller.mp3", b"sound"),
        diarize=True,
        no_verbatim=False,
        keyterms=["Mesh", "API"],
        num_speakers=2,
        temperature=0.5,
        webhook_metadata={"job": 1},
        extra_body={"language": "de"},
    )
    assert parts(call) == [
        'name="model"\r\n\r\nelevenlabs/scribe',
        'name="file"; filename="Müller.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n<file>',
        'name="num_speakers"\r\n\r\n2',
        'name="diarize"\r\n\r\ntrue',
        'name="temperature"\r\n\r\n0.5',
        'name="webhook_metadata"\r\n\r\n{"job":1}',
        'name="keyterms"\r\n\r\nMesh',
        'name="keyterms"\r\n\r\nAPI',
        'name="no_verbatim"\r\n\r\nfalse',
        'name="language"\r\n\r\nde',
    ]


def test_a_recording_elsewhere_is_a_form_as_well() -> None:
    """The gateway knows no other."""
    call = CreateTranscription(model="m", source_url="https://a.example/b.mp3")
    assert parts(call) == ['name="model"\r\n\r\nm', 'name="source_url"\r\n\r\nhttps://a.example/b.mp3']
    assert prepare(call, SETTINGS).headers["Content-Type"].startswith("multipart/form-data; boundary=")


def test_exactly_one_recording() -> None:
    """None and two are refused, with their names."""
    assert "got none" in refusal(CreateTranscription, model="m")
    assert "got file and source_url" in refusal(CreateTranscription, model="m", file=b"x", source_url="y")


def test_bytes_without_a_name_are_called_as_the_gateways_clients_call_them() -> None:
    """A name must be there, and providers tell by it what the bytes are."""
    call = TranslateTranscription(file=b"x")
    assert call.file == Upload(b"x", filename="audio.mp3")
    assert parts(call)[0].startswith('name="file"; filename="audio.mp3"\r\nContent-Type: audio/mpeg')


def test_a_translations_temperature() -> None:
    """In the documented range."""
    assert "temperature must be from 0 to 2" in refusal(
        CreateTranslation, model="m", file=b"x", temperature=3
    )


async def test_recordings_over_the_wire(client: MeshAPI, tmp_path: Path) -> None:
    """Each to its endpoint; the fake gateway hears names and sizes."""
    (tmp_path / "talk.mp3").write_bytes(b"12345")
    heard = await client.audio.transcriptions.create(model="m", file=tmp_path / "talk.mp3")
    assert "talk.mp3" in (heard.text or "")
    again = await client.audio.transcriptions.get(id=heard.extra["id"])
    assert again.text == heard.text
    english = await client.audio.transcriptions.translate(file=("a.mp3", b"x"), prompt="names")
    other = await client.audio.translations.create(model="m", file=("a.mp3", b"x"), temperature=2)
    assert english.text == other.text


def test_a_translation_of_which_only_the_text_comes() -> None:
    """A fixture: nothing else is required, and of a job not even that."""
    assert structurer(Transcription)({"text": "Hello"}).to_dict() == {"text": "Hello"}
    job = structurer(Transcription)({"id": "tr_1", "status": "processing"})
    assert (job.text, job.extra) == (None, {"id": "tr_1", "status": "processing"})


async def test_voices_in_pages() -> None:
    """Ids are repeated in the query; the token leads on, unless there is no more."""
    voice = {"voice_id": "v1", "name": "A", "labels": {"age": 3, "tags": ["x"]}}
    gateway = Answers(
        {"voices": [voice], "next_page_token": "t2"},
        {"voices": [{"voice_id": "v2"}], "has_more": False, "total_count": 2, "next_page_token": "t3"},
    )
    voices = [item async for item in Audio(gateway).voices.list(voice_ids=["v1", "v2"], page_size=1)]
    assert [item.voice_id for item in voices] == ["v1", "v2"]
    assert voices[0].labels == {"age": 3, "tags": ["x"]}
    assert [path for _, path, _ in gateway.sent] == [
        "/v1/audio/voices?page_size=1&voice_ids=v1&voice_ids=v2",
        "/v1/audio/voices?next_page_token=t2&page_size=1&voice_ids=v1&voice_ids=v2",
    ]


async def test_one_voice(client: MeshAPI, gateway: FakeGateway) -> None:
    """By its id, which may have any letters."""
    gateway.enqueue(Answer(body={"voice_id": "a/b", "name": "A", "new": 1}))
    voice = await client.audio.voices.get(id="a/b")
    assert voice == Voice(voice_id="a/b", name="A", extra={"new": 1})
    assert gateway.requests[0].target == "/v1/audio/voices/a%2Fb"


@pytest.mark.parametrize("name", ["create", "translate"])
def test_a_path_as_text_is_refused(name: str) -> None:
    """With what to write."""
    kind = {"create": CreateTranscription, "translate": TranslateTranscription}[name]
    assert "Path('a.mp3')" in refusal(kind, model="m", file="a.mp3")
