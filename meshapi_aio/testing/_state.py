"""
The counters of a gateway as another process asks for them.

Values and the reading of a query; this room performs no I/O.
"""

from collections.abc import Mapping

import attrs


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


def has_reached(state: GatewayState, wanted: Mapping[str, int]) -> bool:
    """Return whether each counter is at least what is wanted; for the open connections, at most."""
    return all(
        state.open_connections <= count if name == "open_connections" else getattr(state, name) >= count
        for name, count in wanted.items()
    )


def read_query(query: Mapping[str, str]) -> tuple[Mapping[str, int], float]:
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
