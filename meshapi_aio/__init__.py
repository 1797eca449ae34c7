"""The asyncio client for Mesh API."""

from meshapi_aio._version import __version__


__all__ = ["__version__"]
