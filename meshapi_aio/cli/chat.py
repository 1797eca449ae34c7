"""``meshapi-aio chat``: asks a model and prints its answer as it comes, once or in a conversation."""

import sys
from collections.abc import Sequence

import click

from meshapi_aio.endpoints._messages import Message

from ._asking import Manner, Turn
from ._conversation import converse
from ._failures import MisuseError, failures_told
from ._files import STDIN, attach, prompt_from_stdin
from ._options import base_url_option, local_option, model_option, retries_option, timeout_option
from ._running import Access, connected, run
from ._talk import Talk


__all__ = ["command"]


@click.command(name="chat")
@click.argument("words", nargs=-1, metavar="[PROMPT]")
@model_option
@click.option("--system", metavar="TEXT", help="Instructions to the model.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(allow_dash=True),
    help="Attach a text or an image (PNG, JPEG, GIF, WebP); - is standard input. May be repeated.",
)
@click.option("--no-stream", is_flag=True, help="Ask for the whole answer at once.")
@click.option("--json", "as_json", is_flag=True, help="Print each chunk of the answer as a line of JSON.")
@click.option("--plain", is_flag=True, help="Print the text as it comes, also on a terminal.")
@click.option("--quiet", is_flag=True, help="Do not tell tokens and times on standard error.")
@timeout_option
@retries_option
@base_url_option
@local_option
def command(
    *,
    words: tuple[str, ...],
    model: str,
    system: str | None,
    files: tuple[str, ...],
    timeout: float | None,
    retries: int | None,
    base_url: str | None,
    no_stream: bool,
    as_json: bool,
    plain: bool,
    quiet: bool,
    local: bool,
) -> None:
    """
    Ask a model PROMPT, and print its answer as it comes.

    PROMPT may be -, which reads it from standard input. Without PROMPT standard input is read too, unless
    that is a terminal: there a conversation begins.

    On a terminal the answer is rendered as Markdown, and Ctrl-C stops it.
    """
    access = Access(local=local, base_url=base_url, timeout=timeout, retries=retries, quiet=quiet)
    manner = Manner(stream=not no_stream, as_json=as_json, plain=plain, quiet=quiet)
    with failures_told():
        source = _source(_prompt(words), files, as_json=as_json)
        talk = Talk(model, system, [attach(file) for file in files])
        asked = prompt_from_stdin() if source == STDIN else source
    if asked is None:
        converse(talk, manner, access)
    elif asked.strip() or files:
        run(_ask(talk.model, talk.messages(asked), manner, access))
    else:
        msg = "the prompt is empty: there is nothing to ask"
        raise MisuseError(msg)


def _prompt(words: Sequence[str]) -> str | None:
    """Return the one argument that there may be."""
    if len(words) > 1:
        msg = f"PROMPT is one argument, and here are {len(words)}: put it between quotes"
        raise MisuseError(msg)
    return words[0] if words else None


def _source(prompt: str | None, files: tuple[str, ...], *, as_json: bool) -> str | None:
    """Return the prompt, ``-`` where standard input has it, or None where a conversation begins."""
    if prompt is None and (sys.stdin is None or not sys.stdin.isatty()):
        prompt = "" if STDIN in files else STDIN
    if [prompt, *files].count(STDIN) > 1:
        msg = "standard input can be read only once: as PROMPT, or as one --file"
        raise MisuseError(msg)
    if prompt is None and (as_json or sys.stdout is None or not sys.stdout.isatty()):
        why = (
            "--json is not for conversations" if as_json else "standard output is no terminal to converse on"
        )
        msg = f"{why}: give a PROMPT, or - to type one that ends with Ctrl-D"
        raise MisuseError(msg)
    return prompt


async def _ask(model: str, messages: list[Message], manner: Manner, access: Access) -> None:
    async with connected(access) as client:
        await Turn(client, manner).ask(model, messages)
