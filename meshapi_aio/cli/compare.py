"""``meshapi-aio compare``: asks several models the same, and shows their answers side by side."""

import asyncio
from collections.abc import Sequence

import click

from meshapi_aio.client import MeshAPI
from meshapi_aio.endpoints._messages import Message
from meshapi_aio.errors import MeshAPIError

from ._answers import ModelAnswer
from ._asking import what_is_missing
from ._failures import MisuseError, explained, failures_told
from ._files import STDIN, prompt_from_stdin
from ._options import base_url_option, local_option, retries_option, timeout_option
from ._running import Access, connected, run
from ._side_by_side import shown_as_they_come


__all__ = ["command"]

_PAUSE = 0.1  # seconds from one drawing to the next, so that the time is seen to pass


@click.command(name="compare", short_help="Ask several models the same, side by side.")
@click.argument("prompt")
@click.option(
    "--models",
    "names",
    required=True,
    metavar="A,B,…",
    help="The models, with commas between them.",
)
@click.option("--system", metavar="TEXT", help="Instructions to the models.")
@timeout_option
@retries_option
@base_url_option
@local_option
def command(
    *,
    prompt: str,
    names: str,
    system: str | None,
    timeout: float | None,
    retries: int | None,
    base_url: str | None,
    local: bool,
) -> None:
    """
    Ask several models PROMPT, and show their answers as they come, with the time and the tokens they took.

    PROMPT may be -, which reads it from standard input. On a terminal the answers stand side by side; into a
    pipe they go one after the other. A model that fails is told in its place. Ends with status 1 where all
    of them fail.
    """
    access = Access(local=local, base_url=base_url, timeout=timeout, retries=retries)
    with failures_told():
        asked = prompt_from_stdin() if prompt == STDIN else prompt
        if not asked.strip():
            msg = "the prompt is empty: there is nothing to ask"
            raise MisuseError(msg)
        models = list(dict.fromkeys(filter(None, (name.strip() for name in names.split(",")))))
        if not models:
            msg = "--models names no model: --models openai/gpt-4o-mini,deepseek/deepseek-r1"
            raise MisuseError(msg)
    messages = [*([] if system is None else [Message.system(system)]), Message.user(asked)]
    run(_compare(access, models, messages))


async def _compare(access: Access, models: Sequence[str], messages: Sequence[Message]) -> None:
    async with connected(access) as client:
        answers = [ModelAnswer(model) for model in models]
        with shown_as_they_come(answers) as showing:
            asked = [asyncio.create_task(_ask(client, answer, messages)) for answer in answers]
            try:
                waiting = set(asked)
                while waiting:
                    _, waiting = await asyncio.wait(waiting, timeout=_PAUSE)
                    showing.show()
            finally:
                for task in asked:
                    task.cancel()
                await asyncio.wait(asked)
        await asyncio.gather(*asked)
    if all(answer.error is not None for answer in answers):
        raise click.exceptions.Exit(1)


async def _ask(client: MeshAPI, answer: ModelAnswer, messages: Sequence[Message]) -> None:
    """Ask one of the models; what goes wrong with it is part of its answer."""
    try:
        async with client.chat.completions.stream(model=answer.model, messages=messages) as stream:
            async for text in stream.text_stream:
                answer.text += text
            completion = await stream.get_final_completion()
    except MeshAPIError as error:
        answer.fail(explained(error))
    else:
        answer.missing = what_is_missing(completion)
        answer.usage = completion.usage
        answer.end()
