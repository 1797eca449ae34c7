"""What the requests of a batch have to be. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any


__all__ = ["check_requests"]


def check_requests(owner: object, _attribute: object, requests: Sequence[Mapping[str, Any]]) -> None:
    """Refuse no requests, one without a body or an id of its own, and several models; a validator."""
    problem = _problem(requests)
    if problem is not None:
        msg = f"{type(owner).__name__}: requests{problem}"
        raise ValueError(msg)


def _problem(requests: Sequence[Mapping[str, Any]]) -> str | None:
    if not requests:
        return " is empty; a batch needs at least one request"
    ids: set[str] = set()
    models: set[str] = set()
    for position, request in enumerate(requests):
        custom_id, body = request.get("custom_id"), request.get("body")
        if not isinstance(custom_id, str) or not custom_id:
            return f"[{position}] has no custom_id, by which its result is found"
        if custom_id in ids:
            return f"[{position}] has the custom_id {custom_id!r} of another one; each needs its own"
        if not isinstance(body, Mapping):
            return f"[{position}] has no body, a CreateChatCompletion(…) or a dict"
        ids.add(custom_id)
        models.add(repr(body.get("model")))
    if len(models) > 1:
        return f" are for several models, {', '.join(sorted(models))}; a batch is for one model"
    return None
