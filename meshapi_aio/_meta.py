"""
How replies came about, and what a client has open: values that hold no prompt, no token and no connection.

Of what happens (``events.py``) only the base stands here, since annotations name it; the rest is imported
when somebody listens.

Performs no I/O and knows no event loop.
"""

from collections.abc import Mapping

import attrs


__all__ = ["Attempt", "Event", "Meta", "Routing", "Statistics"]


@attrs.frozen(kw_only=True)
class Attempt:
    """
    One try of a call at the wire.

    ``model`` is the one that was asked for. ``error`` is None for the try that succeeded, else the kind of
    error and its text. ``status`` is None when no answer came. Times are seconds: ``queued`` waiting for a
    free connection slot, ``latency`` from there to the answer's headers (or to the failure), ``pause``
    between this try and the next one.
    """

    status: int | None = None
    request_id: str | None = None
    model: str | None = None
    error: str | None = None
    queued: float = 0.0
    latency: float = 0.0
    pause: float = 0.0


@attrs.frozen(kw_only=True)
class Routing:
    """
    What the gateway did to find an upstream for this call, from its ``x-mesh-routing-*`` headers.

    They come only on non-streaming chat calls whose key has a routing policy. ``attempts`` is how many
    upstreams were tried, ``fallback`` whether another provider or model served the call, ``model`` the
    substitute model's name, None where there was no substitute.
    """

    attempts: int | None = None
    fallback: bool = False
    model: str | None = None


@attrs.frozen(kw_only=True)
class Meta:
    """
    How a reply came about.

    Times are seconds. ``queued`` counts the waiting for a free connection slot over all attempts, ``latency``
    runs from the first attempt's start to the whole reply (of a stream: to its first event), pauses included,
    ``time_to_first_event`` from the last request being sent to its first data event (None where nothing
    streams).
    """

    status: int
    """The HTTP status."""

    headers: Mapping[str, str] = attrs.field(factory=dict)
    """The answer's headers that tell something, with lower-case names; never cookies or credentials."""

    request_id: str | None = None
    """The gateway's id of this call, the key for its logs and bills (``x-request-id``)."""

    attempts: tuple[Attempt, ...] = ()
    """Every try, the successful one last."""

    model: str | None = None
    """The model that answered: as the gateway's headers say it, else as the reply says it."""

    queued: float = 0.0
    latency: float = 0.0
    time_to_first_event: float | None = None

    unary: bool = False
    """Whether a stream could not be opened, and a call without streaming answered in its place."""

    @property
    def cache_hit(self) -> bool:
        """Whether the answer came from the gateway's cache (``x-cache: HIT``; a miss sends no header)."""
        return self.headers.get("x-cache", "").upper() == "HIT"

    @property
    def api_version(self) -> str | None:
        """The API version that handled the call; some deployments name the header ``Mesh-Version``."""
        return self.headers.get("x-mesh-version") or self.headers.get("mesh-version")

    @property
    def auto_routed(self) -> bool:
        """Whether the gateway chose the model (``model="auto"``)."""
        return self.headers.get("x-auto-routed", "").lower() == "true"

    @property
    def routing(self) -> Routing | None:
        """What the gateway's routing policy did, None where it says nothing."""
        tries = self.headers.get("x-mesh-routing-attempts")
        fallback = self.headers.get("x-mesh-routing-fallback")
        model = self.headers.get("x-mesh-routing-model")
        if tries is None and fallback is None and model is None:
            return None
        return Routing(
            attempts=int(tries) if tries is not None and tries.isascii() and tries.isdigit() else None,
            fallback=(fallback or "").lower() == "true",
            model=model,
        )

    @property
    def rate_limits(self) -> dict[str, str]:
        """
        The ``x-ratelimit-*`` headers, keyed by what follows that prefix, values as they came.

        No source names the members of the family, so none is interpreted here.
        """
        prefix = "x-ratelimit-"
        return {name[len(prefix) :]: value for name, value in self.headers.items() if name.startswith(prefix)}


@attrs.frozen(kw_only=True)
class Statistics:
    """
    A client's connections at one moment, as ``client.stats()`` returns them.

    ``open`` counts connections, pooled ones included, ``in_flight`` the exchanges that hold a slot,
    ``queued`` those that wait for one.
    """

    open: int
    in_flight: int
    queued: int


@attrs.frozen(kw_only=True)
class Event:
    """
    Something that happened to a call.

    ``call`` is the kind of call (``CreateChatCompletion``), ``call_id`` a number that all events of one call
    share, ``model`` the one that is asked for, ``at`` the time in seconds since the epoch. Errors are told by
    their class, status and code: their text may quote a prompt.
    """

    call: str
    call_id: int
    model: str | None
    at: float
