"""The only room that knows aiohttp."""

import aiohttp

from ._exchange import Exchange
from ._session import Transport


__all__ = ["Exchange", "Session", "Transport"]

Session = aiohttp.ClientSession
