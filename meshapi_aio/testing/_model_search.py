"""
``GET /v1/models/search``: the catalogue filtered, sorted and cut into pages.

Pure functions of the request and the catalogue; this room performs no I/O.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ._catalogue import price
from ._json import Object
from ._received import ReceivedRequest
from ._refusals import Refusal
from ._script import Answer
from ._service import Service


_PAGE = 20
_FLAGS: Mapping[str, Callable[[Object], bool]] = {
    "free": lambda model: bool(model["is_free"]),
    "discounted": lambda model: bool(Decimal((model.get("pricing") or {}).get("discount_pct") or 0)),
}
_SORTS: Mapping[str, Callable[[Object], Any]] = {
    "brand": lambda model: model.get("brand") or "",
    "name": lambda model: model["name"],
    "id": lambda model: model["id"],
    "context_length": lambda model: model.get("context_length") or model.get("context_window") or 0,
    "price": lambda model: price(model, "prompt_usd_per_1m"),
}


def search_models(request: ReceivedRequest, service: Service) -> Answer:
    """
    Answer a search.

    ``q`` is looked for in id, name, brand and description; of ``brand`` one must fit, of ``input_modality``
    and ``output_modality`` all. Without ``sort`` the order is that of the catalogue.
    """
    query = request.query
    try:
        found = [model for model in service.catalogue.models if _fits(model, query)]
        if "sort" in query:
            sort = _SORTS[_one_of(query, "sort", _SORTS)]
            backwards = _one_of(query, "order", ("asc", "desc")) == "desc"
            found.sort(key=sort, reverse=backwards)
        limit, offset = _count(query, "limit", _PAGE), _count(query, "offset", 0)
    except ValueError as error:
        return Refusal(400, "invalid_search_parameter", str(error)).answer(request.request_id)
    page = {
        "items": found[offset : offset + limit],
        "total": len(found),
        "limit": limit,
        "offset": offset,
        "brands": sorted({model["brand"] for model in found if model.get("brand")}),
    }
    return Answer(body=page)


def _fits(model: Object, query: Mapping[str, str]) -> bool:
    """Return whether a model is what the query looks for; raises ``ValueError`` for a query that is wrong."""
    flags = all(
        has == (_one_of(query, name, ("true", "false")) == "true")
        for name, has in ((name, flag(model)) for name, flag in _FLAGS.items())
        if name in query
    )
    text = " ".join(str(model.get(name) or "") for name in ("id", "name", "brand", "description"))
    brands = _all(query, "brand")
    return (
        flags
        and query.get("q", "").lower() in text.lower()
        and (not brands or model.get("brand") in brands)
        and _all(query, "input_modality") <= {*(model.get("input_modalities") or ())}
        and _all(query, "output_modality") <= {*(model.get("output_modalities") or ())}
    )


def _all(query: Mapping[str, str], name: str) -> set[str]:
    """Return every value of a parameter, which may be repeated."""
    return {value for key, value in query.items() if key == name}


def _one_of(query: Mapping[str, str], name: str, choices: Sequence[str] | Mapping[str, Any]) -> str:
    """Return the value of a parameter, the first choice where it is absent."""
    value = query.get(name, next(iter(choices)))
    if value not in choices:
        msg = f"{name} must be one of {', '.join(choices)}, not {value!r}"
        raise ValueError(msg)
    return value


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    """Return the value of a parameter that counts."""
    value = query.get(name, str(default))
    if not value.isdecimal():
        msg = f"{name} must be a whole number from 0, not {value!r}"
        raise ValueError(msg)
    return int(value)
