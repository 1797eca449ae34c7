"""What holds for every test."""

import os
import signal
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from meshapi_aio import MeshAPI
from meshapi_aio._transport import _direct, _reading
from meshapi_aio.testing import FakeGateway


# A deadline is a timing assertion, as is the check that data is drawn quickly: a busy machine fails both. The
# active profile is the parent, so that what hypothesis sets by itself under CI=true (no example database, the
# same examples in every run) stays.
untimed = settings(settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("meshapi_aio", parent=untimed)
settings.register_profile("long", parent=untimed, max_examples=2_000)
settings.load_profile(os.environ.get("MESHAPI_AIO_HYPOTHESIS", "meshapi_aio"))

# A shell starts its background jobs with SIGINT ignored, and what they start inherits that: the programs that
# these tests interrupt would not notice.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Everything must hold with aiohttp's own reader too, which is what runs where aiohttp looks unfamiliar.
if os.environ.get("MESHAPI_AIO_PLAIN_READER"):
    _reading._FAMILIAR = False  # type: ignore[misc] # final for everybody else
    _direct._FAMILIAR = False  # type: ignore[misc] # the same


@pytest.fixture
async def gateway() -> AsyncIterator[FakeGateway]:
    """Run a gateway for one test."""
    async with FakeGateway() as gateway:
        yield gateway


@pytest.fixture
async def client(gateway: FakeGateway) -> AsyncIterator[MeshAPI]:
    """Run a client of that gateway, with the settings that it has by itself."""
    async with MeshAPI(gateway.base_url, gateway.token) as client:
        yield client
