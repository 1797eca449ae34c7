"""A run's dealings with its budget: prices that have to be asked for, room that has to be waited for."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .._meta import Meta
from ..endpoints._shared import decimal
from ..errors import MeshAPIError
from ._budget import Budget, Reservation
from ._carrier import Carrier


__all__ = ["Spending"]

_BATCH = 100
"""So many prices that only the gateway knows are asked for together."""


class Spending:
    """Reserves and settles what calls cost. A call may be billed ``times``, by any of ``models`` too."""

    def __init__(
        self, budget: Budget, carrier: Carrier[Any, Any], *, times: int, models: Sequence[str]
    ) -> None:
        self._budget = budget
        self._carrier = carrier
        self._times = times
        self._models = tuple(models)
        self._asking = asyncio.Lock()
        self._reconciling = False
        self._settled = 0  # since bills were asked for

    async def reserve(self, call: object) -> Reservation | None:
        """
        Reserve what a call may cost at most, waiting for others to be settled; None if it can never fit.

        An unknown price is an ``UnknownPriceError``.
        """
        for model in (getattr(call, "model", None), *self._models):
            if model and not self._budget.knows(model):
                await self._learn(model)
        while True:
            reservation = self._budget.reserve(call, times=self._times, models=self._models)
            if reservation is not None:
                return reservation
            if not self._budget.fits_ever(call, times=self._times, models=self._models):
                return None
            waiter = asyncio.get_running_loop().create_future()
            self._budget.when_settled(_waking(waiter))
            await waiter

    async def _learn(self, model: str) -> None:
        async with self._asking:
            if not self._budget.knows(model):
                self._budget.learn(model, await self._carrier.price(model))

    def settle(
        self,
        reservation: Reservation,
        meta: Meta | None,
        result: object,
        error: BaseException | None,
        *,
        sent: bool,
    ) -> Decimal | None:
        """Settle what a call has cost, and return it in USD; None where nobody knows."""
        self._settled += 1
        said = result if error is None else getattr(error, "partial", None)
        usage = getattr(result if error is None else error, "usage", None)
        request_id = meta.request_id if meta is not None else getattr(error, "request_id", None)
        return self._budget.settle(
            reservation,
            cost=decimal(getattr(said, "cost", None)),
            usage=usage,
            model=None if meta is None else meta.model,
            request_id=request_id,
            billed=sent and not (error is not None and _is_free(error)),
        )

    @property
    def wants_bills(self) -> bool:
        """Whether there is enough to ask the gateway for, and was not just asked for."""
        enough = self._settled >= _BATCH and self._budget.unreconciled >= _BATCH
        return enough and not self._reconciling

    async def reconcile(self) -> None:
        """Correct what calls are taken to have cost by what the gateway says, as far as it says it."""
        since = self._budget.oldest_unreconciled
        if since is None or self._reconciling:
            return
        self._reconciling = True
        self._settled = 0
        try:
            self._budget.reconcile(await self._carrier.paid(datetime.fromtimestamp(since - _SKEW, UTC)))
        except MeshAPIError:
            # The budget then says how much is unreconciled, and the client's events tell of the failure; a
            # bill that does not come is no reason to lose answers.
            pass
        finally:
            self._reconciling = False


_SKEW = 60.0  # seconds that the gateway's clock may differ from ours


def _waking(waiter: "asyncio.Future[None]") -> Callable[[], None]:
    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    return wake


def _is_free(error: BaseException) -> bool:
    """Tell whether nothing can have been billed: refused as a whole, or never sent."""
    refused = getattr(error, "status", None) is not None and not getattr(error, "chunks_seen", 0)
    return refused or getattr(error, "sent", None) is False
