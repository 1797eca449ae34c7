"""What an upload to a signed address takes: the ticket, then the bytes, past the gateway."""

from typing import Protocol, TypeVar

from ._family import Sender
from ._outside import PutFile
from ._upload import Upload
from .call import Call
from .errors import MeshAPIError


__all__ = ["Ticket", "store"]


class Ticket(Protocol):
    """Where a file goes, and what it is called from then on."""

    file_id: str
    signed_url: str


TicketType = TypeVar("TicketType", bound=Ticket)


async def store(sender: Sender, call: Call[TicketType], upload: Upload) -> TicketType:
    """
    Get a ticket by a call, send the file there, and return the ticket.

    Each of the two is a call of its own, with its own retries and time limits. Where the second fails, its
    error says so in a note: the gateway knows a file then that was not stored.
    """
    ticket = await sender.send(call)
    try:
        await sender.send(PutFile(url=ticket.signed_url, file=upload))
    except MeshAPIError as error:
        error.add_note(f"the gateway has given out the id {ticket.file_id!r}, and the file was not stored")
        raise
    return ticket
