"""The balance: ``client.balance``, how much money is left."""

from decimal import Decimal

from .._family import Family, method
from .._shape import Reply, shape
from ..call import Call, get
from ._shared import decimal


__all__ = ["AccountBalance", "Balance", "GetBalance"]


@shape
class AccountBalance(Reply):
    """How much money is left."""

    available_usd: str | float | None = None
    """As it came; :attr:`available` is the same as a ``Decimal``."""

    @property
    def available(self) -> Decimal | None:
        """What is left in USD, None where it was not told."""
        return decimal(self.available_usd)


@get("/v1/balance")
class GetBalance(Call[AccountBalance]):
    """Ask how much money is left."""


class Balance(Family):
    """``client.balance``: how much money is left."""

    get = method(GetBalance)
