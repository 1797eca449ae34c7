"""httpx, httpx-sse and json: the loop written by hand by those who do not use aiohttp."""

import importlib
import json
from typing import Any

from . import BODY, TOKEN, Seen


__all__ = ["HttpxSSE", "new"]


class HttpxSSE:
    """``httpx.AsyncClient`` and ``httpx_sse.aconnect_sse``, into dicts."""

    def __init__(self) -> None:
        self._httpx: Any = importlib.import_module("httpx")
        self._sse: Any = importlib.import_module("httpx_sse")

    async def open(self, base: str, authority: str | None) -> None:
        """Make one client for all."""
        assert authority is None, "this client is compared without TLS"
        limits = self._httpx.Limits(max_connections=None, max_keepalive_connections=None)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self._client = self._httpx.AsyncClient(limits=limits, timeout=None, headers=headers)
        self._url = base + "/v1/chat/completions"

    async def close(self) -> None:
        """Close the client."""
        await self._client.aclose()

    async def read(self, seen: Seen) -> None:
        """Read one stream."""
        body = {**BODY, "stream": True}
        async with self._sse.aconnect_sse(self._client, "POST", self._url, json=body) as source:
            source.response.raise_for_status()
            async for event in source.aiter_sse():
                if event.data == "[DONE]":
                    return
                choices = json.loads(event.data)["choices"]
                seen(choices[0]["delta"].get("content") if choices else None)

    async def complete(self) -> str:
        """Ask and wait."""
        response = await self._client.post(self._url, json=BODY)
        response.raise_for_status()
        text: str = response.json()["choices"][0]["message"]["content"]
        return text


def new() -> HttpxSSE:
    """Return the client."""
    return HttpxSSE()
