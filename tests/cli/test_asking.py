"""How ``chat`` asks and shows: whole or streamed, as text or JSON, from standard input, with which limits."""

import json
import re
from typing import Any

import pytest

from meshapi_aio.testing import CUT, HANG, Answer, FakeGateway

from .running import ask, invoke, last, piece


USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
SECONDS = r"\d+\.\d\d s"


def whole(content: str | None, **more: Any) -> dict[str, Any]:
    """Return a completion that is no stream."""
    message = {"role": "assistant", "content": content, **more}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE}


async def test_a_whole_answer_can_be_asked_for(gateway: FakeGateway) -> None:
    """``--no-stream`` sends no ``stream`` and prints the text when it is there."""
    gateway.enqueue(Answer(body=whole("Hello\nyou")))
    assert await ask(gateway, "--no-stream", "Hi") == (0, "Hello\nyou\n", "")
    assert gateway.requests[0].json == {
        "model": "openai/gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": False,
    }


async def test_json_is_one_object_for_each_chunk(gateway: FakeGateway) -> None:
    """``--json`` prints every chunk as it came, unknown keys and half characters included, one a line."""
    chunks = [piece("Z\u00fc\ud83d") | {"odd": 1}, piece("\ude00"), last(), {"choices": [], "usage": USAGE}]
    gateway.enqueue(Answer(events=chunks))
    status, stdout, stderr = await ask(gateway, "--json", "Hi")
    assert (status, stderr) == (0, "")
    assert stdout.isascii()
    assert [json.loads(line) for line in stdout.splitlines()] == chunks


async def test_json_of_a_whole_answer_is_one_object(gateway: FakeGateway) -> None:
    """``--json --no-stream`` prints the completion in one line; nothing is said of what is in it."""
    gateway.enqueue(Answer(body={"choices": [], "odd": [1]}))
    status, stdout, stderr = await ask(gateway, "--json", "--no-stream", "Hi")
    assert (status, json.loads(stdout), stderr) == (0, {"choices": [], "odd": [1]}, "")
    assert stdout.count("\n") == 1


async def test_json_before_an_error_stays(gateway: FakeGateway) -> None:
    """What came before a cut is printed, the error follows on standard error (promise 3), status 1."""
    gateway.enqueue(Answer(events=[piece("Hel"), CUT], headers={"x-request-id": "r1"}))
    status, stdout, stderr = await ask(gateway, "--json", "Hi")
    assert (status, json.loads(stdout)) == (1, piece("Hel"))
    assert stderr.startswith("Error: StreamTruncatedError: ")


@pytest.mark.parametrize(
    ("options", "events", "told"),
    [
        (
            (),
            [piece("Hi"), last(), {"choices": [], "usage": USAGE}],
            rf"tokens: 5 in, 7 out · first token: {SECONDS} · total: {SECONDS}\n",
        ),
        (
            ("--json",),
            [piece("Hi"), last(), {"choices": [], "usage": USAGE}],
            rf"tokens: 5 in, 7 out · first token: {SECONDS} · total: {SECONDS}\n",
        ),
        ((), [piece("Hi"), last()], rf"first token: {SECONDS} · total: {SECONDS}\n"),
        (
            (),
            [last(), {"usage": {"completion_tokens": 0}}],
            rf"the answer is empty \(finish reason: stop\)\ntokens: 0 out · total: {SECONDS}\n",
        ),
    ],
)
async def test_the_end_tells_what_it_took(
    gateway: FakeGateway, options: tuple[str, ...], events: list[dict[str, Any]], told: str
) -> None:
    """One line on standard error: tokens, time to the first, time in all; what is unknown is left out."""
    gateway.enqueue(Answer(events=events))
    ended = await invoke(
        "chat", *options, "Hi", MESHAPI_BASE_URL=gateway.base_url, MESHAPI_API_KEY=gateway.token
    )
    assert ended.status == 0
    assert re.fullmatch(told, ended.stderr)


@pytest.mark.parametrize("arguments", [("-",), ()])
async def test_standard_input_is_the_prompt(gateway: FakeGateway, arguments: tuple[str, ...]) -> None:
    """``-``, or no PROMPT where standard input is no terminal, reads it, without its last line end."""
    assert (await ask(gateway, *arguments, given="Grüße\nzwei\r\n".encode())).status == 0
    assert gateway.requests[0].json["messages"] == [{"role": "user", "content": "Grüße\nzwei"}]


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        ((), b" \n", "the prompt is empty: there is nothing to ask"),
        (("",), b"", "the prompt is empty: there is nothing to ask"),
        (("-",), b"\xff\xfe\xff", "standard input is no text in UTF-8; --file - attaches an image"),
        (
            ("--file", "-", "-"),
            b"",
            "standard input can be read only once: as PROMPT, or as one --file",
        ),
        (("--local", "--base-url", "http://x", "Hi"), b"", "--local asks a gateway on this machine, and "),
        (("--base-url", "nonsense", "Hi"), b"", "base_url does not begin with https:// or http://"),
        (("Hello", "there"), b"", "PROMPT is one argument, and here are 2: put it between quotes"),
    ],
)
async def test_what_cannot_be_asked_is_said(
    gateway: FakeGateway, arguments: tuple[str, ...], given: bytes, told: str
) -> None:
    """One line says what to change, the status is 2, and nothing is sent."""
    status, stdout, stderr = await ask(gateway, *arguments, given=given)
    assert (status, stdout, stderr.count("\n")) == (2, "", 1)
    assert stderr.startswith(f"Error: {told}")
    assert not gateway.requests


@pytest.mark.parametrize("seconds", ["inf", "nan", "0", "soon"])
async def test_a_timeout_that_is_no_time_is_refused(gateway: FakeGateway, seconds: str) -> None:
    """Status 2, the option is named, and nothing is sent."""
    status, stdout, stderr = await ask(gateway, "--timeout", seconds, "Hi")
    assert (status, stdout) == (2, "")
    assert "\nError: Invalid value for '--timeout': " in stderr
    assert not gateway.requests


async def test_a_timeout_bounds_the_call(gateway: FakeGateway) -> None:
    """``--timeout`` bounds the whole call (promise 13); what had come is printed, the status is 1."""
    gateway.enqueue(Answer(events=[piece("Hel"), HANG]))
    status, stdout, stderr = await ask(gateway, "--timeout", "0.5", "Hi")
    assert (status, stdout in {"", "Hel\n"}) == (1, True)
    assert stderr.startswith("Error: APITimeoutError: ")
    assert stderr.endswith("; --timeout allows more\n")


async def test_retries_can_be_counted(gateway: FakeGateway) -> None:
    """``--retries 0`` sends exactly one request, ``--retries 1`` two at most."""
    for number in range(3):
        gateway.enqueue(Answer(503, body={"error": {"message": f"busy {number}"}}))
    assert (await ask(gateway, "--retries", "0", "Hi")).status == 1
    assert len(gateway.requests) == 1
    assert "busy 2" in (await ask(gateway, "--retries", "1", "Hi")).stderr
    assert len(gateway.requests) == 3


async def test_the_address_can_be_given(gateway: FakeGateway) -> None:
    """``--base-url`` comes before MESHAPI_BASE_URL."""
    ended = await invoke(
        *("chat", "--base-url", f"{gateway.base_url}/v1", "Hi"),
        MESHAPI_BASE_URL="http://127.0.0.1:1",
        MESHAPI_API_KEY=gateway.token,
    )
    assert ended.status == 0
    assert len(gateway.requests) == 1


async def test_an_answer_that_was_cut_short_is_said_to_be(gateway: FakeGateway) -> None:
    """What ends for want of tokens is shown, and a remark says that it is not all."""
    gateway.enqueue(Answer(events=[piece("Hel"), last("length")]))
    told = "the answer was cut short (finish reason: length)\n"
    assert await ask(gateway, "Hi") == (0, "Hel\n", told)


async def test_arguments_that_are_no_json_are_shown_as_they_are(gateway: FakeGateway) -> None:
    """A whole answer may hold a call of a tool whose arguments the model has written wrong."""
    calls = [{"id": "a", "type": "function", "function": {"name": "now", "arguments": "{oops"}}]
    gateway.enqueue(Answer(body=whole(None, tool_calls=calls)))
    assert await ask(gateway, "--no-stream", "Hi") == (0, "now({oops)\n", "")
