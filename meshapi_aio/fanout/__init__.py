"""
Fan-out: thousands of calls in one event loop, bounded, accounted for, and resumable after a crash.

It drives any async function and knows no client; ``client.fan_out`` drives calls with it::

    async with client.fan_out(calls, limit=AdaptiveLimit(), journal="results.jsonl") as outcomes:
        async for outcome in outcomes:
            print(outcome.index, outcome.kind, outcome.cost)
"""

from ._adaptive import AdaptiveLimit
from ._beginning import Options, fan_out
from ._budget import Budget, UnknownPriceError
from ._fixed import FixedLimit
from ._journal import Entry, Journal
from ._journal_file import JournalLockedError
from ._keys import request_key
from ._limits import Gate, Limit, LimitChange
from ._outcome import Outcome, OutcomeKind, PaidAttempt
from ._prices import Price
from ._rate import RateLimit
from ._records import Results
from ._rows import FileError, Row, read_rows
from ._run import FanOut
from ._signals import draining_on_signals
from ._tally import Snapshot


__all__ = [
    "AdaptiveLimit",
    "Budget",
    "Entry",
    "FanOut",
    "FileError",
    "FixedLimit",
    "Gate",
    "Journal",
    "JournalLockedError",
    "Limit",
    "LimitChange",
    "Options",
    "Outcome",
    "OutcomeKind",
    "PaidAttempt",
    "Price",
    "RateLimit",
    "Results",
    "Row",
    "Snapshot",
    "UnknownPriceError",
    "draining_on_signals",
    "fan_out",
    "read_rows",
    "request_key",
]
