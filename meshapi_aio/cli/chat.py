"""``meshapi-aio chat``: asks a model and prints its answer as it comes."""

import json

import click

from meshapi_aio.endpoints._messages import Message
from meshapi_aio.endpoints.chat import ChatCompletion

from ._output import Output, note
from ._running import connected, run


__all__ = ["command"]


@click.command(name="chat")
@click.argument("prompt")
@click.option(
    "--model",
    default="openai/gpt-4o-mini",
    show_default=True,
    metavar="PROVIDER/NAME",
    help="The model that is asked.",
)
@click.option("--system", metavar="TEXT", help="Instructions to the model.")
@click.option("--local", is_flag=True, help="Ask a gateway that is made up on this machine: without a key.")
def command(prompt: str, model: str, system: str | None, *, local: bool) -> None:
    """Ask a model PROMPT, and print its answer as it comes."""
    messages = [Message.user(prompt)]
    if system is not None:
        messages.insert(0, Message.system(system))
    run(_chat(messages, model, local=local))


async def _chat(messages: list[Message], model: str, *, local: bool) -> None:
    async with connected(local=local) as client:
        with Output() as output:
            async with client.chat.completions.stream(model=model, messages=messages) as stream:
                async for text in stream.text_stream:
                    output.write(text)
                completion = await stream.get_final_completion()
            output.end_line()
            _show_the_rest(completion, output)


def _show_the_rest(completion: ChatCompletion, output: Output) -> None:
    """Show what of an answer is no text: calls of tools, or that there is nothing."""
    choice = completion.choices[0] if completion.choices else None
    calls = (choice.message.tool_calls or []) if choice is not None else []
    for call in calls:
        # Decoded and encoded, since some models write every letter beyond ASCII as an escape.
        arguments = json.dumps(json.loads(call.function.arguments), ensure_ascii=False)
        output.write(f"{call.function.name}({arguments})\n")
    if choice is None or not (choice.message.text or calls):
        reason = choice.finish_reason if choice is not None else None
        note(f"the answer is empty (finish reason: {reason or 'none given'})")
