"""``meshapi-aio compare``: asks several models the same, and shows their answers side by side."""

import asyncio
from collections.abc import Sequence

import click

from meshapi_aio.endpoints._messages import Message
from meshapi_aio.endpoints.compare import ComparisonStream, StreamComparison

from ._answers import ModelAnswer
from ._failures import MisuseError, failures_told
from ._files import STDIN, prompt_from_stdin
from ._options import base_url_option, local_option, named_models, retries_option, timeout_option
from ._running import Access, connected, run
from ._side_by_side import shown_as_they_come


__all__ = ["command"]

_PAUSE = 0.1  # seconds from one drawing to the next, so that the time is seen to pass


@click.command(name="compare", short_help="Ask several models the same, side by side.")
@click.argument("prompt")
@click.option(
    "--models",
    required=True,
    metavar="A,B,…",
    callback=named_models,
    help="The models, with commas between them; at most 10.",
)
@click.option("--system", metavar="TEXT", help="Instructions to the models.")
@timeout_option
@retries_option
@base_url_option
@local_option
def command(
    *,
    prompt: str,
    models: Sequence[str],
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
        if not models:
            msg = "--models names no model: --models openai/gpt-4o-mini,deepseek/deepseek-r1"
            raise MisuseError(msg)
        call = _call(models, [*([] if system is None else [Message.system(system)]), Message.user(asked)])
    run(_compare(access, call))


def _call(models: Sequence[str], messages: Sequence[Message]) -> StreamComparison:
    try:
        # What compares the answers is not asked for: with it they would not stream.
        return StreamComparison(models=models, messages=messages, skip_comparison=True)
    except ValueError as error:  # of more models than the gateway takes
        raise MisuseError(str(error)) from None


async def _compare(access: Access, call: StreamComparison) -> None:
    answers = [ModelAnswer(model) for model in call.models]
    async with connected(access) as client, client.stream(call) as stream:
        with shown_as_they_come(answers) as showing:
            heard = asyncio.create_task(_hear(stream, answers))
            try:
                while not heard.done():
                    await asyncio.wait([heard], timeout=_PAUSE)
                    showing.show()
            finally:
                heard.cancel()
                await asyncio.wait([heard])
        heard.result()
    if all(answer.error is not None for answer in answers):
        raise click.exceptions.Exit(1)


async def _hear(stream: ComparisonStream, answers: list[ModelAnswer]) -> None:
    """Give each answer what is its own, until there is no more."""
    by_model = {answer.model: answer for answer in answers}
    async for event in stream:
        if event.model is not None:
            if event.model not in by_model:  # by another name than it was asked by
                by_model[event.model] = ModelAnswer(event.model)
                answers.append(by_model[event.model])
            by_model[event.model].hear(event)
    for answer in answers:
        answer.end()
