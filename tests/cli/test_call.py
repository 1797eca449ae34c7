"""``call``: any call by its name, its fields as words or as JSON, and what it prints."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio._shape import as_json, wire_names
from meshapi_aio._upload import Upload
from meshapi_aio.endpoints import every_call, every_method
from meshapi_aio.testing import CUT, HANG, Answer, FakeGateway

from ..filling import base, full
from .running import command_line, environment, invoke, invoke_at, last, piece
from .terminal import Terminal


CREATE = "chat.completions.create"
MESSAGES = [{"role": "user", "content": "Hi"}]
SAID = f"messages={json.dumps(MESSAGES)}"
WHOLE = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Grüße"}}], "odd": [1]}


async def sent(gateway: FakeGateway, *words: str, given: bytes | None = None) -> dict[str, Any]:
    """Return the body that these words send, beside the messages and ``stream``."""
    gateway.enqueue(Answer(body=WHOLE))
    ended = await invoke_at(gateway, "call", CREATE, *words, given=given)
    assert (ended.status, ended.stderr) == (0, "")
    body: dict[str, Any] = gateway.requests[-1].json
    return {name: value for name, value in body.items() if name not in {"messages", "stream"}}


async def refused(*words: str, given: bytes | None = None) -> str:
    """Return the one line with which these words are refused, before anything is asked."""
    ended = await invoke("call", *words, given=given, MESHAPI_API_KEY="k", MESHAPI_BASE_URL="http://[::1]:1")
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    return ended.stderr.removeprefix("Error: ").rstrip()


# What is asked.


@pytest.mark.parametrize("name", [CREATE, "CreateChatCompletion"])
async def test_a_reply_is_readable_json(gateway: FakeGateway, name: str) -> None:
    """By the name of the method or of the class; unknown keys too, and in a pipe as ASCII."""
    gateway.enqueue(Answer(body=WHOLE))
    status, stdout, stderr = await invoke_at(gateway, "call", name, SAID)
    assert (status, json.loads(stdout), stderr) == (0, WHOLE, "")
    assert stdout.startswith('{\n  "choices": [\n')
    assert stdout.isascii()
    assert gateway.requests[0].json == {"messages": MESSAGES, "stream": False}


async def test_it_works_without_a_gateway() -> None:
    """``--local``, also before the name; options and fields stand in any order."""
    ended = await invoke("call", "--local", CREATE, "model=x/y", SAID)
    assert ended.status == 0
    assert json.loads(ended.stdout)["model"] == "x/y"
    assert "made up on this machine" in ended.stderr


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (["temperature=0.5", "seed=-3"], {"temperature": 0.5, "seed": -3}),
        (["temperature=1"], {"temperature": 1}),
        (["cache=false"], {"cache": False}),
        (["model=true", "user=12"], {"model": "true", "user": "12"}),
        (["stop=a=b"], {"stop": "a=b"}),
        (['stop=["a", "b"]'], {"stop": ["a", "b"]}),
        (["stop=[a"], {"stop": "[a"}),
        (['tool_choice={"type": "function"}'], {"tool_choice": {"type": "function"}}),
        (["reasoning_effort=none", "user="], {"reasoning_effort": "none", "user": ""}),
        (['extra_body={"new": 1}'], {"new": 1}),
    ],
)
async def test_a_value_is_read_by_the_type_of_its_field(
    gateway: FakeGateway, words: list[str], body: dict[str, Any]
) -> None:
    """Numbers, true and false, JSON where that is wanted; text stays text, whatever it looks like."""
    assert await sent(gateway, SAID, *words) == body


async def test_a_file_stands_for_what_it_holds(gateway: FakeGateway, tmp_path: Path) -> None:
    """``@FILE`` of a text as of JSON; ``@-`` is standard input."""
    (tmp_path / "user").write_text("Grüße\n", encoding="utf-8")
    (tmp_path / "messages").write_text(json.dumps(MESSAGES), encoding="utf-8")
    words = (f"user=@{tmp_path}/user", f"messages=@{tmp_path}/messages", "session_id=@-")
    assert await sent(gateway, *words, given=b"from here") == {"user": "Grüße\n", "session_id": "from here"}
    assert gateway.requests[0].json["messages"] == MESSAGES


async def test_an_image_is_a_data_url(gateway: FakeGateway) -> None:
    """Where a text is wanted, since that is how images are written as text."""
    words = (SAID, "user=@-")
    assert await sent(gateway, *words, given=b"GIF89a") == {"user": "data:image/gif;base64,R0lGODlh"}


async def test_fields_come_from_a_json_object(gateway: FakeGateway, tmp_path: Path) -> None:
    """``--json FILE``, and ``-`` for standard input; what is said in words replaces it."""
    text = json.dumps({"messages": MESSAGES, "seed": 1, "model": "x/y"})
    (tmp_path / "fields.json").write_text(text, encoding="utf-8")
    assert await sent(gateway, "--json", f"{tmp_path}/fields.json") == {"seed": 1, "model": "x/y"}
    assert await sent(gateway, "--json", "-", "seed=2", given=text.encode()) == {"seed": 2, "model": "x/y"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["chat.completion.create"],
            "there is no call 'chat.completion.create'; near are chat.completions.create",
        ),
        (["zzz"], "there is no call 'zzz'; meshapi-aio calls lists them all"),
        ([CREATE], "chat.completions.create needs messages; meshapi-aio call chat.completions.create --help"),
        ([CREATE, SAID, "modell=x"], "CreateChatCompletion has no field 'modell'; did you mean 'model'?"),
        ([CREATE, SAID, "temperature=9"], "CreateChatCompletion: temperature must be from 0 to 2, got 9"),
        ([CREATE, SAID, "temperature=warm"], "CreateChatCompletion: temperature must be a number or None"),
        ([CREATE, SAID, "temperature=nan"], "CreateChatCompletion: temperature must be a finite number"),
        ([CREATE, SAID, "seed=1.5"], "CreateChatCompletion: seed must be a whole number or None, got '1.5'"),
        ([CREATE, SAID, "cache=yes"], "CreateChatCompletion: cache must be True or False or None, got 'yes'"),
        ([CREATE, "messages=Hi"], "CreateChatCompletion: messages must be a list, got 'Hi' (str)"),
        ([CREATE, "messages=[{]"], "messages: is no JSON: "),
        ([CREATE, "messages=[]"], "CreateChatCompletion: messages is empty; it needs at least one message"),
        ([CREATE, SAID, "stream=maybe"], "CreateChatCompletion: stream must be False, got 'maybe' (str)"),
        ([CREATE, SAID, "seed=1", "seed=2"], "seed is given twice; several values are a list in JSON"),
        ([CREATE, SAID, "seed"], "'seed' is no FIELD=VALUE"),
        ([CREATE, "messages=@/no/such"], "messages=@/no/such: No such file or directory"),
        ([CREATE, "--json", "/no/such"], "--json /no/such: No such file or directory"),
        ([CREATE, "--json", "-", SAID, "user=@-"], "standard input can be read only once"),
        ([CREATE, "--json", "-"], "--json -: must hold an object"),
        ([CREATE, "user=@-", SAID], "user=@-: is neither text in UTF-8 nor an image"),
    ],
)
async def test_what_cannot_be_asked_is_told_in_a_line(words: list[str], told: str) -> None:
    """A wrong name, field or value, mostly in the call's own words; status 2, and nothing is asked."""
    given = b"[]" if "--json" in words else b"\xff"
    assert (await refused(*words, given=given)).startswith(told)


async def test_a_file_that_is_no_json_is_refused() -> None:
    """With its place."""
    assert (await refused(CREATE, "--json", "-", given=b"{oops")).startswith("--json -: is no JSON: ")


def words_of(kind: Any, call: Any, file: Path) -> list[str]:
    """Return the fields of a call as somebody would write them; every upload is this file."""
    given = {name: getattr(call, name) for name in wire_names(kind) if name != "stream"}
    told = {
        name: f"@{file}" if isinstance(value, Upload) else as_json(value) for name, value in given.items()
    }
    return [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in told.items()
        if value is not None
    ]


@pytest.mark.parametrize("name", every_call())
async def test_every_call_can_be_made(name: str, gateway: FakeGateway, tmp_path: Path) -> None:
    """With as few fields as it takes and with all: what is asked for in words is what is sent."""
    (tmp_path / "file").write_bytes(b"content")
    kind: Any = every_call()[name]
    for call in (base(kind), full(kind)):
        files = {field for field in wire_names(kind) if isinstance(getattr(call, field), Upload)}
        gateway.enqueue(Answer(400, body={"error": {"message": "no"}}))
        target = () if call.accepts != "*/*" else ("-o", f"{tmp_path}/out")
        ended = await invoke_at(gateway, "call", name, *words_of(kind, call, tmp_path / "file"), *target)
        assert (ended.status, ended.stdout) == (1, "")
        assert ended.stderr.startswith("Error: BadRequestError: 400: no")
        sent = gateway.requests[-1].call
        if files:
            assert all(getattr(sent, field).source == b"content" for field in files)
        else:
            assert sent == call


# What comes.


async def test_a_streamed_text_is_printed_as_it_comes(gateway: FakeGateway) -> None:
    """``stream=true`` makes the call of the stream; as in ``chat`` it is the text that is shown."""
    gateway.enqueue(Answer(events=[piece("Hel"), piece("lo"), last("length")]))
    status, stdout, stderr = await invoke_at(gateway, "call", CREATE, SAID, "stream=true")
    assert (status, stdout) == (0, "Hello\n")
    assert stderr == "the answer was cut short (finish reason: length)\n"
    assert gateway.requests[0].json["stream"] is True


async def test_a_list_is_a_line_for_each_item_of_all_pages(gateway: FakeGateway) -> None:
    """Each page is asked for in its turn; what came before one that fails stays."""
    pages = [{"data": [{"id": "a"}, {"id": "b"}], "has_more": True}, {"data": [{"id": "c"}]}]
    gateway.enqueue(*(Answer(body=page) for page in pages))
    lines = '{"id": "a"}\n{"id": "b"}\n'
    assert await invoke_at(gateway, "call", "batches.list", "limit=2") == (0, f'{lines}{{"id": "c"}}\n', "")
    assert [request.query for request in gateway.requests] == [{"limit": "2"}, {"limit": "2", "after": "b"}]
    gateway.enqueue(Answer(body=pages[0]), Answer(404, body={}))
    ended = await invoke_at(gateway, "call", "batches.list")
    assert (ended.status, ended.stdout) == (1, lines)


async def test_the_chunks_of_a_stream_are_lines_of_json(gateway: FakeGateway) -> None:
    """With ``--chunks``, each as it came."""
    gateway.enqueue(Answer(events=[piece("\ud83d") | {"odd": 1}, piece("\ude00"), last()]))
    words = ("chat.completions.stream", "--chunks", SAID)
    status, stdout, stderr = await invoke_at(gateway, "call", *words)
    assert (status, stderr) == (0, "")
    chunks = [json.loads(line) for line in stdout.splitlines()]
    assert chunks == [piece("\ud83d") | {"odd": 1}, piece("\ude00"), last()]


@pytest.mark.parametrize("options", [(), ("--chunks",)])
async def test_what_came_before_an_error_stays(gateway: FakeGateway, options: tuple[str, ...]) -> None:
    """It is printed, and the error follows in a line (promise 3); status 1."""
    gateway.enqueue(Answer(events=[piece("Hel"), CUT], headers={"x-request-id": "r1"}))
    status, stdout, stderr = await invoke_at(gateway, "call", CREATE, SAID, "stream=true", *options)
    assert (status, "Hel" in stdout, stdout.endswith("\n")) == (1, True, True)
    assert stderr.startswith("Error: StreamTruncatedError: ")


async def test_a_refusal_is_told_in_a_line(gateway: FakeGateway) -> None:
    """With status 1."""
    gateway.enqueue(Answer(422, body={"error": {"code": "validation_error", "message": "no"}}))
    status, stdout, stderr = await invoke_at(gateway, "call", CREATE, SAID)
    assert (status, stdout, stderr.count("\n")) == (1, "", 1)
    assert stderr.startswith("Error: UnprocessableEntityError: 422 validation_error: no")


async def test_limits_can_be_set(gateway: FakeGateway) -> None:
    """``--timeout`` bounds the whole call, ``--retries`` the attempts."""
    gateway.enqueue(Answer(503, body={}))
    assert (await invoke_at(gateway, "call", CREATE, SAID, "--retries", "0")).status == 1
    gateway.enqueue(Answer(events=[HANG]))
    ended = await invoke_at(gateway, "call", CREATE, SAID, "stream=true", "--timeout", "0.2")
    assert ended.status == 1
    assert "APITimeoutError" in ended.stderr


async def test_control_c_leaves_cleanly(gateway: FakeGateway) -> None:
    """What came stays, the connection is closed, the status is 130, and nothing is said."""
    gateway.enqueue(Answer(events=[piece("Hel"), HANG]))
    async with Terminal("call", CREATE, "stream=true", SAID, env=environment(gateway)) as terminal:
        await terminal.shows("Hel")
        await terminal.interrupt()
        assert await terminal.ends() == 130
        await gateway.disconnected(gateway.requests[0], timeout=60)
        assert "Traceback" not in terminal.scrolled


async def test_a_terminal_is_not_driven_by_what_comes(gateway: FakeGateway) -> None:
    """Letters are not escaped there, control characters are no longer such."""
    message = {"role": "assistant", "content": "Grüße \x1b[2J\x9b2J"}
    gateway.enqueue(Answer(body={"choices": [{"message": message}]}))
    async with Terminal("call", CREATE, SAID, env=environment(gateway)) as terminal:
        assert await terminal.ends() == 0
        await terminal.shows('"content": "Grüße \\u001b[2J\ufffd2J"')


# Help and completion.


async def test_help_lists_the_calls() -> None:
    """Every method of the client."""
    ended = await invoke("call", "--help")
    assert ended.status == 0
    assert all(name in ended.stdout for name in every_method())


@pytest.mark.parametrize("name", [*every_method(), *every_call()])
async def test_each_call_has_help(name: str) -> None:
    """What it does, its route, and what each field takes."""
    ended = await invoke("call", name, "--help")
    assert (ended.status, ended.stderr) == (0, "")
    call = every_method().get(name, (every_call().get(name),))[0]
    assert call is not None
    assert f"{call.route.method} {call.route.path}" in ended.stdout


async def test_help_tells_what_fields_take() -> None:
    """In a word or two, and which are needed."""
    ended = await invoke("call", CREATE, "--help")
    for line in (
        "messages (needed)  JSON list",
        "stop               text or JSON list",
        "reasoning_effort   high, medium, low, none",
        "stream             true or false",
    ):
        assert line in ended.stdout


async def test_names_are_completed() -> None:
    """By the shell, as commands are."""
    asked = {"COMP_WORDS": "meshapi-aio call chat.completions.cr", "COMP_CWORD": "2"}
    ended = await command_line(env=environment(_MESHAPI_AIO_COMPLETE="bash_complete", **asked))
    assert ended == (0, f"plain,{CREATE}\n", "")
