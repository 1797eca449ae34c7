"""What a fan-out needs of whoever carries its calls out: a client, or any async function."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from .._meta import Meta
from ._limits import Gate
from ._prices import Price


__all__ = ["Carrier", "Own", "Paid"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Paid(Protocol):
    """What the gateway says that one of its calls cost, such as a ``UsageEvent``."""

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the call."""
        ...

    @property
    def cost(self) -> Decimal | None:
        """USD."""
        ...


class Carrier(Protocol[Item_contra, Result_co]):
    """Carries calls out."""

    async def perform(self, item: Item_contra, gate: Gate) -> tuple[Result_co, Meta | None]:
        """
        Carry one call out, and return its result and how it came about.

        ``gate`` is entered, for the first attempt. Who makes more of them leaves it after each, and enters it
        again; it may be left at the end or not.
        """
        ...

    async def price(self, model: str) -> Price | None:
        """Return what a model costs, None where that is not to be learnt."""
        ...

    async def paid(self, since: datetime) -> Sequence[Paid]:
        """Return what calls have cost since then, as far as that is to be learnt."""
        ...


class Own:
    """Carries items out by an async function, which is called once for each."""

    def __init__(self, function: Callable[[Any], Awaitable[Any]]) -> None:
        self._function = function

    async def perform(self, item: Any, gate: Gate) -> tuple[Any, Meta | None]:  # noqa: ARG002
        """Call the function; a reply of the client tells how it came about."""
        result = await self._function(item)
        return result, getattr(result, "meta", None)

    async def price(self, model: str) -> Price | None:  # noqa: ARG002
        """Return nothing: functions have no list of prices."""
        return None

    async def paid(self, since: datetime) -> Sequence[Paid]:  # noqa: ARG002
        """Return nothing: functions have no bills."""
        return ()
