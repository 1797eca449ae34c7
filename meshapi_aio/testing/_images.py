"""
``/v1/images``: pictures of one pixel, in each of the forms in which pictures come.

Pure but for the memory of the service; this room performs no I/O.
"""

from collections.abc import Mapping
from typing import Any

from ._admission import Asked, FamilyEndpoint, charge
from ._faults import problem
from ._media import PNG_BASE64
from ._refusals import invalid
from ._rules import new_ulid
from ._script import Answer
from ._service import Service, paced


DEFAULT_IMAGE_MODEL = "openai/gpt-image-1"
_TOKENS = 1000  # that a picture costs
_WITH_PROMPT = ("edit", "outpaint", "mix")


def _generate(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/images/generations``, whole or as a stream."""
    made = _made(asked, service)
    if not asked.said.get("stream"):
        return Answer(body=made)
    charge(asked, made, service)
    model = asked.said.get("model") or DEFAULT_IMAGE_MODEL
    head = {"id": f"img_{new_ulid()}", "object": "image.chunk", "created": made["created"], "model": model}
    waiting = {**head, "status": "processing", "data": []}
    pictures = [{**head, "status": "completed", "data": [picture]} for picture in made["data"]]
    return Answer(events=paced([waiting, waiting, *pictures], service.pace))


def _edit(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/images/edits``: the pictures come with the request, not from an address."""
    said = asked.said
    problems = []
    for name in ("image", "mask"):
        given = said.get(name)
        address = given.get("url") if isinstance(given, Mapping) else given
        if isinstance(address, str) and address.startswith(("http://", "https://")):
            problems.append(problem((name,), "value_error", "must be a data URL or base64, not an address"))
    operation = said.get("operation") or "edit"
    if operation in _WITH_PROMPT and not said.get("prompt"):
        problems.append(problem(("prompt",), "value_error", f"is required to {operation}"))
    if problems:
        return invalid(problems).answer(asked.request.request_id)
    return Answer(body=_made(asked, service))


def _made(asked: Asked, service: Service) -> dict[str, Any]:
    """Return pictures, as data URLs unless base64 is wanted."""
    said = asked.said
    in_base64 = said.get("response_format") == "b64_json"
    picture = {"b64_json": PNG_BASE64} if in_base64 else {"url": f"data:image/png;base64,{PNG_BASE64}"}
    count: int = said.get("n") or 1
    usage = {"prompt_tokens": asked.tokens, "completion_tokens": _TOKENS * count}
    return {
        "created": int(service.clock()),
        "data": [{**picture, "revised_prompt": said.get("prompt")} for _ in range(count)],
        "background": said.get("background") or "opaque",
        "output_format": "png",
        "quality": said.get("quality") or "auto",
        "size": "1x1",
        "usage": {**usage, "total_tokens": asked.tokens + _TOKENS * count},
    }


ROUTES: Mapping[str, Mapping[str, FamilyEndpoint]] = {
    "/v1/images/generations": {"POST": _generate},
    "/v1/images/edits": {"POST": _edit},
}
