"""
Moderations, web search, and the choice of a model: questions with an answer that nothing remembers.

Pure but for the ledger of the service; this room performs no I/O.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ._admission import Asked, FamilyEndpoint
from ._json import Object, is_object
from ._rules import new_ulid
from ._script import Answer
from ._service import Service


_SIGNS: Mapping[str, str] = {
    "harassment": r"\b(idiot|stupid|loser)",
    "hate": r"\bhat(e|red)\b",
    "self-harm": r"\b(suicide|self-harm)",
    "sexual": r"\b(porn|sex)",
    "violence": r"\b(kill|murder|bomb)",
}
"""The words by which each category is told: enough for a test to be flagged or not."""

_SEARCH_PRICE = Decimal("0.005")
_NO_TOKENS = {"prompt_tokens": 0, "completion_tokens": 0}
_SITES = ("example.com", "example.org", "example.net")


def _moderate(asked: Asked, _: Service) -> Answer:
    """Answer ``POST /v1/moderations``: a result for each text, one for the parts of a message."""
    given: Any = asked.said["input"]
    texts: list[Any] = [given] if isinstance(given, str) else given
    if texts and is_object(texts[0]):
        texts = [" ".join(str(part.get("text", "")) for part in texts)]
    model = asked.said.get("model") or "omni-moderation-latest"
    return Answer(body={"id": f"modr-{new_ulid()}", "model": model, "results": [*map(_judged, texts)]})


def _judged(text: str) -> Object:
    """Return what is to be said against a text."""
    found = {name: bool(re.search(signs, text, re.IGNORECASE)) for name, signs in _SIGNS.items()}
    scores = {name: 0.98 if is_found else 0.01 for name, is_found in found.items()}
    return {"flagged": any(found.values()), "categories": found, "category_scores": scores}


def _search(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/web/search``: pages that repeat the query, from the sites that are asked for."""
    said = asked.said
    excluded: list[str] = said.get("exclude_domains") or []
    sites = [site for site in said.get("include_domains") or _SITES if site not in excluded]
    results: list[dict[str, Any]] = []
    for rank, site in enumerate(sites[: said.get("max_results") or 5], 1):
        page = {"title": f"{said['query']} - {site}", "url": f"https://{site}/{rank}", "score": 1 / rank}
        page |= {"content": f"All about {said['query']}.", "published_date": "2026-01-01"}
        if said.get("include_page_content"):
            page |= {
                "page_content": f"All about {said['query']}, at length.",
                "page_content_truncated": False,
            }
        results.append(page)
    service.ledger.charge(asked.request.request_id, "web/search", _NO_TOKENS, _SEARCH_PRICE)
    answer = f"The web says much about {said['query']}." if said.get("include_answer") else None
    provider = said.get("provider") or "native"
    told = {"query": said["query"], "answer": answer, "results": results, "provider": provider}
    return Answer(body={**told, "request_id": asked.request.request_id})


def _select(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/router/select``: the first that is not excluded, else the default."""
    kind = "embedding" if asked.said.get("api_type") == "embeddings" else "text"
    excluded: list[str] = asked.said.get("exclude_models") or []
    usable = (
        model["id"]
        for model in service.catalogue.models
        if model["model_type"] == kind
        and model["id"] not in excluded
        and service.model_refusal(model["id"]) is None
    )
    chosen = next(usable, None)
    reason = "no_model_left" if chosen is None else None
    told = {"fallback_used": chosen is None, "fallback_reason": reason}
    model = chosen or service.default_model()
    return Answer(body={"model": model, "auto_router": told, "reasoning_effort": "low"})


ROUTES: Mapping[str, Mapping[str, FamilyEndpoint]] = {
    "/v1/moderations": {"POST": _moderate},
    "/v1/web/search": {"POST": _search},
    "/v1/router/select": {"POST": _select},
}
