"""meshapi_aio, of the tree beside this package, as its README shows it."""

import ssl
from typing import Any

from meshapi_aio import CreateChatCompletion, MeshAPI
from meshapi_aio._transport import _direct, _reading

from . import BODY, TOKEN, Seen


__all__ = ["Ours", "new"]


class Ours:
    """meshapi_aio with all its promises: time limits, checks, retries."""

    async def open(self, base: str, authority: str | None) -> None:
        """Make one client for all."""
        trusted = ssl.create_default_context(cafile=authority) if authority else None
        self._client = MeshAPI(base, TOKEN, ssl_context=trusted, max_connections=10_000)
        self._body: dict[str, Any] = BODY

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    async def read(self, seen: Seen) -> None:
        """Read one stream."""
        async for chunk in self._client.chat.completions.create(**self._body, stream=True):
            choices = chunk.choices
            seen(choices[0].delta.content if choices and choices[0].delta else None)

    async def complete(self) -> str:
        """Ask and wait."""
        completion = await self._client.chat.completions.create(**self._body)
        return completion.choices[0].message.content or ""

    async def many(self, count: int, at_once: int) -> None:
        """Fan out."""
        calls = (CreateChatCompletion(**self._body) for _ in range(count))
        async with self._client.fan_out(calls, limit=at_once) as outcomes:
            async for outcome in outcomes:
                assert outcome.result is not None
                assert outcome.result.choices[0].message.content


def new(reader: str = "") -> Ours:
    """Return the client; with "aiohttp's reader" as it is where aiohttp looks unfamiliar."""
    if reader:
        _reading._FAMILIAR = False  # type: ignore[misc] # noqa: SLF001 - final for everybody else
        _direct._FAMILIAR = False  # type: ignore[misc] # noqa: SLF001 - the same
    return Ours()
