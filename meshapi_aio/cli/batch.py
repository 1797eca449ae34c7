"""``meshapi-aio batch``: a file of requests as batches of the gateway, for those who have a day."""

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from meshapi_aio.client import MeshAPI
from meshapi_aio.endpoints.batches import Batch
from meshapi_aio.endpoints.chat import CreateChatCompletion
from meshapi_aio.errors import MeshAPIError
from meshapi_aio.fanout import FileError, JournalLockedError, Outcome, Results, Row, read_rows, request_key
from meshapi_aio.fanout._batch_results import outcome_of
from meshapi_aio.fanout._keys import Repeats
from meshapi_aio.fanout._outcome import FAILED
from meshapi_aio.fanout._records import record_of

from ._failures import MisuseError, explained, failures_told
from ._options import base_url_option, models_option, repeat_option, retries_option, timeout_option
from ._output import note
from ._running import Access, connected, run


__all__ = ["command"]

_SHOWN = 5
"""Names that are listed; of more it is told how many."""

_file = click.argument("file", type=click.Path(exists=True, dir_okay=False))
_ids = click.argument("ids", metavar="ID...", nargs=-1, required=True)


@click.group(name="batch", short_help="A file of requests at half the price, within a day.")
def command() -> None:
    r"""
    Have the gateway carry out a file of chat requests within a day, which most models do for less.

    It takes the files of fan-out and gives the same results. A batch is for one model, so a file makes one
    batch for each model in it. There is no --local: a gateway on this machine ends with the command that
    began it, and its batches with it.

    \b
      meshapi-aio batch submit requests.jsonl > ids
      meshapi-aio batch wait $(cat ids)
      meshapi-aio batch fetch requests.jsonl $(cat ids) -o results.jsonl
    """


def _rows(file: str, models: Sequence[str], repeat: int) -> list[Row]:
    """Return the rows of a file, which all have to be chats without streaming."""
    try:
        rows = list(read_rows(file, models=models, repeat=repeat))
    except FileError as error:
        raise MisuseError(str(error)) from None
    other = next((row for row in rows if not isinstance(row.call, CreateChatCompletion)), None)
    if other is not None:
        msg = f"{file}:{other.line}: is no chat completion without streaming, and batches take nothing else"
        raise MisuseError(msg)
    if not rows:
        msg = f"{file}: holds no request"
        raise MisuseError(msg)
    return rows


@command.command(name="submit")
@_file
@models_option
@repeat_option
@timeout_option
@retries_option
@base_url_option
def _submit_file(
    *,
    file: str,
    models: Sequence[str],
    repeat: int,
    timeout: float | None,
    retries: int | None,
    base_url: str | None,
) -> None:
    """Begin a batch for each model in FILE, and print their ids, one a line."""
    with failures_told():
        rows = _rows(file, models, repeat)
    run(_submit(Access(base_url=base_url, timeout=timeout, retries=retries), rows))


async def _submit(access: Access, rows: Sequence[Row]) -> None:
    by_model: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        request = {"custom_id": row.custom_id, "body": row.call}
        by_model.setdefault(getattr(row.call, "model", None), []).append(request)
    async with connected(access) as client:
        for model, requests in by_model.items():
            batch = await client.batches.create(requests=requests)
            click.echo(batch.id)
            note(f"{batch.id}: {len(requests)} requests to {model}")


@command.command(name="wait")
@_ids
@click.option(
    "--interval", type=click.FloatRange(min=0, min_open=True), default=30.0, metavar="SECONDS",
    help="The longest pause between two looks.", show_default=True,
)  # fmt: skip
@timeout_option
@retries_option
@base_url_option
def _wait_for(
    *,
    ids: Sequence[str],
    interval: float,
    timeout: float | None,
    retries: int | None,
    base_url: str | None,
) -> None:
    """
    Wait until the batches are over, and tell how they go; status 1 where one was not completed.

    One that can't be asked for is told as well, and the others are waited for all the same.
    """
    run(_wait(Access(base_url=base_url, timeout=timeout, retries=retries), ids, interval))


async def _wait(access: Access, ids: Sequence[str], interval: float) -> None:
    async with connected(access) as client, asyncio.TaskGroup() as group:
        waiting = [group.create_task(_is_completed(client, each, interval)) for each in ids]
    if not all(task.result() for task in waiting):
        raise click.exceptions.Exit(1)


async def _is_completed(client: MeshAPI, batch_id: str, interval: float) -> bool:
    """Wait until a batch is over; its failure must not end the waiting for the others."""
    first = min(interval, 1.0)
    try:
        batch = await client.batches.wait(id=batch_id, interval=first, longest=interval, on_update=_tell)
    except MeshAPIError as error:
        note(f"{batch_id}: {explained(error)}")
        return False
    return batch.status == "completed"


def _tell(batch: Batch) -> None:
    counts = batch.request_counts
    told = "" if counts is None else f", {counts.completed} of {counts.total} done, {counts.failed} failed"
    note(f"{batch.id}: {batch.status}{told}")


@command.command(name="fetch")
@_file
@_ids
@click.option(
    "-o", "results", metavar="RESULTS", required=True, type=click.Path(dir_okay=False), help="Where they go."
)
@models_option
@repeat_option
@timeout_option
@retries_option
@base_url_option
def _fetch_results(
    *,
    file: str,
    ids: Sequence[str],
    results: str,
    models: Sequence[str],
    repeat: int,
    timeout: float | None,
    retries: int | None,
    base_url: str | None,
) -> None:
    """
    Write what came of the requests in FILE to RESULTS, from the batches that were made of it.

    What is there already is not written again, and of several results of a request an answer counts. Give
    --models and --repeat as with submit. Status 1 where a request failed, or is in none of the batches.
    """
    with failures_told():
        rows = _rows(file, models, repeat)
    try:
        run(_fetch(Access(base_url=base_url, timeout=timeout, retries=retries), ids, results, rows))
    except JournalLockedError as error:
        raise MisuseError(str(error)) from None


async def _fetch(access: Access, ids: Sequence[str], path: str, rows: Sequence[Row]) -> None:
    written = known = failed = 0
    async with connected(access) as client:
        found = _outcomes(rows, [await _completed(client, each) for each in ids])
    with Results(path) as journal:
        for outcome in found.values():
            if journal.state(request_key(outcome.call, outcome.repeat)) == "done":
                known += 1
                continue
            journal.append(record_of(outcome))
            written += 1
            failed += outcome.kind in FAILED
        if journal.superseded:
            journal.compact()
    note(f"{written} written, {known} were there already, {failed} failed")
    missing = [row.custom_id for row in rows if row.custom_id not in found]
    if missing:
        names = ", ".join(missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        note(f"in none of the batches: {names}{more}")
    if failed or missing:
        raise click.exceptions.Exit(1)


def _outcomes(rows: Sequence[Row], batches: Sequence[Batch]) -> dict[str, Outcome[Any, Any]]:
    """Return what came of the rows, by their names; what was sent again after a failure counts."""
    repeats = Repeats()
    places = {
        row.custom_id: (index, row, repeats.place(row.call, row.repeat)) for index, row in enumerate(rows)
    }
    found: dict[str, Outcome[Any, Any]] = {}
    for result in (result for batch in batches for result in batch.results or []):
        name = result.custom_id
        if name is None or name not in places:
            continue  # of another file
        if name not in found or found[name].kind in FAILED:
            index, row, repeat = places[name]
            outcome = outcome_of(result, row, index=index, repeat=repeat)
            found[name] = outcome
    return found


async def _completed(client: MeshAPI, batch_id: str) -> Batch:
    batch = await client.batches.get(id=batch_id)
    if batch.status != "completed":
        msg = f"batch {batch_id} is {batch.status}, and only one that is completed has results"
        raise MisuseError(msg)
    return batch
