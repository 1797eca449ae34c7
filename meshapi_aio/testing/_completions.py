"""
``POST /v1/chat/completions``: from the body of a request to the answer, past everything that may refuse it.

Pure but for the memory of the service and the random part of new ids; this room performs no I/O.
"""

from collections.abc import Mapping
from decimal import Decimal

from ._cache import is_cacheable
from ._capabilities import thinks
from ._chat import cached_chunks, chat_completion_chunks, complete
from ._checks import parse_chat_request
from ._json import Object
from ._prompt import prompt_tokens
from ._received import ReceivedRequest
from ._refusals import Refusal, invalid
from ._rules import new_ulid
from ._script import Answer
from ._service import Choice, Service, paced
from ._templates import filled


# The classifier of the auto-routing reads a long prompt of its own, however short the request is.
_CLASSIFIER = {"prompt_tokens": 1400, "completion_tokens": 12, "total_tokens": 1412}
_CLASSIFIER_USAGE = {
    "classifier_prompt_tokens": _CLASSIFIER["prompt_tokens"],
    "classifier_completion_tokens": _CLASSIFIER["completion_tokens"],
    "classifier_tokens": _CLASSIFIER["total_tokens"],
}


def create_completion(request: ReceivedRequest, service: Service) -> Answer:
    """
    Answer a chat request.

    It may be refused, in this order: as not valid (422), for want of money (402), for coming too fast (429),
    for its model (404, 403), and by the model's provider (400, or an error event where it streams).
    """
    asked, problems = parse_chat_request(request.body)
    if problems:
        return invalid(problems).answer(request.request_id)
    streamed = bool(asked.get("stream"))
    whole = filled(asked, service)
    if isinstance(whole, Refusal):
        return whole.answer(request.request_id)
    asked = whole
    asked_tokens = prompt_tokens(asked)
    choice = (
        service.ledger.admit() or service.limits.admit(asked_tokens) or service.choose(asked, asked_tokens)
    )
    if isinstance(choice, Refusal):
        limits = service.limits.headers()
        return choice.answer(request.request_id, streamed=streamed, headers=limits)
    completion, is_cached = _completion(request, {**asked, "model": choice.model}, asked_tokens, service)
    if choice.is_auto:
        completion = {**completion, "usage": {**completion["usage"], **_CLASSIFIER_USAGE}}
    _settle(request, completion, service, is_cached=is_cached)
    headers = {
        **service.limits.headers(),
        **({"X-Cache": "HIT"} if is_cached else {}),
        **_auto_headers(choice),
        **(_routing_headers(choice) if service.routing and not streamed else {}),
    }
    if not streamed:
        return Answer(body={**completion, **_auto_extras(choice)}, headers=headers)
    chunks = cached_chunks(completion) if is_cached else chat_completion_chunks(completion)
    return Answer(events=paced(chunks, service.pace), headers=headers)


def _completion(
    request: ReceivedRequest, asked: Object, asked_tokens: int, service: Service
) -> tuple[Object, bool]:
    """Return the completion, and whether it came out of the cache."""
    model: str = asked["model"]
    cache = service.cache if is_cacheable(asked, request.headers) else None
    if cache is not None and (stored := cache.find(asked, model)) is not None:
        return {**stored, "id": f"chatcmpl-cached-{new_ulid()}"}, True
    completion = complete(
        asked,
        completion_id=f"chatcmpl-{new_ulid()}",
        created=int(service.clock()),
        asked_tokens=asked_tokens,
        thinks=thinks(service.catalogue.find(model), model),
    )
    if cache is not None:
        cache.store(asked, model, completion)
    return completion, False


def _settle(request: ReceivedRequest, completion: Object, service: Service, *, is_cached: bool) -> None:
    """Take in what the answer costs: what the cache answers is free."""
    model, usage = completion["model"], completion["usage"]
    cost = Decimal(0) if is_cached else service.catalogue.cost(model, usage)
    service.ledger.charge(request.request_id, model, usage, cost)
    service.limits.add_tokens(0 if is_cached else usage["completion_tokens"])


def _auto_headers(choice: Choice) -> Mapping[str, str]:
    """Return what is told of the auto-routing ahead of the answer."""
    return {"x-auto-routed": "true", "x-resolved-model-id": choice.model} if choice.is_auto else {}


def _auto_extras(choice: Choice) -> Object:
    """Return what is told of the auto-routing in the body of an answer that does not stream."""
    if not choice.is_auto:
        return {}
    return {
        "x_auto_routed": True,
        "x_resolved_model_id": choice.model,
        "x_auto_routed_fallback": False,
        "x_auto_routed_fallback_reason": None,
        "x_classifier_usage": [_CLASSIFIER],
    }


def _routing_headers(choice: Choice) -> Mapping[str, str]:
    """Return what is told of the models that were tried."""
    is_substitute = choice.attempts > 1
    return {
        "x-mesh-routing-attempts": str(choice.attempts),
        "x-mesh-routing-fallback": str(is_substitute).lower(),
        **({"X-Mesh-Routing-Model": choice.model} if is_substitute else {}),
    }
