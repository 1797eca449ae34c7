"""
``POST /v1/chat/compare``: one conversation with several models, each of which may fail by itself.

Pure but for the memory of the service and new ids; this room performs no I/O.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._admission import Asked, FamilyEndpoint
from ._completions import create_completion
from ._json import Object, json_bytes
from ._prompt import tokens
from ._rules import new_ulid
from ._script import Answer
from ._service import Service, paced


_CHAT = "/v1/chat/completions"
_PASSED = ("messages", "temperature", "max_tokens", "cache", "template", "variables")
_LATENCY = 100  # milliseconds that each model is said to have taken


def _compare(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/chat/compare``; where every model fails, so does the whole."""
    said = asked.said
    models: list[str] = list(dict.fromkeys(said["models"]))
    results = [_result(asked, model, service) for model in models]
    answered = [result for result in results if result["error"] is None]
    if not answered:
        told = "; ".join(f"{result['model']}: {result['error']}" for result in results)
        return asked.refused(502, "all_models_failed", told)
    skip = bool(said.get("skip_comparison"))
    comparison = None if skip or len(answered) < 2 else _comparison(asked, answered, service)
    whole = {
        "comparison_id": f"cmp_{new_ulid()}",
        "object": "compare.completion",
        "created": int(service.clock()),
        "models": models,
        "results": results,
        "comparison": None if comparison is None else comparison["choices"][0]["message"]["content"],
        "comparison_model": None if comparison is None else comparison["model"],
        "comparison_usage": None if comparison is None else comparison["usage"],
        "comparison_fallback_used": comparison is not None and _judge(asked, service) != comparison["model"],
        "total_latency_ms": _LATENCY * len(models),
        "partial": len(answered) < len(results),
        "skip_comparison": skip,
    }
    if not said.get("stream"):
        return Answer(body=whole)
    return Answer(events=paced([_named(event) for event in _events(whole)], service.pace))


def _result(asked: Asked, model: str, service: Service) -> dict[str, Any]:
    """Return what came of one model."""
    overrides: list[Object] = asked.said.get("model_overrides") or []
    body = {name: asked.said[name] for name in _PASSED if name in asked.said}
    body |= next((own for own in overrides if own["model"] == model), {})
    prompt = body.pop("system_prompt", None)
    if prompt is not None:
        body["messages"] = [{"role": "system", "content": prompt}, *body["messages"]]
    request = asked.implied(_CHAT, {**body, "model": model})
    answer = create_completion(request, service)
    told: Any = json.loads(answer.content()[1])
    failed = answer.status >= 400
    return {
        "model": model,
        "response_body": None if failed else told,
        "content": None if failed else told["choices"][0]["message"]["content"],
        "latency_ms": _LATENCY,
        "error": told["error"]["message"] if failed else None,
        "error_code": told["error"]["code"] if failed else None,
        "usage": None if failed else told["usage"],
        "request_id": request.request_id,
    }


def _judge(asked: Asked, service: Service) -> str:
    """Return the model that is wanted to compare."""
    wanted: str = asked.said.get("comparison_model") or service.default_model()
    return wanted


def _comparison(asked: Asked, results: Sequence[Object], service: Service) -> dict[str, Any] | None:
    """Return the completion that compares; the default model helps where the wanted one fails."""
    instructions = asked.said.get("comparison_instructions") or "Compare these answers."
    text = "\n".join([instructions, *(f"{result['model']}: {result['content']}" for result in results)])
    for model in dict.fromkeys([_judge(asked, service), service.default_model()]):
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        answer = create_completion(asked.implied(_CHAT, body), service)
        if answer.status == 200:
            told: dict[str, Any] = json.loads(answer.content()[1])
            return told
    return None


def _events(whole: Object) -> Iterator[Object]:
    """
    Yield the events of a comparison that is streamed.

    Only the name ``delta`` is known of the real ones. With the comparison skipped the models' texts take
    turns; else they come whole, and the text of the comparison in pieces.
    """
    told = {name: whole[name] for name in ("comparison_id", "models", "skip_comparison")}
    yield {"event": "start", **told}
    if whole["skip_comparison"]:
        answered = [result for result in whole["results"] if result["error"] is None]
        turns = itertools.zip_longest(*(tokens(result["content"] or "") for result in answered))
        for turn in turns:
            for result, piece in zip(answered, turn, strict=True):
                if piece is not None:
                    yield {"event": "delta", "model": result["model"], "delta": piece}
    for result in whole["results"]:
        names = ("model", "latency_ms", "error", "error_code", "usage")
        ended = {name: result[name] for name in names if result[name] is not None}
        if result["error"] is not None:
            yield {"event": "model_error", **ended}
        elif whole["skip_comparison"]:
            yield {"event": "model_done", **ended, "finish_reason": "stop"}
        else:
            yield {"event": "model_result", **ended, "data": result}
    for piece in tokens(whole["comparison"] or ""):
        yield {"event": "delta", "comparison_model": whole["comparison_model"], "delta": piece}
    last = ("comparison_id", "total_latency_ms", "partial", "comparison_fallback_used")
    yield {"event": "done", **{name: whole[name] for name in last}}


def _named(event: Object) -> bytes:
    """Return an event as bytes: its name stands in a line of its own."""
    data = {name: value for name, value in event.items() if name != "event"}
    return b"event: %b\ndata: %b\n\n" % (event["event"].encode(), json_bytes(data))


ROUTES: Mapping[str, Mapping[str, FamilyEndpoint]] = {"/v1/chat/compare": {"POST": _compare}}
