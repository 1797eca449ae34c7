"""openai-python, with httpx as it is installed, or with its aiohttp extra."""

import importlib
from typing import Any

from . import BODY, TOKEN, Seen


__all__ = ["OpenAI", "new"]


class OpenAI:
    """``openai.AsyncOpenAI``."""

    def __init__(self, transport: str | None = None) -> None:
        self._openai: Any = importlib.import_module("openai")
        self._transport = transport

    async def open(self, base: str, authority: str | None) -> None:
        """Make one client for all, with as many connections as it likes (1,000 by default)."""
        assert authority is None, "this client is compared without TLS"
        options: dict[str, Any] = {}
        if self._transport == "aiohttp":
            options["http_client"] = self._openai.DefaultAioHttpClient()
        self._client = self._openai.AsyncOpenAI(base_url=base + "/v1", api_key=TOKEN, **options)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    async def read(self, seen: Seen) -> None:
        """Read one stream."""
        async for chunk in await self._client.chat.completions.create(**BODY, stream=True):
            choices = chunk.choices
            seen(choices[0].delta.content if choices else None)

    async def complete(self) -> str:
        """Ask and wait."""
        completion = await self._client.chat.completions.create(**BODY)
        text: str = completion.choices[0].message.content
        return text


def new(transport: str | None = None) -> OpenAI:
    """Return the client; ``transport`` is "aiohttp" or None for its own."""
    return OpenAI(transport)
