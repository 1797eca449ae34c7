"""
``/v1/audio``: silence that is spoken, recordings whose names are heard, and the voices that there are.

Pure but for the memory of the service and new ids; this room performs no I/O.
"""

from collections.abc import Mapping
from typing import Any

from ._admission import Asked, FamilyEndpoint
from ._faults import problem
from ._json import Object
from ._media import wav
from ._refusals import invalid
from ._rules import new_ulid
from ._script import Answer
from ._service import Service, paced
from ._shelf import Shelf, Thing


_DEFAULT_MODEL = "sarvam/bulbul:v3"
_SECONDS = 0.02  # of silence for each token of the text
_PIECE = 1000  # bytes of a streamed answer
_PAGE = 10


def _speak(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/audio/speech``: whole or in pieces; nothing on the wire tells which."""
    model: str = asked.said.get("model") or _DEFAULT_MODEL
    if model.startswith("sarvam/") and asked.said.get("response_format") == "wav":
        wrong = problem(("response_format",), "value_error", f"{model} makes wav by itself; leave it out")
        return invalid([wrong]).answer(asked.request.request_id)
    spoken = wav(_SECONDS * asked.tokens)
    headers = {"Content-Type": "audio/wav"}
    if not asked.said.get("stream"):
        return Answer(body=spoken, headers=headers)
    pieces = [spoken[start : start + _PIECE] for start in range(0, len(spoken), _PIECE)]
    return Answer(events=paced(pieces, service.pace), headers=headers, done=False)


def _transcribe(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/audio/transcriptions``: what is heard is the file's name and size."""
    name = f"tr_{new_ulid()}"
    made: Thing = {"id": name, "transcription_id": name, "text": _heard(asked.said)}
    made |= {"language_code": asked.said.get("language_code") or "en", "status": "completed"}
    _shelf(service).put(name, made)
    if asked.said.get("webhook"):
        return Answer(202, body={"id": name, "transcription_id": name, "status": "processing"})
    return Answer(body=made)


def _translate(asked: Asked, _: Service) -> Answer:
    """Answer both of the endpoints that translate a recording into English."""
    return Answer(body={"text": _heard(asked.said)})


def _heard(said: Object) -> str:
    """Return what is said in a recording."""
    file: Any = said.get("file")
    if file is not None:
        return f"This is {file.filename}, {len(file.source)} bytes of {file.content_type}."
    return f"This is {said.get('source_url') or said.get('cloud_storage_url')}."


def _get_transcription(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/audio/transcriptions/{id}``."""
    return asked.about(_shelf(service), "transcription", lambda made: Answer(body=made))


def _voice(voice_id: str, name: str, **labels: str) -> Object:
    """Return a voice."""
    address = f"https://example.com/voices/{voice_id}.mp3"
    return {
        "voice_id": voice_id,
        "name": name,
        "category": "premade",
        "preview_url": address,
        "labels": labels,
    }


_VOICES = (
    _voice("voice_alma", "Alma", accent="Spanish", gender="female"),
    _voice("voice_bruno", "Bruno", accent="German", gender="male"),
    _voice("voice_chidi", "Chidi", accent="Nigerian", gender="male"),
)


def _list_voices(asked: Asked, _: Service) -> Answer:
    """Answer ``GET /v1/audio/voices``; the token of a page is the number of voices before it."""
    said = asked.said
    text = (said.get("search") or "").lower()
    found = [
        voice
        for voice in _VOICES
        if text in voice["name"].lower()
        and said.get("category") in {None, voice["category"]}
        and voice["voice_id"] in (said.get("voice_ids") or [voice["voice_id"]])
    ]
    if said.get("sort_direction") == "desc":
        found.reverse()
    start = int(said["next_page_token"]) if str(said.get("next_page_token")).isdecimal() else 0
    end = start + (said.get("page_size") or _PAGE)
    more = end < len(found)
    count = {"total_count": len(found)} if said.get("include_total_count") else {}
    token = str(end) if more else None
    return Answer(body={"voices": found[start:end], "has_more": more, **count, "next_page_token": token})


def _get_voice(asked: Asked, _: Service) -> Answer:
    """Answer ``GET /v1/audio/voices/{id}``."""
    wanted = asked.said["id"]
    voice = next((voice for voice in _VOICES if voice["voice_id"] == wanted), None)
    return Answer(body=voice) if voice else asked.refused(404, "not_found", f"there is no voice {wanted!r}")


ROUTES: Mapping[str, Mapping[str, FamilyEndpoint]] = {
    "/v1/audio/speech": {"POST": _speak},
    "/v1/audio/transcriptions": {"POST": _transcribe},
    "/v1/audio/transcriptions/translate": {"POST": _translate},
    "/v1/audio/transcriptions/{id}": {"GET": _get_transcription},
    "/v1/audio/translations": {"POST": _translate},
    "/v1/audio/voices": {"GET": _list_voices},
    "/v1/audio/voices/{id}": {"GET": _get_voice},
}


def _shelf(service: Service) -> Shelf:
    return service.shelves["transcriptions"]
