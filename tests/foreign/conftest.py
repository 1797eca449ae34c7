"""The gateway that the other clients talk to, and an environment that tells them of no other."""

import os
from collections.abc import AsyncIterator

import pytest

from meshapi_aio.testing import FakeGateway

from .speaking import Speaker


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


@pytest.fixture(params=["AsyncMeshAPI", "MeshAPI"])
async def meshapi_speaker(request: pytest.FixtureRequest, gateway: FakeGateway) -> AsyncIterator[Speaker]:
    """Run each of the two clients of the vendor's package."""
    meshapi = pytest.importorskip("meshapi")
    client = getattr(meshapi, request.param)(base_url=gateway.base_url, token=gateway.token)
    speaker = Speaker(client, blocking=request.param == "MeshAPI")
    yield speaker
    await speaker.call(client.close if speaker.blocking else client.aclose)


@pytest.fixture(params=["AsyncOpenAI", "OpenAI"])
async def openai_speaker(request: pytest.FixtureRequest, gateway: FakeGateway) -> AsyncIterator[Speaker]:
    """Run each of the two clients, set up as their documentation has it for a compatible gateway."""
    openai = pytest.importorskip("openai")
    client = getattr(openai, request.param)(base_url=gateway.base_url + "/v1", api_key=gateway.token)
    speaker = Speaker(client, blocking=request.param == "OpenAI")
    yield speaker
    await speaker.call(client.close)
