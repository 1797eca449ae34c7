"""
``/v1/batches``: many requests at once, which are run when the batch is polled the second time.

Pure but for the memory of the service and new ids; this room performs no I/O.
"""

import json
from collections.abc import Mapping
from typing import Any

from ._admission import Asked, FamilyEndpoint, admitting
from ._completions import create_completion
from ._embeddings import create_embeddings
from ._json import Object
from ._refusals import Refusal
from ._rules import new_ulid
from ._script import Answer
from ._service import Service
from ._shelf import Shelf, Thing, cursor_page, moved_on


_MOST_UNFINISHED = 10
_DAY = 24 * 60 * 60
_STEPS = ("validating", "in_progress", "completed")
_CANCELLED = ("cancelling", "cancelled")
_RUN = {"/v1/chat/completions": create_completion, "/v1/embeddings": admitting(create_embeddings)}


def _create(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/batches``."""
    requests: list[Any] = asked.said["requests"]
    models = {request["body"].get("model") for request in requests}
    refusal = _refusal(requests, models, service)
    if refusal is not None:
        return refusal.answer(asked.request.request_id)
    now = int(service.clock())
    batch: Thing = {
        "id": f"batch_{new_ulid()}",
        "object": "batch",
        "endpoint": requests[0].get("url") or "/v1/chat/completions",
        "status": "validating",
        "model": next(iter(models)),
        "input_file_id": None,
        "output_file_id": None,
        "error_file_id": None,
        "created_at": now,
        "completed_at": None,
        "expires_at": now + _DAY,
        "completion_window": asked.said.get("completion_window") or "24h",
        "usage_synced": False,
        "request_counts": {"total": len(requests), "completed": 0, "failed": 0},
        "metadata": asked.said.get("metadata"),
        "results": None,
        "errors_detail": [],
    }
    _shelf(service).put(
        batch["id"], {"id": batch["id"], "status": "validating", "batch": batch, "asked": asked}
    )
    return Answer(body=dict(batch))


def _refusal(requests: list[Any], models: set[Any], service: Service) -> Refusal | None:
    """Return why no batch is made, None where one is."""
    if not requests or len(models) > 1:
        message = (
            f"a batch needs requests, all for the same model; these are {len(requests)} for {len(models)}"
        )
        return Refusal(400, "invalid_request", message)
    if any((request.get("url") or "/v1/chat/completions") not in _RUN for request in requests):
        return Refusal(400, "invalid_request", f"url must be one of {', '.join(_RUN)}")
    entry = service.catalogue.find(str(next(iter(models)))) if service.catalogue.is_given else None
    if entry is not None and entry.get("supports_batching") is False:
        return Refusal(501, "not_implemented", f"{entry['id']} does not support batches")
    unfinished = [kept for kept in _shelf(service).newest_first() if kept["status"] in _STEPS[:-1]]
    if len(unfinished) >= _MOST_UNFINISHED:
        return Refusal(429, "batch_limit_exceeded", f"{_MOST_UNFINISHED} batches are unfinished already")
    return None


def _list(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/batches``; the results are told by the batch alone."""
    batches = [{**kept["batch"], "results": None} for kept in _shelf(service).newest_first()]
    return Answer(body=cursor_page(batches, asked.said))


def _get(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/batches/{id}``: each time the batch is a step further."""

    def answer(kept: Thing) -> Answer:
        batch = kept["batch"]
        batch["status"] = moved_on(kept, _CANCELLED if kept["status"] in _CANCELLED else _STEPS)
        if batch["status"] == "completed" and batch["results"] is None:
            results = [_line(request, kept["asked"], service) for request in kept["asked"].said["requests"]]
            failed = sum(line["response"]["status_code"] >= 400 for line in results)
            counts = {"total": len(results), "completed": len(results) - failed, "failed": failed}
            # The order is not that of the requests, at the gateway neither.
            batch |= {
                "results": results[::-1],
                "request_counts": counts,
                "completed_at": int(service.clock()),
            }
        return Answer(body=dict(batch))

    return asked.about(_shelf(service), "batch", answer)


def _cancel(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/batches/{id}/cancel``."""

    def answer(kept: Thing) -> Answer:
        if kept["status"] in _STEPS[:-1]:
            kept["status"] = kept["batch"]["status"] = "cancelling"
        return Answer(body=dict(kept["batch"]))

    return asked.about(_shelf(service), "batch", answer)


def _line(line: Object, asked: Asked, service: Service) -> dict[str, Any]:
    """Return the result of one of the requests; a line that is all right has no error at all."""
    path = line.get("url") or "/v1/chat/completions"
    answer = _RUN[path](asked.implied(path, {**line["body"], "stream": False}), service)
    body = json.loads(answer.content()[1])
    result = {"custom_id": line["custom_id"], "response": {"status_code": answer.status, "body": body}}
    return result if answer.status < 400 else {**result, "error": body["error"]}


ROUTES: Mapping[str, Mapping[str, FamilyEndpoint]] = {
    "/v1/batches": {"GET": _list, "POST": _create},
    "/v1/batches/{id}": {"GET": _get},
    "/v1/batches/{id}/cancel": {"POST": _cancel},
}


def _shelf(service: Service) -> Shelf:
    return service.shelves["batches"]
