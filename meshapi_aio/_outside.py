"""
Calls that go past the gateway: to the absolute addresses that it hands out.

Such an address is often signed, so that whoever has it needs nothing else: it is in no repr, error or event,
and nothing of ours goes there, neither token nor headers. Pure.
"""

from urllib.parse import urlsplit

import attrs

from ._upload import Upload
from .call import Call, Route


__all__ = ["Outside", "PutFile"]


def _check_url(_owner: object, _attribute: object, value: str) -> None:
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


@attrs.frozen(kw_only=True, eq=False)
class PutFile(Outside, Call[None]):
    """
    Store a file under a signed address.

    Errors are the storage's own, ``APIStatusError`` with the beginning of what it says.
    """

    url: str = attrs.field(repr=False, validator=_check_url)
    file: Upload


PutFile.route = Route("PUT", "<signed address>")
PutFile.reply = type(None)
