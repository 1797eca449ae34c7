"""A conversation on the terminal: prompt, answer, prompt, until somebody leaves it."""

import asyncio
import difflib
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import click

from meshapi_aio.client import MeshAPI
from meshapi_aio.endpoints._messages import Message
from meshapi_aio.errors import MeshAPIError

from ._asking import Manner, Turn
from ._failures import explained, failures_told
from ._output import note
from ._reading import Reader
from ._running import Access, connected
from ._talk import Talk


__all__ = ["converse"]


def converse(talk: Talk, manner: Manner, access: Access) -> None:
    """
    Converse until Ctrl-D, ``/quit`` or a second Ctrl-C at an empty prompt.

    The event loop runs while an answer comes, and rests while a line is read; so Ctrl-C means to the one that
    the answer is cancelled, as in any program of asyncio, and to the other that the line is cleared.
    """
    with failures_told(), asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            client = runner.run(stack.enter_async_context(connected(access)))
            _Conversation(runner, client, talk, manner).run()
        finally:
            runner.run(stack.aclose())


class _Command(NamedTuple):
    """A command of the conversation; ``run`` gets what follows its name."""

    usage: str
    help: str
    run: Callable[[str], None]


class _Left(Exception):  # noqa: N818 (it is no error)
    """Somebody has asked to leave."""


class _Conversation:
    def __init__(self, runner: asyncio.Runner, client: MeshAPI, talk: Talk, manner: Manner) -> None:
        self._runner = runner
        self._client = client
        self._talk = talk
        self._manner = manner
        self._reader = Reader()
        self._commands: Mapping[str, _Command] = {
            "/model": _Command("/model [NAME]", "ask another model, or tell which is asked", self._model),
            "/system": _Command("/system [TEXT]", "set the instructions, or tell them", self._system),
            "/save": _Command("/save FILE", "write the conversation into a new file, as JSON", self._save),
            "/help": _Command("/help", "tell the commands", self._help),
            "/quit": _Command("/quit", "leave; so does Ctrl-D", self._quit),
        }

    def run(self) -> None:
        """Take messages and commands until somebody leaves."""
        if not self._manner.quiet:
            note(f"{self._talk.model} · /help tells the commands, Ctrl-D leaves")
        warned = False
        while True:
            try:
                text = self._reader.read()
            except EOFError:
                click.echo()
                return
            except KeyboardInterrupt:
                click.echo()
                empty = not self._reader.has_begun_line()
                if empty and warned:
                    return
                warned = empty
                if empty:
                    note("Ctrl-C again leaves, and so do Ctrl-D and /quit")
                continue
            warned = False
            try:
                self._do(text)
            except _Left:
                return

    def _do(self, text: str) -> None:
        """Carry out a command, or ask the model; a message of several lines is no command."""
        if not text.strip():
            return
        if not text.startswith("/") or "\n" in text:
            self._ask(text)
            return
        name, _, rest = text.partition(" ")
        command = self._commands.get(name)
        if command is None:
            near = difflib.get_close_matches(name, self._commands, n=1)
            meant = f"did you mean {near[0]}?" if near else "/help tells the commands."
            note(f"unknown command {name}: {meant} A space before it makes it a message")
        else:
            command.run(rest.strip())

    def _ask(self, prompt: str) -> None:
        """Ask the model. What was shown of an answer that broke off stays in the conversation."""
        turn = Turn(self._client, self._manner)
        try:
            completion = self._runner.run(turn.ask(self._talk.model, self._talk.messages(prompt)))
        except KeyboardInterrupt:
            note(f"stopped; {self._keep(prompt, turn.text)}")
        except MeshAPIError as error:
            click.echo(f"Error: {explained(error)}", err=True)
            note(self._keep(prompt, turn.text))
        else:
            reply = completion.choices[0].message if completion.choices else Message()
            if reply.text or reply.tool_calls:
                self._talk.take(prompt, reply)
            else:
                note(self._keep(prompt, ""))

    def _keep(self, prompt: str, text: str) -> str:
        """Keep what came of an answer, and say so; a question without any answer is taken back."""
        if not text:
            return "the question is taken back"
        self._talk.take(prompt, Message.assistant(text))
        return "what came of the answer is kept in the conversation"

    def _model(self, name: str) -> None:
        self._talk.model = name or self._talk.model
        note(f"model: {self._talk.model}")

    def _system(self, text: str) -> None:
        self._talk.system = text or self._talk.system
        note(f"instructions: {self._talk.system or 'none'}")

    def _save(self, name: str) -> None:
        if not name:
            note(f"usage: {self._commands['/save'].usage}")
            return
        path = Path(os.path.expandvars(name)).expanduser()
        try:
            count = self._talk.save(path)
        except OSError as error:
            note(f"{path}: {error.strerror}; nothing was written")
        else:
            note(f"{count} messages written to {path}")

    def _help(self, _: str) -> None:
        for command in self._commands.values():
            note(f"{command.usage:<16}{command.help}")

    def _quit(self, _: str) -> None:
        raise _Left
