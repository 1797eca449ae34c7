"""Ctrl-C and its like: a run that is asked to end drains first, and is cancelled if that takes too long."""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from ._run import FanOut


__all__ = ["draining_on_signals"]


@contextmanager
def draining_on_signals(
    outcomes: FanOut[Any, Any],
    *,
    grace: float = 30.0,
    on_signal: Callable[[signal.Signals], None] | None = None,
) -> Generator[None]:
    """
    Drain a fan-out at SIGINT or SIGTERM: inside the block nothing more is begun after one of them.

    What is under way has ``grace`` seconds to end, then it is cancelled; a second signal cancels at once. Its
    outcomes are handed over as always, so that the loop over them ends by itself. ``on_signal`` is told of
    each signal. It works in the main thread, and where event loops can handle signals (not on Windows, where
    the signals then do what they always do).
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def handle(number: signal.Signals) -> None:
        nonlocal timer
        if timer is None:
            outcomes.drain()
            timer = loop.call_later(grace, outcomes.cancel)
        else:
            outcomes.cancel()
        if on_signal is not None:
            on_signal(number)

    handled = []
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, handle, number)
            except (NotImplementedError, RuntimeError, ValueError):
                break  # no main thread, or a system whose loops know no signals
            handled.append(number)
        yield
    finally:
        if timer is not None:
            timer.cancel()
        for number in handled:
            loop.remove_signal_handler(number)
