"""What every test of the command line may use."""

from collections.abc import AsyncIterator

import pytest

from meshapi_aio.testing import FakeGateway


@pytest.fixture
async def gateway() -> AsyncIterator[FakeGateway]:
    """Run a gateway for one test."""
    async with FakeGateway() as gateway:
        yield gateway
