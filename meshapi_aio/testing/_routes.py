"""
The gateway's own behaviour: a received request in, the answer to it out.

Pure but for the time and the random part of new ids; this room performs no I/O. To add an endpoint, write a
function ``(request, pace) -> Answer`` and enter it in ``_ROUTES``.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from ._chat import chat_completion, chat_completion_chunks
from ._checks import parse_chat_request
from ._json import Object
from ._received import ReceivedRequest
from ._rules import SERVED_VERSIONS, api_version, envelope, is_authorized, new_ulid
from ._script import Answer, Event, Pause


Endpoint: TypeAlias = Callable[[ReceivedRequest, float], Answer]


def own_answer(request: ReceivedRequest, *, token: str, pace: float) -> Answer:
    """
    Return what the gateway answers by itself.

    The version is looked at first, then the route, then the credential, then the body. ``pace``: seconds
    between the pieces of a stream.
    """
    if api_version(request.headers) is None:
        served = ", ".join(SERVED_VERSIONS)
        return _refusal(request, 400, "invalid_api_version", f"unknown X-Mesh-Version; served are {served}")
    methods = _ROUTES.get(request.path)
    if methods is None:
        return Answer(404, body={"detail": "Not Found"})
    endpoint = methods.get(request.method)
    if endpoint is None:
        return Answer(405, body={"detail": "Method Not Allowed"}, headers={"Allow": ", ".join(methods)})
    if not is_authorized(request.headers.get("Authorization"), token):
        return _refusal(request, 401, "unauthorized", "missing or invalid API key")
    return endpoint(request, pace)


def _refusal(request: ReceivedRequest, status: int, code: str, message: str, **fields: object) -> Answer:
    """Return an error answer in the gateway's envelope."""
    return Answer(status, body=envelope(request.request_id, code, message, **fields))


def _chat(request: ReceivedRequest, pace: float) -> Answer:
    """Answer ``POST /v1/chat/completions``."""
    asked, problems = parse_chat_request(request.body)
    if problems:
        return _refusal(request, 422, "validation_error", "the request is not valid", details=problems)
    completion = chat_completion(asked, completion_id=f"chatcmpl-{new_ulid()}", created=int(time.time()))
    if not asked.get("stream"):
        return Answer(body=completion)
    return Answer(events=_paced(chat_completion_chunks(completion), pace))


def _paced(chunks: Sequence[Object], pace: float) -> Sequence[Event]:
    """Return the chunks with a pause before each but the first."""
    if not pace:
        return chunks
    return [event for chunk in chunks for event in (Pause(pace), chunk)][1:]


_ROUTES: Mapping[str, Mapping[str, Endpoint]] = {"/v1/chat/completions": {"POST": _chat}}
