"""
The command line. Each command is a module of this package that makes a ``command``, and is entered here.

Prints answers to standard output and everything else to standard error.
"""

import io
import sys

import click

from meshapi_aio import _version

from . import batch, call, calls, chat, compare, completion, doctor, fan_out, models, serve


__all__ = [
    "batch",
    "call",
    "calls",
    "chat",
    "commands",
    "compare",
    "completion",
    "doctor",
    "fan_out",
    "main",
    "models",
    "serve",
]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version.__version__, prog_name="meshapi-aio")
def commands() -> None:
    """
    Use Mesh API, a gateway to 300+ models, from the command line.

    The key is taken from MESHAPI_API_KEY (else MESHAPI_TOKEN), the address of the gateway from
    MESHAPI_BASE_URL where that is set.
    """


for _module in (chat, compare, fan_out, batch, models, call, calls, serve, doctor, completion):
    commands.add_command(_module.command)


def main() -> None:
    """Run the command that the process was started with, and exit with its status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the locale's encoding lacks must not cost the rest of the answer.
        sys.stdout.reconfigure(errors="replace")
    if isinstance(sys.stdin, io.TextIOWrapper):
        # Nor must a byte that is no letter end a conversation.
        sys.stdin.reconfigure(errors="replace")
    commands(complete_var=completion.VARIABLE)
