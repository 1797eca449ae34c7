"""``meshapi-aio completion``: prints what a shell needs in order to complete commands and options."""

import click
from click.shell_completion import get_completion_class

from ._failures import failures_told


__all__ = ["VARIABLE", "command"]

VARIABLE = "_MESHAPI_AIO_COMPLETE"
"""What the scripts set when they ask how to go on; click would derive it from how the program was started."""

_SHELLS = ("bash", "zsh", "fish")


_HELP = """
Print the completion script for SHELL, to be read when the shell starts.

\b
bash, in ~/.bashrc:  eval "$(meshapi-aio completion bash)"
zsh, in ~/.zshrc:    eval "$(meshapi-aio completion zsh)"
fish:                meshapi-aio completion fish > ~/.config/fish/completions/meshapi-aio.fish
"""


@click.command(name="completion", help=_HELP, short_help="Print what a shell needs to complete commands.")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell."""
    kind = get_completion_class(shell)
    assert kind is not None
    with failures_told():
        click.echo(kind(context.find_root().command, {}, "meshapi-aio", VARIABLE).source())
