"""
The counters of a gateway as another process asks for them, and the waiting for what it wants to see.

Values, the reading of a query, and its answer; this room performs no I/O but what it is handed in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import attrs
from aiohttp import web


STATE_PATH = "/_fake/state"
"""Where the counters can be asked for; needs no credential, and is itself neither recorded nor counted."""


@attrs.frozen(kw_only=True)
class GatewayState:
    """
    What a gateway has seen so far.

    ``requests``: received in all. ``disconnects``: requests whose client went away before the answer was
    complete.
    """

    requests: int
    open_connections: int
    opened_connections: int
    disconnects: int


def _has_reached(state: GatewayState, wanted: Mapping[str, int]) -> bool:
    """Return whether each counter is at least what is wanted; for the open connections, at most."""
    return all(
        state.open_connections <= count if name == "open_connections" else getattr(state, name) >= count
        for name, count in wanted.items()
    )


def _read_query(query: Mapping[str, str]) -> tuple[Mapping[str, int], float]:
    """
    Return the wanted counters and how many seconds to wait for them at most.

    Raises ``ValueError`` for a number that is none or a counter that does not exist.
    """
    wanted = {name: int(count) for name, count in query.items() if name != "timeout"}
    if unknown := wanted.keys() - attrs.fields_dict(GatewayState).keys():
        known = ", ".join(attrs.fields_dict(GatewayState))
        msg = f"unknown counter {min(unknown)!r}; known are {known}"
        raise ValueError(msg)
    return wanted, float(query.get("timeout", 0))


async def state_response(
    query: Mapping[str, str],
    state: Callable[[], GatewayState],
    until: Callable[[Callable[[], bool]], Awaitable[None]],
) -> web.Response:
    """
    Return the counters, when they are as the query wants them or its time is over.

    ``state`` returns them as they are, ``until`` waits for a condition that a change may bring about.
    """
    try:
        wanted, seconds = _read_query(query)
    except ValueError as error:
        return web.json_response({"detail": str(error)}, status=400)
    try:
        async with asyncio.timeout(seconds):
            await until(lambda: _has_reached(state(), wanted))
    except TimeoutError:
        pass  # the counters as they are say what is missing
    return web.json_response(attrs.asdict(state()))
