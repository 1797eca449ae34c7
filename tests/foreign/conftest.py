"""The gateway that the other clients talk to, and an environment that tells them of no other."""

import os
from collections.abc import AsyncIterator

import pytest

from meshapi_aio.testing import FakeGateway


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide keys, addresses and proxies that this machine has for the clients: the tests give their own."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "LLM_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
async def gateway(request: pytest.FixtureRequest) -> AsyncIterator[FakeGateway]:
    """Run a gateway for one test, with the options that ``gateway_with`` gives."""
    async with FakeGateway(**getattr(request, "param", {})) as gateway:
        yield gateway
