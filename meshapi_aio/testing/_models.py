"""
The models endpoints: the catalogue as lists, and one by one.

The gateway's list is a bare array. Clients of OpenAI's API can't read that: they look for ``{"object":
"list", "data": [...]}``, and for ``object``, ``created`` and ``owned_by`` on each model. Both get what they
can read, told apart by what only OpenAI's own clients send, the header ``X-Stainless-Lang`` or a
``User-Agent`` with ``OpenAI`` in it; whoever sends neither gets what the gateway sends.

Pure functions of the request and the catalogue; this room performs no I/O.
"""

from collections.abc import Mapping, Sequence

from ._json import Object
from ._received import ReceivedRequest
from ._refusals import invalid
from ._script import Answer
from ._service import Service


_CREATED = 1_767_225_600  # 2026-01-01: OpenAI's clients want a time, and the catalogue has none
_CHOICES: Mapping[str, Sequence[str]] = {
    "free": ("true", "false"),
    "type": ("text", "embedding", "image", "audio", "video"),
}


def list_models(request: ReceivedRequest, service: Service) -> Answer:
    """Answer ``GET /v1/models``; the query may ask for ``free``, ``type`` and ``provider``."""
    wanted = {name: request.query[name] for name in ("free", "type", "provider") if name in request.query}
    problems = [
        {"type": "literal_error", "loc": ["query", name], "msg": f"must be one of {', '.join(choices)}"}
        for name, choices in _CHOICES.items()
        if wanted.get(name, choices[0]) not in choices
    ]
    if problems:
        return invalid(problems).answer(request.request_id)
    models = [model for model in service.catalogue.models if wanted.items() <= _told(model).items()]
    if _is_openai_client(request):
        return Answer(body={"object": "list", "data": [_as_openai(model) for model in models]})
    return Answer(body=models)


def list_free_models(_: ReceivedRequest, service: Service) -> Answer:
    """Answer ``GET /v1/models/free``."""
    return Answer(body=[model for model in service.catalogue.models if model["is_free"]])


def list_paid_models(_: ReceivedRequest, service: Service) -> Answer:
    """Answer ``GET /v1/models/paid``."""
    return Answer(body=[model for model in service.catalogue.models if not model["is_free"]])


def get_model(request: ReceivedRequest, service: Service) -> Answer:
    """Answer ``GET /v1/models/{model_id}``; the id may have slashes, escaped or not."""
    model_id = request.path.removeprefix("/v1/models/")
    model = service.catalogue.find(model_id)
    if model is None:
        return Answer(404, body={"detail": f"Model '{model_id}' not found"})
    return Answer(body=_as_openai(model) if _is_openai_client(request) else model)


def _told(model: Object) -> Mapping[str, object]:
    """Return what a query can ask of a model."""
    return {
        "free": "true" if model["is_free"] else "false",
        "type": model["model_type"],
        "provider": model.get("provider"),
    }


def _is_openai_client(request: ReceivedRequest) -> bool:
    """Return whether the request comes from a client that OpenAI made."""
    return "X-Stainless-Lang" in request.headers or "openai" in request.headers.get("User-Agent", "").lower()


def _as_openai(model: Object) -> Object:
    """Return a model with what OpenAI's clients look for."""
    owner = model.get("brand") or model.get("provider") or "mesh"
    return {**model, "object": "model", "created": _CREATED, "owned_by": owner}
