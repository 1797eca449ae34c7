"""The clients that are compared, each as its own users would write it; what they share is drawn here."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


__all__ = ["BODY", "CLIENTS", "MESSAGES", "MODEL", "TOKEN", "Client", "Entry", "ManyAtOnce", "Seen", "load"]

MODEL = "openai/gpt-4o-mini"
TOKEN = "rsk_of_a_benchmark"  # noqa: S105 - opens nothing
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]
BODY = {"model": MODEL, "messages": MESSAGES, "temperature": 0.7, "max_tokens": 256}

Seen = Callable[[str | None], object]
"""Takes the text of each chunk, None where it has none."""


class Client(Protocol):
    """One way to talk to a gateway, with a limit on connections, if any, beyond the number of its streams."""

    async def open(self, base: str, authority: str | None) -> None:
        """Get ready. ``base`` has no ``/v1``; ``authority`` is a PEM file of who signed for the server."""

    async def close(self) -> None:
        """Leave nothing open."""

    async def read(self, seen: Seen) -> None:
        """Read one stream to its end, and tell each chunk's text."""

    async def complete(self) -> str:
        """Ask for a small completion and return its text."""
        ...


@runtime_checkable
class ManyAtOnce(Client, Protocol):
    """A client that is compared at many calls as well: meshapi_aio and the bare loop."""

    async def many(self, count: int, at_once: int) -> None:
        """Ask for many small completions, so many at once."""


@dataclass(frozen=True)
class Entry:
    """A client's place: its environment (:mod:`benchmarks.peers`), its module and its class."""

    environment: str
    module: str
    options: tuple[Any, ...] = ()
    uvloop: bool = False


CLIENTS = {
    "meshapi_aio": Entry("plain", "ours"),
    "meshapi_aio, aiohttp's reader": Entry("plain", "ours", ("aiohttp's reader",)),
    "bare loop": Entry("plain", "bare", ("json",)),
    "meshapi_aio[speed]": Entry("speed", "ours"),
    "bare loop, orjson": Entry("speed", "bare", ("orjson",)),
    "meshapi_aio[speed], uvloop": Entry("speed", "ours", uvloop=True),
    "bare loop, orjson, uvloop": Entry("speed", "bare", ("orjson",), uvloop=True),
    "openai": Entry("openai", "openai_"),
    "openai[aiohttp]": Entry("openai-aiohttp", "openai_", ("aiohttp",)),
    "meshapi": Entry("vendor", "vendor"),
    "httpx + httpx-sse": Entry("httpx", "httpx_sse_"),
    "litellm": Entry("litellm", "litellm_"),
}


def load(name: str) -> Client:
    """Import the client of this name, which the running environment must have."""
    entry = CLIENTS[name]
    client: Client = importlib.import_module(f"{__name__}.{entry.module}").new(*entry.options)
    return client
