"""How a command runs: in an event loop of its own, with a client of the gateway that the user has chosen."""

import asyncio
import os
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from meshapi_aio._resolve import TOKEN_VARIABLES
from meshapi_aio.client import MeshAPI
from meshapi_aio.settings import Retry, Timeout
from meshapi_aio.testing import FakeGateway

from ._failures import MisuseError, failures_told
from ._output import note


__all__ = ["Access", "connected", "run"]

_PACE = 0.02  # seconds between the pieces of a local answer, so that one sees it stream


class Access(NamedTuple):
    """
    Which gateway is asked, and how patiently.

    ``local``: one that runs here for as long as it is used; else that at ``base_url``, where None means the
    one in the environment. ``timeout`` in seconds bounds a whole call; None means no bound, and of
    ``retries`` the client's own number. ``quiet``: without a remark.
    """

    local: bool = False
    base_url: str | None = None
    timeout: float | None = None
    retries: int | None = None
    quiet: bool = False


def run(command: Coroutine[Any, Any, None]) -> None:
    """Run a command to its end; what goes wrong becomes a line on standard error and an exit status."""
    with failures_told():
        asyncio.run(command)


@asynccontextmanager
async def connected(access: Access) -> AsyncGenerator[MeshAPI]:
    """Give the command its client, which is closed at the end of the block."""
    if not access.local:
        async with _client(access, access.base_url, None) as client:
            yield client
        return
    if access.base_url is not None:
        msg = f"--local asks a gateway on this machine, and --base-url {access.base_url}: give one of them"
        raise MisuseError(msg)
    async with FakeGateway(pace=_PACE) as gateway:
        if not access.quiet:
            note(f"local: the answer is made up on this machine, at {gateway.base_url}; it needs no key")
        async with _client(access, gateway.base_url, gateway.token) as client:
            yield client


def _client(access: Access, base_url: str | None, token: str | None) -> MeshAPI:
    """Make a client; what it is made from and cannot be right is told as a misuse of the command."""
    if token is None and not any(os.environ.get(name, "").strip() for name in TOKEN_VARIABLES):
        msg = f"no key: set the environment variable {TOKEN_VARIABLES[0]} to your key; --local needs none"
        raise MisuseError(msg)
    try:
        timeout = Timeout(total=access.timeout)
        retry = Retry() if access.retries is None else Retry(max_retries=access.retries)
        return MeshAPI(base_url, token, timeout=timeout, retry=retry)
    except ValueError as error:
        raise MisuseError(str(error)) from None
