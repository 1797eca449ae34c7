"""
The gateway's own behaviour: a received request in, the answer to it out.

Pure but for the memory of the service and the random part of new ids; this room performs no I/O. What
matters to a user has an endpoint of its own: a function ``(request, service) -> Answer``, entered in
``_ROUTES``. Every other call of the client is answered by an example of its reply.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from .._routing import calls_at, in_path
from . import (
    _audio,
    _batches,
    _compare,
    _embeddings,
    _files,
    _images,
    _judging,
    _responses,
    _templates,
    _work,
)
from ._account import get_balance, list_api_versions, list_usage_events
from ._admission import Asked, admitting
from ._calls import split_target
from ._completions import create_completion
from ._example import example_answer
from ._model_search import search_models
from ._models import get_model, list_free_models, list_models, list_paid_models
from ._received import ReceivedRequest
from ._refusals import Refusal
from ._rules import SERVED_VERSIONS, api_version, is_authorized
from ._script import Answer
from ._service import Service


Endpoint: TypeAlias = Callable[[ReceivedRequest, Service], Answer]


def own_answer(request: ReceivedRequest, service: Service) -> Answer:
    """
    Return what the gateway answers by itself.

    The version is looked at first, then the route, then the credential; the rest is the endpoint's. What goes
    to a signed address needs none of these.
    """
    if request.path.startswith(_files.STORAGE):
        return _files.store(request, service)
    if api_version(request.headers) is None:
        served = ", ".join(SERVED_VERSIONS)
        refusal = Refusal(400, "invalid_api_version", f"unknown X-Mesh-Version; served are {served}")
        return refusal.answer(request.request_id)
    methods = _methods(split_target(request.target)[0], request.method)
    if not methods:
        return Answer(404, body={"detail": "Not Found"})
    endpoint = methods.get(request.method)
    if endpoint is None:
        return Answer(405, body={"detail": "Method Not Allowed"}, headers={"Allow": ", ".join(methods)})
    if not is_authorized(request.headers.get("Authorization"), service.token):
        return Refusal(401, "unauthorized", "missing or invalid API key").answer(request.request_id)
    return endpoint(request, service)


def _methods(path: str, wanted: str) -> Mapping[str, Endpoint]:
    """Return the endpoints of a path by method: the gateway's own, and examples for the other calls."""
    own = _ROUTES.get(path) or next(
        (methods for template, methods in _ROUTES.items() if in_path(template, path) is not None), {}
    )
    if wanted in own:
        return own  # the registry is not asked, since it has every family imported
    return {**{kind.route.method: admitting(_example) for kind, _ in calls_at(path)}, **own}


def _example(asked: Asked, service: Service) -> Answer:
    """Answer a call by an example of its reply."""
    return example_answer(asked.call, now=service.clock())


_OWN: Mapping[str, Mapping[str, Endpoint]] = {
    "/v1/api-versions": {"GET": list_api_versions},
    "/v1/balance": {"GET": get_balance},
    "/v1/chat/completions": {"POST": create_completion},
    "/v1/models": {"GET": list_models},
    "/v1/models/free": {"GET": list_free_models},
    "/v1/models/paid": {"GET": list_paid_models},
    "/v1/models/search": {"GET": search_models},
    "/v1/usage/events": {"POST": list_usage_events},
    "/v1/models/{id:path}": {"GET": get_model},
}
_ROOMS = (_audio, _batches, _compare, _embeddings, _files, _images, _judging, _responses, _templates, _work)
_ROUTES: Mapping[str, Mapping[str, Endpoint]] = {
    **_OWN,
    **{
        path: {method: admitting(endpoint) for method, endpoint in methods.items()}
        for family in _ROOMS
        for path, methods in family.ROUTES.items()
    },
}
