"""Options that several commands have in common. Performs no I/O."""

import click


__all__ = ["base_url_option", "model_option", "timeout_option"]

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
    metavar="SECONDS",
    help="The most that a call may take in all, retries and pauses included.",
)
