"""Commands run inside this process: what they ask, show and tell, whatever carries it."""

from typing import Any

import pytest

from meshapi_aio.testing import CUT, Answer, FakeGateway
from meshapi_aio.testing._script import Event

from .running import ask, invoke, last, piece


async def test_a_local_answer_needs_nothing() -> None:
    """``--local`` works beside an event loop that runs."""
    ended = await invoke("chat", "--local", "Say hello")
    assert ended.status == 0
    assert "Say hello" in ended.stdout


async def test_without_a_key_nothing_is_asked() -> None:
    """A blank key is no key: the status is 2, and a line says what to set."""
    ended = await invoke("chat", "Hi", MESHAPI_API_KEY=" ")
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert "set the environment variable MESHAPI_API_KEY" in ended.stderr


async def test_model_and_instructions_can_be_given(gateway: FakeGateway) -> None:
    """``--model`` names the model, ``--system`` is the first message; the key may be in MESHAPI_TOKEN."""
    asked = ("chat", "--model", "x/y", "--system", "Be brief.", "Hi")
    ended = await invoke(*asked, MESHAPI_BASE_URL=f"{gateway.base_url}/v1/", MESHAPI_TOKEN=gateway.token)
    assert ended.status == 0
    assert gateway.requests[0].json["model"] == "x/y"
    assert gateway.requests[0].json["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]


async def test_a_tool_call_is_shown(gateway: FakeGateway) -> None:
    """Calls of tools are one line each, below the text if there is any, with readable arguments."""
    calls = [
        {"index": 0, "id": "a", "function": {"name": "weather", "arguments": '{"city": "Z\\u00fc'}},
        {"index": 1, "id": "b", "function": {"name": "now"}},
    ]
    rest = [{"index": 0, "function": {"arguments": 'rich"}'}}]
    deltas = [{"choices": [{"index": 0, "delta": {"tool_calls": pieces}}]} for pieces in (calls, rest)]
    shown = 'weather({"city": "Zürich"})\nnow({})\n'
    gateway.enqueue(Answer(events=[*deltas, last("tool_calls")]))
    gateway.enqueue(Answer(events=[piece("Let me see"), *deltas, last("tool_calls")]))
    assert await ask(gateway, "Hi") == (0, shown, "")
    assert await ask(gateway, "Hi") == (0, f"Let me see\n{shown}", "")


@pytest.mark.parametrize(
    ("events", "reason"), [([last("length")], "length"), ([piece("")], "none given"), ([{}], "none given")]
)
async def test_an_empty_answer_is_said_to_be_empty(
    gateway: FakeGateway, events: list[dict[str, Any]], reason: str
) -> None:
    """No text and no tool call: nothing on standard output, and a remark with the finish reason."""
    gateway.enqueue(Answer(events=events))
    assert await ask(gateway, "Hi") == (0, "", f"the answer is empty (finish reason: {reason})\n")


@pytest.mark.parametrize(
    ("url", "token", "named"),
    [
        ("ftp://127.0.0.1", "rsk_secret", "MESHAPI_BASE_URL does not begin"),
        ("http://me:rsk_secret@127.0.0.1", "rsk_secret", "MESHAPI_BASE_URL holds an '@'"),
        ("rsk_secret", "http://127.0.0.1", "MESHAPI_BASE_URL does not begin"),
        ("http://127.0.0.1", "rsk_\nsecret", "MESHAPI_API_KEY holds a line break"),
        ("http://127.0.0.1", "rsk_secret\u00e9", "MESHAPI_API_KEY holds characters beyond ASCII"),
    ],
)
async def test_a_setting_that_cannot_be_right_is_named(url: str, token: str, named: str) -> None:
    """One line names the variable, status 2; no key is shown, not even one in the wrong variable (17)."""
    ended = await invoke("chat", "Hi", MESHAPI_BASE_URL=url, MESHAPI_API_KEY=token)
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert named in ended.stderr
    assert "secret" not in ended.stderr


async def test_the_text_of_a_refusal_stays_one_line(gateway: FakeGateway) -> None:
    """Line ends in what the gateway says are spaces, and control characters are seen, not obeyed."""
    body = {"error": {"code": "model_not_found", "message": "no such\r\n\nmodel \x1b]0;x\x07"}}
    gateway.enqueue(Answer(404, body=body, headers={"x-request-id": "r1"}))
    told = "Error: NotFoundError: 404 model_not_found: no such model \\x1b]0;x\\x07 (request id: r1)"
    assert await ask(gateway, "Hi") == (1, "", f"{told}; meshapi-aio models lists those there are\n")


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        (
            {"error": {"code": "upstream_error", "message": "gone"}},
            "StreamAPIError: 502 upstream_error: gone",
        ),
        (CUT, "StreamTruncatedError: the stream broke off"),
        ("{", "MalformedEventError: "),
    ],
)
async def test_what_came_before_an_error_stays(gateway: FakeGateway, ending: Event, told: str) -> None:
    """The text so far is printed and its line is ended (promise 3); the error follows, status 1."""
    gateway.enqueue(Answer(events=[piece("Hel"), piece("lo"), ending], headers={"x-request-id": "r1"}))
    ended = await ask(gateway, "Hi")
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (1, "Hello\n", 1)
    assert ended.stderr.startswith(f"Error: {told}")
    assert ended.stderr.endswith(" (request id: r1)\n")
