"""The vendor's own package, meshapi, in its form for asyncio."""

import importlib
from typing import Any

from . import BODY, TOKEN, Seen


__all__ = ["Vendor", "new"]


class Vendor:
    """``meshapi.AsyncMeshAPI``."""

    def __init__(self) -> None:
        self._meshapi: Any = importlib.import_module("meshapi")

    async def open(self, base: str, authority: str | None) -> None:
        """Make one client for all; its httpx has 100 connections unless told otherwise."""
        assert authority is None, "this client is compared without TLS"
        httpx: Any = importlib.import_module("httpx")
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        own = httpx.AsyncClient(base_url=base, headers=headers, limits=limits, timeout=60)
        self._client = self._meshapi.AsyncMeshAPI(base_url=base, token=TOKEN, async_httpx_client=own)
        self._params = self._meshapi.ChatCompletionParams.model_validate(BODY)

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

    async def read(self, seen: Seen) -> None:
        """Read one stream."""
        async for chunk in self._client.chat.completions.stream(self._params):
            choices = chunk.choices
            seen(choices[0].delta.content if choices else None)

    async def complete(self) -> str:
        """Ask and wait."""
        completion = await self._client.chat.completions.create(self._params)
        text: str = completion.choices[0].message.content
        return text


def new() -> Vendor:
    """Return the client."""
    return Vendor()
