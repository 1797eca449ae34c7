"""``meshapi-aio serve``: a made-up gateway on this machine, for tests in any language."""

import asyncio
import contextlib
import errno
import ipaddress
import signal
import sys
from collections.abc import Mapping

import click

from meshapi_aio.testing import FakeGateway, Script

from ._accidents import befalling, begun, listed, named
from ._failures import MisuseError, failures_told
from ._models_file import models_from
from ._options import finite
from ._output import note
from ._running import run


__all__ = ["command"]

# Where to connect to what listens at every address.
_EVERYWHERE: Mapping[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (it is read, not bound)

_HELP = """
Run a made-up gateway on this machine until Ctrl-C, for tests of programs in any language: without a key,
without money, and with every accident that production will bring.

Its address and a key are printed as two lines, which a shell can run and a script can read:

\b
  export MESHAPI_BASE_URL=http://127.0.0.1:43210
  export MESHAPI_API_KEY=rsk_01K...

Any model answers, with a short text about the prompt. With --catalogue only the models in FILE do: a JSON
array of objects as GET /v1/models gives them. Each needs an "id"; what else it says (context length, what it
supports, prices) is held to.

\b
  [{"id": "maker/small", "context_length": 8000, "supports_tools": false,
    "pricing": {"prompt_usd_per_1m": "0.15", "completion_usd_per_1m": "0.60"}}]

With --accident chat requests meet a fault. Repeated, they meet one after the other, over and over; "none"
among them is a good answer.

\b
  meshapi-aio serve --accident truncated
  meshapi-aio serve --accident rate_limited --accident none
"""


def _list_accidents(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 (click calls it so)
    if wanted and not context.resilient_parsing:  # which is how a shell asks for completions
        with failures_told():
            click.echo(listed())
        context.exit()


@click.command(name="serve", help=_HELP, short_help="Run a made-up gateway for tests in any language.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="NUMBER",
    help="Where; by default a free port.",
)
@click.option(
    "--pace",
    type=click.FloatRange(min=0),
    default=0.0,
    callback=finite,
    metavar="SECONDS",
    help="The time between the pieces of a stream; by default none.",
)
@click.option(
    "--accident",
    "names",
    multiple=True,
    callback=named,
    shell_complete=begun,
    metavar="NAME",
    help="The fault that chat requests meet. May be repeated.",
)
@click.option(
    "--accidents",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_accidents,
    help="List the accidents and exit.",
)
@click.option("--catalogue", metavar="FILE", type=click.Path(), help="The models that there are, as JSON.")
def command(*, host: str, port: int, pace: float, names: tuple[str, ...], catalogue: str | None) -> None:
    """Run a gateway with these options until it is stopped."""
    with failures_told():
        gateway = FakeGateway(
            script=Script(otherwise=befalling(names)),
            host=host,
            port=port,
            pace=pace,
            record=False,
            catalogue=None if catalogue is None else models_from(catalogue),
        )
    run(_serve(gateway, host, port))


async def _serve(gateway: FakeGateway, host: str, port: int) -> None:
    """Listen until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    # Windows has no signal handlers of the loop; there Ctrl-C cancels the waiting.
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        await gateway.start()
    except OSError as error:
        raise MisuseError(_why_not(error, host, port)) from None
    try:
        _tell(gateway, host)
        await stopped.wait()
    finally:
        await gateway.close()
    gateway.check()
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(err=True)  # below the ^C
    note("stopped")


def _tell(gateway: FakeGateway, host: str) -> None:
    """Print how to reach the gateway, and what to do with that."""
    address = gateway.base_url
    everywhere = _EVERYWHERE.get(host)
    if everywhere is not None:
        _, _, port = address.rpartition(":")
        address = f"http://{f'[{everywhere}]' if ':' in everywhere else everywhere}:{port}"
    click.echo(f"export MESHAPI_BASE_URL={address}\nexport MESHAPI_API_KEY={gateway.token}")
    note("set these where your program runs; OpenAI's clients want /v1 behind the address")
    if not _is_loopback(host):
        note("other machines can reach it, and nothing is encrypted: send it no real key and no private text")
    note("Ctrl-C stops it")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name; others than this one are looked up, and may be anything
        return host == "localhost"


def _why_not(error: OSError, host: str, port: int) -> str:
    """Return in one line why nothing can listen there."""
    reason = (error.strerror or str(error)).partition(" (while attempting")[0]
    told = f"cannot listen at {host}, port {port}: {reason}"
    return f"{told}; --port 0 takes a free one" if error.errno in {errno.EADDRINUSE, errno.EACCES} else told
