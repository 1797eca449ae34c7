"""
What tests of bots and services talk to: a Mesh API gateway on this machine, for no key and no money.

``FakeGateway`` runs in the event loop of the test. It does not need the client of this package: any client that
speaks HTTP can be tested against it.
"""

from ._chat import chat_completion, chat_completion_chunks
from ._gateway import FakeGateway
from ._received import Outcome, ReceivedRequest
from ._script import CUT, HANG, RESET, Answer, AnswerFunction, Ending, Pause, WaitFor
from ._server import ConnectionCounts
from ._state import GatewayState


__all__ = [
    "CUT",
    "HANG",
    "RESET",
    "Answer",
    "AnswerFunction",
    "ConnectionCounts",
    "Ending",
    "FakeGateway",
    "GatewayState",
    "Outcome",
    "Pause",
    "ReceivedRequest",
    "WaitFor",
    "chat_completion",
    "chat_completion_chunks",
]
