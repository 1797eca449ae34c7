"""What tells how a call went: read from headers, and never guessed."""

import pickle
from collections.abc import Mapping

import attrs
import pytest

from meshapi_aio._meta import Attempt, Meta, Routing, Statistics


def meta(**headers: str) -> Meta:
    """Make the meta of an answer with these headers, underscores for dashes."""
    return Meta(status=200, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_nothing_is_claimed_without_headers() -> None:
    """Where the gateway says nothing, everything reads as not said."""
    bare = Meta(status=200)
    assert (bare.request_id, bare.model, bare.attempts, bare.headers) == (None, None, (), {})
    assert (bare.cache_hit, bare.auto_routed, bare.api_version, bare.routing) == (False, False, None, None)
    assert bare.rate_limits == {}
    assert (bare.queued, bare.latency, bare.time_to_first_event) == (0.0, 0.0, None)


@pytest.mark.parametrize(("value", "hit"), [("HIT", True), ("hit", True), ("MISS", False), ("", False)])
def test_a_cache_hit(value: str, hit: bool) -> None:
    """``x-cache: HIT``, in any case; anything else is none."""
    assert meta(x_cache=value).cache_hit is hit


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({"x-mesh-version": "2026-08"}, "2026-08"),
        ({"mesh-version": "2026-07"}, "2026-07"),
        ({"x-mesh-version": "2026-08", "mesh-version": "2026-07"}, "2026-08"),
        ({"x-mesh-version": "", "mesh-version": "2026-07"}, "2026-07"),
    ],
)
def test_the_api_version_under_both_names(headers: Mapping[str, str], version: str) -> None:
    """Some deployments name the header differently; the proper name comes first."""
    assert Meta(status=200, headers=headers).api_version == version


@pytest.mark.parametrize(
    ("value", "routed"), [("true", True), ("True", True), ("false", False), ("1", False)]
)
def test_whether_the_gateway_chose_the_model(value: str, routed: bool) -> None:
    """``x-auto-routed: true``."""
    assert meta(x_auto_routed=value).auto_routed is routed


@pytest.mark.parametrize(
    ("headers", "routing"),
    [
        ({"x_mesh_routing_attempts": "2"}, Routing(attempts=2)),
        ({"x_mesh_routing_attempts": "many"}, Routing()),
        ({"x_mesh_routing_attempts": "-1"}, Routing()),
        ({"x_mesh_routing_attempts": "²"}, Routing()),
        ({"x_mesh_routing_attempts": ""}, Routing()),
        ({"x_mesh_routing_fallback": "true"}, Routing(fallback=True)),
        ({"x_mesh_routing_fallback": "TRUE"}, Routing(fallback=True)),
        ({"x_mesh_routing_fallback": "false"}, Routing()),
        ({"x_mesh_routing_model": "other/model"}, Routing(model="other/model")),
        (
            {
                "x_mesh_routing_attempts": "3",
                "x_mesh_routing_fallback": "true",
                "x_mesh_routing_model": "other/model",
            },
            Routing(attempts=3, fallback=True, model="other/model"),
        ),
    ],
)
def test_what_routing_did(headers: dict[str, str], routing: Routing) -> None:
    """Any of its headers is enough; a count that is no number is not guessed at."""
    assert meta(**headers).routing == routing


def test_rate_limits_are_given_as_they_came() -> None:
    """Every header of the family, keyed by what follows the prefix; no other header."""
    told = meta(x_ratelimit_limit_requests="60", x_ratelimit_reset="1s", x_ratelimit="9", retry_after="3")
    assert told.rate_limits == {"limit-requests": "60", "reset": "1s"}


@pytest.mark.parametrize(
    "value",
    [
        Attempt(
            status=503, request_id="req_1", error="InternalServerError: 503", queued=0.1, latency=2, pause=0.5
        ),
        Routing(attempts=2),
        Meta(status=200, headers={"x-cache": "HIT"}, request_id="req_1", attempts=(Attempt(),), model="m"),
        Statistics(open=3, in_flight=2, queued=1),
    ],
)
def test_they_are_values(value: Attempt | Routing | Meta | Statistics) -> None:
    """They compare by value, can't be changed, and pickle."""
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - pickled right here
    assert attrs.evolve(value) == value
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, attrs.fields(type(value))[0].name, None)


def test_an_attempt_without_an_answer() -> None:
    """It has no status, and neither times nor an error are made up."""
    assert attrs.astuple(Attempt()) == (None, None, None, None, 0.0, 0.0, 0.0)
