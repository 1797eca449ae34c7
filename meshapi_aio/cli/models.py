"""``meshapi-aio models``: which models there are, how much they read, and what they cost."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import click

from meshapi_aio.endpoints.models import Model

from ._asking import json_line
from ._options import base_url_option, local_option, retries_option, timeout_option
from ._output import Output, note
from ._running import Access, connected, run
from ._table import Column, show_table


__all__ = ["command"]

_UNKNOWN = "-"
_COLUMNS = (
    Column("model"),
    Column("context", to_the_right=True),
    Column("in $/1M", to_the_right=True),
    Column("out $/1M", to_the_right=True),
    Column("type", spared=1),
    Column("name", spared=2),
)


@click.command(name="models", short_help="Tell which models there are, and what they cost.")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option("--free", is_flag=True, help="Only those that cost nothing.")
@click.option(
    "--sort",
    type=click.Choice(["price", "context", "name"]),
    help="The cheapest first, those that read the most, or by the alphabet; else as the gateway has them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each model as a line of JSON.")
@timeout_option
@retries_option
@base_url_option
@local_option
def command(
    *,
    words: tuple[str, ...],
    free: bool,
    sort: str | None,
    as_json: bool,
    timeout: float | None,
    retries: int | None,
    base_url: str | None,
    local: bool,
) -> None:
    """
    Tell which models there are: those in whose id, name, brand or description every WORD occurs.

    Prices are US dollars for a million tokens, of the question and of the answer, and are sorted by the sum
    of the two. A model that costs by something else than tokens, as those for images do, shows none.
    """
    access = Access(local=local, base_url=base_url, timeout=timeout, retries=retries)
    run(_show(access, words, sort, free=free, as_json=as_json))


async def _show(access: Access, words: Sequence[str], sort: str | None, *, free: bool, as_json: bool) -> None:
    async with connected(access) as client:
        models = list(await client.models.list())
    wanted = [model for model in models if (model.is_free or not free) and _fits(model, words)]
    if sort is not None:
        wanted.sort(key=_ORDERS[sort])
    if as_json:
        with Output() as output:
            for model in wanted:
                output.write(json_line(model))
    elif wanted:
        show_table(_COLUMNS, [_row(model) for model in wanted])
    else:
        note(f"of {len(models)} models none fits")


def _fits(model: Model, words: Sequence[str]) -> bool:
    told = " ".join(filter(None, [model.id, model.name, model.brand, model.description])).lower()
    return all(word.lower() in told for word in words)


def _row(model: Model) -> Sequence[str]:
    prices = (_UNKNOWN if price is None else _written(price) for price in _prices(model))
    context = _UNKNOWN if model.context is None else str(model.context)
    return [model.id, context, *prices, model.model_type or "", model.name or ""]


def _prices(model: Model) -> Sequence[Decimal | None]:
    """Return what a million tokens of the question and of the answer cost, None where that is not said."""
    prices = {} if model.pricing is None else model.pricing.prices
    return [prices.get("prompt_usd_per_1m"), prices.get("completion_usd_per_1m")]


def _written(price: Decimal) -> str:
    """Return a price to the last digit that counts, and to the cent at least."""
    exponent = price.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # it is finite
    return f"{price:.{max(2, -exponent)}f}"


def _by_price(model: Model) -> tuple[bool, Decimal]:
    prices = [price for price in _prices(model) if price is not None]
    return not prices, sum(prices, Decimal())


def _by_context(model: Model) -> tuple[bool, int]:
    return model.context is None, -(model.context or 0)


def _by_name(model: Model) -> str:
    return (model.name or model.id).lower()


_ORDERS: Mapping[str, Callable[[Model], Any]] = {
    "price": _by_price,
    "context": _by_context,
    "name": _by_name,
}
