"""How a command runs: in an event loop of its own, with a client of the gateway that the user has chosen."""

import asyncio
import os
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from meshapi_aio._resolve import TOKEN_VARIABLES
from meshapi_aio.client import MeshAPI
from meshapi_aio.testing import FakeGateway

from ._failures import MisuseError, failures_told
from ._output import note


__all__ = ["connected", "run"]

_PACE = 0.02  # seconds between the pieces of a local answer, so that one sees it stream


def run(command: Coroutine[Any, Any, None]) -> None:
    """Run a command to its end; what goes wrong becomes a line on standard error and an exit status."""
    with failures_told():
        asyncio.run(command)


@asynccontextmanager
async def connected(*, local: bool) -> AsyncGenerator[MeshAPI]:
    """
    Give the command its client, which is closed at the end of the block.

    ``local``: of a gateway that runs here for as long as the block; else of the one in the environment.
    """
    if local:
        async with FakeGateway(pace=_PACE) as gateway:
            note(f"local: the answer is made up on this machine, at {gateway.base_url}; it needs no key")
            async with MeshAPI(gateway.base_url, gateway.token) as client:
                yield client
        return
    if not any(os.environ.get(name, "").strip() for name in TOKEN_VARIABLES):
        msg = f"no key: set the environment variable {TOKEN_VARIABLES[0]} to your key; --local needs none"
        raise MisuseError(msg)
    try:
        client = MeshAPI()
    except ValueError as error:
        raise MisuseError(str(error)) from None
    async with client:
        yield client
