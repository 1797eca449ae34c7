"""
The gateway's own behaviour: a received request in, the answer to it out.

Pure but for the memory of the service and the random part of new ids; this room performs no I/O. To add an
endpoint, write a function ``(request, service) -> Answer`` and enter it in ``_ROUTES``.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ._account import get_balance, list_api_versions, list_usage_events
from ._completions import create_completion
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

    The version is looked at first, then the route, then the credential; the rest is the endpoint's.
    """
    if api_version(request.headers) is None:
        served = ", ".join(SERVED_VERSIONS)
        refusal = Refusal(400, "invalid_api_version", f"unknown X-Mesh-Version; served are {served}")
        return refusal.answer(request.request_id)
    methods = _methods(request.path)
    if methods is None:
        return Answer(404, body={"detail": "Not Found"})
    endpoint = methods.get(request.method)
    if endpoint is None:
        return Answer(405, body={"detail": "Method Not Allowed"}, headers={"Allow": ", ".join(methods)})
    if not is_authorized(request.headers.get("Authorization"), service.token):
        return Refusal(401, "unauthorized", "missing or invalid API key").answer(request.request_id)
    return endpoint(request, service)


def _methods(path: str) -> Mapping[str, Endpoint] | None:
    """Return the endpoints of a path by method; a path with a rest is looked for after the whole ones."""
    begun = (methods for start, methods in _BEGINNINGS.items() if path.startswith(start) and path != start)
    return _ROUTES.get(path) or next(begun, None)


_ROUTES: Mapping[str, Mapping[str, Endpoint]] = {
    "/v1/api-versions": {"GET": list_api_versions},
    "/v1/balance": {"GET": get_balance},
    "/v1/chat/completions": {"POST": create_completion},
    "/v1/models": {"GET": list_models},
    "/v1/models/free": {"GET": list_free_models},
    "/v1/models/paid": {"GET": list_paid_models},
    "/v1/models/search": {"GET": search_models},
    "/v1/usage/events": {"POST": list_usage_events},
}
_BEGINNINGS: Mapping[str, Mapping[str, Endpoint]] = {"/v1/models/": {"GET": get_model}}
