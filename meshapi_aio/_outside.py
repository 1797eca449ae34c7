"""
Calls that go past the gateway: to the absolute addresses that it hands out.

Such an address is often signed, so that whoever has it needs nothing else: it is in no repr, error or event,
and nothing of ours goes there, neither token nor headers. Pure.
"""

from urllib.parse import urlsplit

import attrs

from ._upload import Upload
from .call import Call, Route


__all__ = ["PLACE", "Outside", "PutFile", "check_url"]


def check_url(_owner: object, _attribute: object, value: str) -> None:
    """Check that an address is one, and don't show it."""
    try:
        parts = urlsplit(value)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and value.isprintable()
    except ValueError:
        fine = False
    if not fine or " " in value:
        msg = f"the address (not shown, it may be signed; {len(value)} characters) must be an http(s) URL"
        raise ValueError(msg)


class Outside:
    """What calls past the gateway have in common."""

    route: Route
    url: str


@attrs.frozen(kw_only=True, eq=False, repr=False)
class PutFile(Outside, Call[None]):
    """
    Store a file under a signed address.

    Errors are the storage's own, ``APIStatusError`` with the beginning of what it says.
    """

    url: str = attrs.field(repr=False, validator=check_url)
    file: Upload


PLACE = "<address outside>"
"""What events tell in place of the path."""

PutFile.route, PutFile.reply = Route("PUT", PLACE), type(None)
