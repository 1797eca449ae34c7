"""Options that several commands have in common. Performs no I/O."""

import math
from collections.abc import Sequence

import click


__all__ = [
    "base_url_option",
    "finite",
    "local_option",
    "model_option",
    "models_option",
    "named_models",
    "repeat_option",
    "retries_option",
    "timeout_option",
]


def finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """Return a number that is one: what is called nan and inf passes every range of click's."""
    if value is None or math.isfinite(value):
        return value
    msg = f"{value} is no number of seconds."
    raise click.BadParameter(msg)


def named_models(_: click.Context, __: click.Parameter, value: str | None) -> Sequence[str]:
    """Return the models that are named with commas between them, each once."""
    return list(dict.fromkeys(filter(None, (name.strip() for name in (value or "").split(",")))))


model_option = click.option(
    "--model",
    default="openai/gpt-4o-mini",
    show_default=True,
    metavar="PROVIDER/NAME",
    help="The model that is asked.",
)
base_url_option = click.option(
    "--base-url", metavar="URL", help="Where the gateway is; else MESHAPI_BASE_URL, else the production one."
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    callback=finite,
    metavar="SECONDS",
    help="The most that a call may take in all, retries and pauses included.",
)
retries_option = click.option(
    "--retries", type=click.IntRange(min=0), metavar="NUMBER", help="Attempts after the first one."
)
local_option = click.option(
    "--local", is_flag=True, help="Ask a gateway that is made up on this machine: without a key."
)
models_option = click.option(
    "--models",
    metavar="A,B,…",
    callback=named_models,
    help="Ask each of these models every request, in place of the request's own.",
)
repeat_option = click.option(
    "--repeat",
    type=click.IntRange(min=1),
    default=1,
    metavar="NUMBER",
    help="Make each request so many times.",
)
