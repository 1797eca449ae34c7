"""
What tests of bots and services talk to: a Mesh API gateway on this machine, for no key and no money.

``FakeGateway`` runs in the event loop of the test, ``GatewayProcess`` in a process of its own. Neither needs
the client of this package: any client that speaks HTTP can be tested against them.
"""

from . import accidents
from ._chat import chat_completion, chat_completion_chunks
from ._expect import Entry, Expect, Script
from ._gateway import FakeGateway
from ._process import GatewayProcess
from ._received import Outcome, ReceivedRequest
from ._recorder import Recorder
from ._replaying import recorded
from ._script import (
    CUT,
    HANG,
    OWN,
    RESET,
    Accident,
    Answer,
    AnswerFunction,
    Answering,
    Ending,
    Heartbeats,
    Own,
    Pause,
    WaitFor,
)
from ._server import ConnectionCounts
from ._state import GatewayState


__all__ = [
    "CUT",
    "HANG",
    "OWN",
    "RESET",
    "Accident",
    "Answer",
    "AnswerFunction",
    "Answering",
    "ConnectionCounts",
    "Ending",
    "Entry",
    "Expect",
    "FakeGateway",
    "GatewayProcess",
    "GatewayState",
    "Heartbeats",
    "Outcome",
    "Own",
    "Pause",
    "ReceivedRequest",
    "Recorder",
    "Script",
    "WaitFor",
    "accidents",
    "chat_completion",
    "chat_completion_chunks",
    "recorded",
]
