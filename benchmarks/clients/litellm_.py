"""litellm, as it reaches any OpenAI-compatible gateway."""

import importlib
import os
from typing import Any

from . import BODY, TOKEN, Seen


__all__ = ["LiteLLM", "new"]


class LiteLLM:
    """``litellm.acompletion`` with its ``openai/`` provider."""

    def __init__(self) -> None:
        # Otherwise it asks the internet for prices when it is imported.
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        self._litellm: Any = importlib.import_module("litellm")

    async def open(self, base: str, authority: str | None) -> None:
        """Keep the address: the library makes its clients by itself."""
        assert authority is None, "this client is compared without TLS"
        model = f"openai/{BODY['model']}"
        self._options: dict[str, Any] = {**BODY, "model": model, "api_base": base + "/v1", "api_key": TOKEN}

    async def close(self) -> None:
        """Leave it: the library keeps its clients for the life of the process."""

    async def read(self, seen: Seen) -> None:
        """Read one stream."""
        async for chunk in await self._litellm.acompletion(**self._options, stream=True):
            choices = chunk.choices
            seen(choices[0].delta.content if choices else None)

    async def complete(self) -> str:
        """Ask and wait."""
        completion = await self._litellm.acompletion(**self._options)
        text: str = completion.choices[0].message.content
        return text


def new() -> LiteLLM:
    """Return the client."""
    return LiteLLM()
