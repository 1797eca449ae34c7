"""What a file of requests would take, as a table: nothing of it is sent."""

from collections.abc import Iterable
from decimal import Decimal

from meshapi_aio.client import MeshAPI
from meshapi_aio.errors import NotFoundError
from meshapi_aio.fanout import Price, Row
from meshapi_aio.fanout._estimate import guess_tokens, most_tokens

from ._output import note
from ._run_display import money
from ._running import Access, connected
from ._table import Column, show_table


__all__ = ["show_estimate"]

_COLUMNS = (
    Column("MODEL"),
    Column("REQUESTS", to_the_right=True),
    Column("TOKENS", to_the_right=True),
    Column("COST", to_the_right=True),
    Column("AT MOST", to_the_right=True),
)


class _Sum:
    """What the requests to one model add up to; None of what is not known."""

    def __init__(self, price: Price | None) -> None:
        self.price = price
        self.requests = 0
        self.tokens = 0
        self.cost: Decimal | None = Decimal()
        self.most: Decimal | None = Decimal()

    def add(self, row: Row) -> None:
        """Count a request."""
        guess = guess_tokens(row.call)
        self.requests += 1
        self.tokens += sum(guess)
        if self.price is None:
            self.cost = self.most = None
            return
        most = most_tokens(row.call, self.price.context)
        self.cost = (self.cost or Decimal()) + self.price.amount(guess)
        self.most = None if self.most is None or most is None else self.most + self.price.most(most)

    def cells(self, model: str) -> list[str]:
        """Return a row of the table."""
        amounts = ["unknown" if amount is None else money(amount) for amount in (self.cost, self.most)]
        return [model, str(self.requests), f"about {self.tokens}", *amounts]


async def show_estimate(access: Access, rows: Iterable[Row]) -> None:
    """
    Show how many requests there are to each model, and about how many tokens and USD they would take.

    Nothing of the file is sent; the gateway is asked what each model costs.
    """
    sums: dict[str, _Sum] = {}
    async with connected(access) as client:
        for row in rows:
            model = getattr(row.call, "model", None) or "(none)"
            if model not in sums:
                sums[model] = _Sum(await _price(client, model))
            sums[model].add(row)
    show_table(_COLUMNS, [entry.cells(model) for model, entry in sums.items()])
    if any(entry.most is None for entry in sums.values()):
        note("unknown: the price, or how long an answer may be; set max_tokens in each request")


async def _price(client: MeshAPI, model: str) -> Price | None:
    try:
        return Price.of(await client.models.get(id=model))
    except (NotFoundError, ValueError):
        return None
