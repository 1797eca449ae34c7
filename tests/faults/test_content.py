"""Every fault of content against the client: what comes is told, whole or in part, and nothing is made up."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from meshapi_aio import (
    ChatCompletion,
    Event,
    MeshAPI,
    MeshAPIError,
    ReplyReceived,
    RequestFailed,
    RequestSent,
    Retry,
    StreamEnded,
)

from .content import FAULTS, PROMPT, Fault, Fine, Raises, check_told
from .server import FaultServer


MESSAGES = [{"role": "user", "content": PROMPT}]
ONCE = Retry(max_retries=0)

BEFALLEN = [
    pytest.param(fault, kind, id=f"{name}-{kind}")
    for name, fault in FAULTS.items()
    for kind in ("stream", "whole")
    if getattr(fault, kind) is not None
]


@asynccontextmanager
async def befallen(fault: Fault, **options: Any) -> AsyncGenerator[tuple[FaultServer, MeshAPI]]:
    """Run a server with a fault, and a client of it that tries once."""
    options = {"retry": ONCE, "timeout": fault.timeout, **options}
    async with (
        FaultServer(fault.script) as server,
        MeshAPI(server.base_url, "rsk_secret", **options) as client,
    ):
        yield server, client


async def ask(client: MeshAPI, kind: str) -> ChatCompletion:
    """Return the whole answer to a call of either kind."""
    if kind == "stream":
        return await client.chat.completions.stream(messages=MESSAGES).get_final_completion()
    return await client.chat.completions.create(messages=MESSAGES)


@pytest.mark.parametrize(("fault", "kind"), BEFALLEN)
async def test_a_fault(fault: Fault, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """
    It raises the one error that says what happened, with what had come, or is fine; in one request.

    The error is of this client's tree, survives pickling, and names the request where the gateway did.
    ``on_event`` and the logger are told how it ended, without prompt and token, and a callback that raises
    changes nothing.
    """
    outcome = getattr(fault, kind)
    told: list[Event] = []

    def watch(happened: Event) -> None:
        told.append(happened)
        raise ZeroDivisionError

    caplog.set_level(logging.DEBUG, "meshapi_aio")
    async with befallen(fault, on_event=watch) as (server, client):
        if isinstance(outcome, Fine):
            assert (await ask(client, kind)).choices[0].message.content == outcome.text
        else:
            with pytest.raises(MeshAPIError) as caught:
                await ask(client, kind)
            check(caught.value, outcome)
        await server.until(lambda: server.requests > 0)
        assert server.requests == 1
        while client.stats().in_flight:
            await asyncio.sleep(0)
    assert isinstance(told[0], RequestSent)
    assert isinstance(told[-1], ReplyReceived if kind == "whole" else StreamEnded) or (
        isinstance(told[-1], RequestFailed) and isinstance(outcome, Raises)
    )
    assert "meshapi_aio" in {record.name for record in caplog.records}
    for secret in ("rsk_secret", PROMPT):
        assert secret not in repr(told)
        assert secret not in caplog.text


def check(error: MeshAPIError, outcome: Raises) -> None:
    """See that an error is the one that was due, and is told whole."""
    assert type(error) is outcome.kind, repr(error)
    partial: Any = getattr(error, "partial", None)
    assert (partial and partial.choices[0].message.content) == outcome.partial
    for attribute, value in outcome.attributes.items():
        assert getattr(error, attribute) == value
    check_told(error, outcome.request_id)
    assert len(error.attempts) == 1
