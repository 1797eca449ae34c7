"""
Audio: ``client.audio``, speech from text, text from speech, and the voices that speak.

Which fields a model takes is its provider's matter: the gateway hands them on.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import attrs

from .._bytes import ByteReply, ByteStream
from .._family import Family, Namespace, create_method, method
from .._pages import ListCall, TokenPage, list_method
from .._shape import Reply, shape
from .._upload import Uploadable, as_upload
from ..call import Call, StreamCall, fields, get, post
from ._bodies import Body, Streamable
from ._shared import between


__all__ = [
    "Audio",
    "CreateSpeech",
    "CreateTranscription",
    "CreateTranslation",
    "GetTranscription",
    "GetVoice",
    "ListVoices",
    "Speech",
    "StreamSpeech",
    "Transcription",
    "Transcriptions",
    "TranslateTranscription",
    "Translations",
    "Voice",
    "VoicePage",
    "Voices",
]


def _as_audio(value: Any) -> Any:
    """Make an upload of a recording; one without a name is called as the gateway's own clients call it."""
    file = as_upload(value)
    return file if file is None or file.filename is not None else file.named("audio.mp3")


@fields
class _SpeechFields(Streamable):
    input: str
    """The text to be spoken."""
    model: str | None = None
    """``sarvam/bulbul:v3`` by default."""
    voice: str | None = None
    """Who speaks, with models such as those of ElevenLabs."""
    speaker: str | None = None
    """Who speaks, with models of Sarvam; ``anushka`` by default."""
    response_format: str | None = None
    """Such as ``mp3``; models of Sarvam refuse an explicit ``wav``, which they make by themselves."""
    language_code: str | None = None
    target_language_code: str | None = None
    """With models of Sarvam; ``hi-IN`` by default."""
    voice_settings: Mapping[str, Any] | None = None
    """Any of ``stability``, ``similarity_boost``, ``style``, ``use_speaker_boost`` and ``speed``."""
    pronunciation_dictionary_locators: Sequence[Mapping[str, Any]] | None = None
    """Each with ``pronunciation_dictionary_id`` and ``version_id``."""
    seed: int | None = None
    optimize_streaming_latency: int | None = None
    speech_sample_rate: int | None = None
    previous_text: str | None = None
    next_text: str | None = None
    previous_request_ids: Sequence[str] | None = None
    next_request_ids: Sequence[str] | None = None
    apply_text_normalization: str | None = None
    apply_language_text_normalization: bool | None = None
    use_pvc_as_ivc: bool | None = None
    enable_logging: bool | None = None
    enable_preprocessing: bool | None = None
    pitch: float | None = None
    pace: float | None = None
    loudness: float | None = None


@post("/v1/audio/speech")
class CreateSpeech(_SpeechFields, Call[ByteReply]):
    """
    Turn text into speech: the sound as bytes, whose ``content_type`` tells what they are.

    ``(await client.audio.speech.create(input="Hello")).save("hello.wav")``
    """

    stream: Literal[False] = False


@post("/v1/audio/speech")
class StreamSpeech(_SpeechFields, StreamCall[ByteStream]):
    """Turn text into speech, which is handed over as it is spoken."""

    stream: Literal[True] = True


@shape
class Transcription(Reply):
    """
    What was said.

    What else a provider tells (language, words, speakers) is in ``extra``; of a job that is not done, or has
    another form, the text is None.
    """

    text: str | None = None


@post("/v1/audio/transcriptions")
class CreateTranscription(Body, Call[Transcription]):
    """
    Turn a recording into text: a ``file``, or the address of one.

    A job with ``webhook=True`` is answered before it is done; ``transcriptions.get`` tells of it later.
    """

    model: str
    file: Uploadable | None = attrs.field(default=None, converter=_as_audio)
    """A ``Path``, bytes, a binary file object, ``(filename, content)``, or an ``Upload``."""
    source_url: str | None = None
    cloud_storage_url: str | None = None
    language_code: str | None = None
    """Some pages of the documentation call it ``language``; the gateway's own clients do not."""
    num_speakers: int | None = None
    timestamps_granularity: str | None = None
    tag_audio_events: bool | None = None
    diarize: bool | None = None
    diarization_threshold: float | None = None
    additional_formats: str | None = None
    """JSON text."""
    file_format: str | None = None
    temperature: float | None = None
    seed: int | None = None
    webhook: bool | None = None
    webhook_id: str | None = None
    webhook_metadata: str | Mapping[str, Any] | None = None
    use_multi_channel: bool | None = None
    keyterms: Sequence[str] | None = None
    """Words to listen for."""
    no_verbatim: bool | None = None
    detect_speaker_roles: bool | None = None
    entity_detection: str | Sequence[str] | None = None
    entity_redaction: str | Sequence[str] | None = None
    entity_redaction_mode: str | None = None
    with_timestamps: bool | None = None
    debug_mode: bool | None = None

    def __attrs_post_init__(self) -> None:
        given = [name for name in _RECORDINGS if getattr(self, name) is not None]
        if len(given) != 1:
            told = f"got {' and '.join(given)}" if given else "got none"
            msg = f"CreateTranscription: exactly one of {', '.join(_RECORDINGS)} says what to hear; {told}"
            raise ValueError(msg)


_RECORDINGS = ("file", "source_url", "cloud_storage_url")


@get("/v1/audio/transcriptions/{id}")
class GetTranscription(Call[Transcription]):
    """Fetch the outcome of a transcription that was made as a job; ``NotFoundError`` where there is none."""

    id: str


@post("/v1/audio/transcriptions/translate")
class TranslateTranscription(Body, Call[Transcription]):
    """Turn a recording in any language into English text, by a model for transcriptions."""

    file: Uploadable = attrs.field(converter=_as_audio)
    model: str | None = None
    prompt: str | None = None


@post("/v1/audio/translations")
class CreateTranslation(Body, Call[Transcription]):
    """Turn a recording in any language into English text, by a model for translations."""

    file: Uploadable = attrs.field(converter=_as_audio)
    model: str
    prompt: str | None = None
    response_format: str | None = None
    temperature: float | None = attrs.field(default=None, validator=between(0, 2))


@shape
class Voice(Reply):
    """A voice."""

    voice_id: str
    name: str | None = None
    category: str | None = None
    description: str | None = None
    preview_url: str | None = None
    labels: dict[str, Any] | None = None


@shape
class VoicePage(TokenPage[Voice]):
    """A page of voices; how many there are in all is told where it was asked for."""

    _items_in: ClassVar[str] = "voices"

    voices: list[Voice]
    has_more: bool | None = None
    total_count: int | None = None

    def _after(self, call: Any) -> Any:
        return None if self.has_more is False else super()._after(call)


@get("/v1/audio/voices")
class ListVoices(ListCall[VoicePage, Voice]):
    """List voices."""

    next_page_token: str | None = None
    page_size: int | None = None
    search: str | None = None
    sort: str | None = None
    sort_direction: str | None = None
    voice_type: str | None = None
    category: str | None = None
    include_total_count: bool | None = None
    voice_ids: Sequence[str] | None = None


@get("/v1/audio/voices/{id}")
class GetVoice(Call[Voice]):
    """Fetch one voice; ``NotFoundError`` where there is none."""

    id: str


class Speech(Family):
    """``client.audio.speech``: speech from text."""

    create = create_method(CreateSpeech, StreamSpeech)


class Transcriptions(Family):
    """``client.audio.transcriptions``: text from speech."""

    create = method(CreateTranscription)
    get = method(GetTranscription)
    translate = method(TranslateTranscription)


class Translations(Family):
    """``client.audio.translations``: English text from speech in any language."""

    create = method(CreateTranslation)


class Voices(Family):
    """``client.audio.voices``: who speaks."""

    list = list_method(ListVoices)
    get = method(GetVoice)


class Audio(Family):
    """``client.audio``: speech from text, text from speech, and voices."""

    speech = Namespace(Speech)
    transcriptions = Namespace(Transcriptions)
    translations = Namespace(Translations)
    voices = Namespace(Voices)
