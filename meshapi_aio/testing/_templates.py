"""
``/v1/templates``: made, listed, changed, deleted, and filled where a chat names one.

Pure but for the memory of the service and new ids; this room performs no I/O.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ._admission import Asked, FamilyEndpoint
from ._faults import problem
from ._json import Object, is_array, is_object
from ._refusals import Refusal, invalid
from ._script import Answer
from ._service import Service
from ._shelf import Shelf, Thing, iso


_FIELDS = ("name", "description", "system", "messages", "model", "params", "variables")
_PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}")


def _create(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/templates``."""
    template: Thing = {"id": str(uuid4()), "owner": "key", "is_global": False}
    template |= {name: asked.said.get(name) for name in _FIELDS}
    template["created_at"] = template["updated_at"] = iso(service.clock())
    _shelf(service).put(template["id"], template)
    return Answer(201, body=template)


def _list(_: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/templates``: a bare array."""
    return Answer(body=_shelf(service).newest_first())


def _get(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/templates/{id}``."""
    return asked.about(_shelf(service), "template", lambda template: Answer(body=template))


def _update(asked: Asked, service: Service) -> Answer:
    """Answer ``PATCH /v1/templates/{id}``: what is not given stays."""

    def answer(template: Thing) -> Answer:
        template |= {name: asked.said[name] for name in _FIELDS if name in asked.said}
        template["updated_at"] = iso(service.clock())
        return Answer(body=template)

    return asked.about(_shelf(service), "template", answer)


def _delete(asked: Asked, service: Service) -> Answer:
    """Answer ``DELETE /v1/templates/{id}``."""

    def answer(template: Thing) -> Answer:
        _shelf(service).remove(template["id"])
        return Answer(204)

    return asked.about(_shelf(service), "template", answer)


ROUTES: Mapping[str, Mapping[str, FamilyEndpoint]] = {
    "/v1/templates": {"GET": _list, "POST": _create},
    "/v1/templates/{id}": {"GET": _get, "PATCH": _update, "DELETE": _delete},
}


def filled(request: Object, service: Service) -> Object | Refusal:
    """
    Return a chat request with the template that it names filled in, or why that can't be.

    No document says how the two are merged: here the template's messages come first, and what the request
    says itself counts more than the template's parameters.
    """
    wanted = request.get("template")
    if wanted is None:
        return request
    template = _shelf(service).find(wanted) or next(
        (other for other in _shelf(service).newest_first() if other["name"] == wanted), None
    )
    if template is None:
        return Refusal(404, "not_found", f"there is no template {wanted!r}")
    variables: Object = request.get("variables") or {}
    system = [{"role": "system", "content": template["system"]}] if template["system"] else []
    messages = [*system, *(template["messages"] or [])]
    missing = sorted({name for name in _placeholders(messages) if name not in variables})
    if missing:
        return invalid([problem(("variables", name), "missing", "is required") for name in missing])
    model = {"model": template["model"]} if template["model"] else {}
    said = {name: value for name, value in request.items() if value is not None}
    begun = [_replaced(message, variables) for message in messages]
    return {**model, **(template["params"] or {}), **said, "messages": [*begun, *request["messages"]]}


def _placeholders(value: object) -> list[str]:
    """Return the names of the placeholders in all texts of a value."""
    if isinstance(value, str):
        return _PLACEHOLDER.findall(value)
    members = value.values() if is_object(value) else value if is_array(value) else ()
    return [name for member in members for name in _placeholders(member)]


def _replaced(value: Any, variables: Object) -> Any:
    """Return a value with its placeholders filled."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda place: str(variables[place[1]]), value)
    if is_object(value):
        return {key: _replaced(member, variables) for key, member in value.items()}
    return [_replaced(member, variables) for member in value] if is_array(value) else value


def _shelf(service: Service) -> Shelf:
    return service.shelves["templates"]
