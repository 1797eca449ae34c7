"""
Telling what happens: to the user's ``on_event``, and to the logger ``meshapi_aio`` as quiet records.

Neither gets a prompt or the token. What a callback raises never disturbs the call.
"""

import itertools
import logging
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

import attrs

from ._meta import Event


__all__ = ["Account", "Kind", "OnEvent"]

OnEvent = Callable[[Event], None]

Kind = Literal[
    "FallbackTaken",
    "GatewayRouted",
    "ReplyReceived",
    "RequestFailed",
    "RequestSent",
    "RetryScheduled",
    "StreamEnded",
    "StreamOpened",
]
"""The class of an event: these are imported when somebody listens, since they take 5 ms."""

logger = logging.getLogger("meshapi_aio")
logger.addHandler(logging.NullHandler())  # a library prints nothing unless it is asked to

_CALL_IDS = itertools.count(1)


def _forget(handled: BaseException | None, error: BaseException) -> None:
    """Take the call's own error, whose text may quote the prompt, out of what a callback's error tells."""
    while error.__context__ is not None:
        if error.__context__ is handled:
            error.__context__ = None
            return
        error = error.__context__


class Account:
    """
    Tells the events of one call, of which it knows what they have in common.

    While nobody listens it costs a look at two attributes, and no event is made.
    """

    __slots__ = ("_call", "_call_id", "_on_event", "model", "started")

    def __init__(self, on_event: OnEvent | None, call: object) -> None:
        self._on_event = on_event
        self._call = type(call).__name__
        self._call_id = next(_CALL_IDS)
        self.model: str | None = getattr(call, "model", None)
        self.started = time.monotonic()

    @property
    def duration(self) -> float:
        """The seconds since the call began."""
        return time.monotonic() - self.started

    @property
    def listens(self) -> bool:
        """Whether anybody wants to know."""
        return self._on_event is not None or logger.isEnabledFor(logging.DEBUG)

    def tell(self, kind: Kind, **values: Any) -> None:
        """Tell of an event of this call, if anybody listens; what the callback raises goes no further."""
        if not self.listens:
            return
        make = getattr(import_module(".events", __package__), kind)
        event = make(call=self._call, call_id=self._call_id, model=self.model, at=time.time(), **values)
        if logger.isEnabledFor(logging.DEBUG):
            values = attrs.asdict(event)
            shown = " ".join(f"{name}={value}" for name, value in values.items() if value is not None)
            logger.debug("%s %s", kind, shown, extra={"meshapi_event": kind, "meshapi_values": values})
        if self._on_event is not None:
            handled = sys.exception()
            try:
                self._on_event(event)
            except Exception as error:
                _forget(handled, error)
                logger.exception("on_event raised for %s; the call goes on", kind)
