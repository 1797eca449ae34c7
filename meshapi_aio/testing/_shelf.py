"""
What was made and can be asked for again: kept by id, listed in pages, moved on as it is polled.

Values in memory; this room performs no I/O.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from ._json import Object


_MOST = 1000  # things; a test makes a few, and a server that runs for days must not grow

Thing: TypeAlias = dict[str, Any]


class Shelf:
    """The latest things of one kind by their ids; of very many the oldest go."""

    def __init__(self) -> None:
        self._things: OrderedDict[str, Thing] = OrderedDict()

    def put(self, name: str, thing: Thing) -> None:
        """Keep a thing."""
        self._things[name] = thing
        if len(self._things) > _MOST:
            self._things.popitem(last=False)

    def find(self, name: str) -> Thing | None:
        """Return a thing, None where there is none of that id."""
        return self._things.get(name)

    def remove(self, name: str) -> Thing | None:
        """Return a thing that is kept no more, None where there was none."""
        return self._things.pop(name, None)

    def newest_first(self) -> Sequence[Thing]:
        """Return everything, the latest first."""
        return list(reversed(self._things.values()))


def moved_on(thing: Thing, steps: Sequence[str]) -> str:
    """Move a thing on to the next of the steps unless it has left them; return its status."""
    status: str = thing["status"]
    if status in steps[:-1]:
        thing["status"] = steps[steps.index(status) + 1]
    now: str = thing["status"]
    return now


def cursor_page(things: Sequence[Object], said: Object, *, most: int = 20) -> Object:
    """Return the page of things that comes ``after`` one of them, or the first."""
    ids = [thing["id"] for thing in things]
    start = ids.index(said["after"]) + 1 if said.get("after") in ids else 0
    page = things[start : start + (said.get("limit") or most)]
    return {
        "object": "list",
        "data": page,
        "has_more": start + len(page) < len(things),
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def offset_page(name: str, things: Sequence[Object], said: Object, *, most: int = 50) -> Object:
    """Return the page of things from an ``offset`` on, under a name."""
    limit, offset = said.get("limit") or most, said.get("offset") or 0
    page = things[offset : offset + limit]
    return {name: page, "total": len(things), "limit": limit, "offset": offset}


def iso(seconds: float) -> str:
    """Return a time as ISO 8601 writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
