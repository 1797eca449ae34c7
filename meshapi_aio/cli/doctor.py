"""``meshapi-aio doctor``: tells what is set up, whether the gateway answers, and which versions run."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence

import click

from meshapi_aio._resolve import resolve_token
from meshapi_aio.endpoints._messages import Message
from meshapi_aio.errors import MeshAPIError

from ._checks import Check, address, hints, key, versions
from ._failures import told
from ._options import base_url_option, model_option, timeout_option
from ._output import one_line
from ._reach import reach
from ._running import Access, connected, run


__all__ = ["command"]

_SECONDS = 10.0  # what the client itself allows for a connection
_TEXT_AT = 12  # the column where the text of a check begins


@click.command(name="doctor", short_help="Tell what is set up, and whether the gateway answers.")
@click.option("--ask", is_flag=True, help="Ask the model for one token as well, which costs a little.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@model_option
@timeout_option
@base_url_option
def command(*, ask: bool, as_json: bool, model: str, timeout: float | None, base_url: str | None) -> None:
    """
    Tell what is set up and where it comes from, whether the gateway answers, and which versions run.

    The key is never shown; the gateway is asked whether it accepts it, which costs nothing. Ends with status
    0 where all is well, 1 where the gateway does not answer, 2 where something is not set up.
    """
    run(
        _examine(
            Access(base_url=base_url, timeout=timeout, retries=0), model if ask else None, as_json=as_json
        )
    )


async def _examine(access: Access, model: str | None, *, as_json: bool) -> None:
    checks = [address(access.base_url, os.environ), key(os.environ)]
    is_set_up = not any(check.status for check in checks)
    value = checks[0].facts["value"]
    if value is not None:
        token = resolve_token(None, os.environ) if checks[1].status == 0 else None
        checks += await reach(value, token, access.timeout or _SECONDS)
    if model is not None and is_set_up:
        checks.append(await _asked(access, model))
    checks += [versions(), *hints(value, os.environ)]
    status = max(check.status for check in checks)
    if as_json:
        click.echo(json.dumps({"status": status, "checks": [_as_json(check) for check in checks]}))
    else:
        _print(checks)
    if status:
        raise click.exceptions.Exit(status)


async def _asked(access: Access, model: str) -> Check:
    """Ask a model for one token."""
    try:
        async with connected(access) as client:
            completion = await client.chat.completions.create(
                model=model, messages=[Message.user("Say OK.")], max_tokens=1
            )
    except MeshAPIError as error:
        return Check("answer", told(error), 1, {"error": type(error).__name__})
    meta = completion.meta
    facts = {"model": meta.model, "request_id": meta.request_id, "seconds": round(meta.latency, 3)}
    text = f"{meta.model or model} answered after {meta.latency:.2f} s (request id: {meta.request_id})"
    return Check("answer", one_line(text), facts=facts)


def _as_json(check: Check) -> dict[str, object]:
    return {"name": check.name, "status": check.status, "text": check.text, **check.facts}


def _print(checks: Sequence[Check]) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else 0
    for check in checks:
        mark = "!!" if check.status else " ?" if check.name == "hint" else "ok"
        line = f"{mark} {check.name:<{_TEXT_AT - 4}} {check.text}"
        if width > 2 * _TEXT_AT:  # a pipe gets one line for each, and so does who has no room
            line = textwrap.fill(
                line,
                width,
                subsequent_indent=" " * _TEXT_AT,
                break_long_words=False,
                break_on_hyphens=False,
            )
        click.echo(line)
