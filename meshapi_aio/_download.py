"""Files from the addresses that the gateway hands out. Pure."""

import attrs

from ._bytes import ByteStream
from ._outside import PLACE, Outside, check_url
from .call import Route, StreamCall


__all__ = ["Download"]


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Download(Outside, StreamCall[ByteStream]):
    """Fetch a file from an address that the gateway handed out."""

    url: str = attrs.field(repr=False, validator=check_url)


Download.route, Download.reply = Route("GET", PLACE), ByteStream
