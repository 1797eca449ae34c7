"""
Every API family by its name, imported when it is first used.

The facts of the wire are those of the gateway's documentation, of its clients' tests, and of its production
behaviour where that differs; such places say so.

Most programs use one or two of them; all together would double what an import of the client adds to one of
aiohttp.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._family import Family, Namespace
from ..call import CALLS, Call, StreamCall


if TYPE_CHECKING:
    from .api_versions import APIVersions
    from .audio import Audio
    from .balance import Balance
    from .batches import Batches
    from .chat import Chat
    from .compare import Compare
    from .documents import Documents
    from .embeddings import Embeddings
    from .files import Files
    from .images import Images
    from .models import Models
    from .moderations import Moderations
    from .responses import Responses
    from .router import Router
    from .templates import Templates
    from .usage import AccountUsage
    from .videos import Videos
    from .web import Web


__all__ = ["Families", "every_call", "every_method"]


class _OnDemand(Namespace[Any]):
    """A family whose module is imported at its first use."""

    def __init__(self, name: str) -> None:
        # The base class is not asked: it wants the family, which is not here yet.
        self._class = name

    def __set_name__(self, _owner: type, name: str) -> None:
        self.__doc__ = f"``client.{name}``."
        self._module = name

    def __getattr__(self, name: str) -> Any:
        if name != "family":
            raise AttributeError(name)
        self.family = getattr(import_module(f".{self._module}", __name__), self._class)
        return self.family


class Families:
    """The families as attributes of a client, each named as its module."""

    __slots__ = ()

    api_versions: Namespace["APIVersions"] = _OnDemand("APIVersions")
    audio: Namespace["Audio"] = _OnDemand("Audio")
    balance: Namespace["Balance"] = _OnDemand("Balance")
    batches: Namespace["Batches"] = _OnDemand("Batches")
    chat: Namespace["Chat"] = _OnDemand("Chat")
    compare: Namespace["Compare"] = _OnDemand("Compare")
    documents: Namespace["Documents"] = _OnDemand("Documents")
    embeddings: Namespace["Embeddings"] = _OnDemand("Embeddings")
    files: Namespace["Files"] = _OnDemand("Files")
    images: Namespace["Images"] = _OnDemand("Images")
    models: Namespace["Models"] = _OnDemand("Models")
    moderations: Namespace["Moderations"] = _OnDemand("Moderations")
    responses: Namespace["Responses"] = _OnDemand("Responses")
    router: Namespace["Router"] = _OnDemand("Router")
    templates: Namespace["Templates"] = _OnDemand("Templates")
    usage: Namespace["AccountUsage"] = _OnDemand("AccountUsage")
    videos: Namespace["Videos"] = _OnDemand("Videos")
    web: Namespace["Web"] = _OnDemand("Web")


def every_call() -> dict[str, type[Call[Any]] | type[StreamCall[Any]]]:
    """Return the registry of calls, filled by importing every family."""
    for name, value in vars(Families).items():
        if isinstance(value, _OnDemand):
            import_module(f".{name}", __name__)
    return CALLS


def every_method() -> dict[str, tuple[type[Call[Any]] | type[StreamCall[Any]], ...]]:
    """
    Return the calls that each method of the client makes, by its name, such as ``chat.completions.create``.

    Where a method makes two, the second is that of the stream.
    """
    return dict(_methods(Families))


def _methods(owner: type, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in vars(owner).items():
        if isinstance(value, Namespace):
            family: type[Family] = value.family
            yield from _methods(family, f"{before}{name}.")
        elif calls := getattr(value, "calls", ()):
            yield before + name, calls
