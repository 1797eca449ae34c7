"""Every API family, so that importing this room fills the registry of calls."""

from ..call import Namespace
from .chat import Chat


__all__ = ["Chat", "Families"]


class Families:
    """The families as attributes of a client."""

    __slots__ = ()

    chat = Namespace(Chat)
