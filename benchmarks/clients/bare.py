"""
The limit to beat: a loop written by hand on aiohttp, which yields dicts and promises nothing.

It has no time limit, no check that the answer is whole, no retry, no types; ``json.loads`` may be orjson's.
"""

import asyncio
import importlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from . import BODY, TOKEN, Seen


__all__ = ["Bare", "new"]


class Bare:
    """aiohttp, split on blank lines, JSON into dicts."""

    def __init__(self, module: str) -> None:
        self._loads = importlib.import_module(module).loads

    async def open(self, base: str, authority: str | None) -> None:
        """Make one session for all."""
        trusted = ssl.create_default_context(cafile=authority) if authority else True
        connector = aiohttp.TCPConnector(limit=0, ssl=trusted)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self._url = base + "/v1/chat/completions"
        self._session = aiohttp.ClientSession(
            connector=connector, headers=headers, timeout=aiohttp.ClientTimeout(total=None)
        )

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()

    async def _chunks(self) -> AsyncIterator[dict[str, Any]]:
        loads = self._loads
        buffer = b""
        async with self._session.post(self._url, json={**BODY, "stream": True}) as response:
            response.raise_for_status()
            while data := await response.content.readany():
                *events, buffer = (buffer + data).split(b"\n\n")
                for event in events:
                    if event.startswith(b"data: "):
                        if event == b"data: [DONE]":
                            return
                        yield loads(event[6:])

    async def read(self, seen: Seen) -> None:
        """Read one stream."""
        async for chunk in self._chunks():
            choices = chunk["choices"]
            seen(choices[0]["delta"].get("content") if choices else None)

    async def complete(self) -> str:
        """Ask and wait."""
        async with self._session.post(self._url, json=BODY) as response:
            response.raise_for_status()
            reply = self._loads(await response.read())
        text: str = reply["choices"][0]["message"]["content"]
        return text

    async def many(self, count: int, at_once: int) -> None:
        """Bound tasks by a semaphore, and gather them."""
        semaphore = asyncio.Semaphore(at_once)

        async def one() -> None:
            async with semaphore:
                assert await self.complete()

        await asyncio.gather(*(one() for _ in range(count)))


def new(module: str) -> Bare:
    """Return the loop that reads JSON with this module."""
    return Bare(module)
