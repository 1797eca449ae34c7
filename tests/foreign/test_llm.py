"""The llm command, told of the gateway in its settings, works with FakeGateway as a person would use it."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

import attrs
import pytest

from meshapi_aio.testing import HANG, Answer, FakeGateway

from .speaking import CATALOGUE, CHUNK, MODEL, gateway_with, refusal


pytest.importorskip("llm", reason='other clients are installed by the extra "foreign"')

pytestmark = pytest.mark.foreign

FUNCTIONS = '''
def double(number: int) -> str:
    """Twice the number."""
    return f"{number} and {number} is {2 * number}"

def get_time() -> str:
    """The time."""
    return "half past nine"
'''


@attrs.frozen
class Said:
    """How a command ended, and what it wrote."""

    status: int | None
    out: str
    err: str


async def start(*arguments: str, stdin: int = DEVNULL) -> Process:
    """Start the command."""
    command = (sys.executable, "-m", "llm", *arguments)
    return await asyncio.create_subprocess_exec(*command, stdin=stdin, stdout=PIPE, stderr=PIPE)


async def llm(*arguments: str, typed: str | None = None) -> Said:
    """Run the command to its end; ``typed`` is its standard input."""
    process = await start(*arguments, stdin=DEVNULL if typed is None else PIPE)
    out, err = await process.communicate(None if typed is None else typed.encode())
    return Said(process.returncode, out.decode().strip(), err.decode().strip())


@pytest.fixture
async def gateway(gateway: FakeGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    """Set the command up as its documentation has it: a model in a YAML file, and a stored key."""
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    settings = {
        "model_id": "mesh",
        "model_name": MODEL,
        "api_base": gateway.base_url + "/v1",
        "api_key_name": "mesh",
        "supports_tools": True,
        "supports_schema": True,
    }
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps([settings]))  # JSON is YAML
    (tmp_path / "keys.json").write_text(json.dumps({"mesh": gateway.token}))
    return gateway


@pytest.mark.parametrize("options", [[], ["--no-stream"]], ids=["streamed", "not streamed"])
async def test_chat(gateway: FakeGateway, options: list[str]) -> None:
    """A prompt is answered, streamed or not, and the tokens are counted."""
    said = await llm("-m", "mesh", "-s", "Be brief.", "-o", "temperature", "0.5", "-u", *options, "Hé!")
    assert said.out == f'You said: "Hé!". This is the answer of {MODEL}.'
    assert said.err.startswith("Token usage: ")
    assert said.status == 0
    (request,) = gateway.requests
    assert request.json["messages"][0] == {"role": "system", "content": "Be brief."}
    assert request.json.get("stream", False) is not bool(options)
    assert request.completed


async def test_a_conversation(gateway: FakeGateway) -> None:
    """``llm chat`` sends what was said before with every turn."""
    said = await llm("chat", "-m", "mesh", typed="One\nTwo\nquit\n")
    assert f'You said: "Two". This is the answer of {MODEL}.' in said.out
    assert said.status == 0
    roles = [message["role"] for message in gateway.requests[1].json["messages"]]
    assert roles == ["user", "assistant", "user"]


async def test_a_loop_of_tools(gateway: FakeGateway) -> None:
    """The command runs the functions that the model calls, and prints what the model makes of them."""
    said = await llm("-m", "mesh", "--functions", FUNCTIONS, "Use double and get_time, please.")
    assert said.out == f'The tool answered: "half past nine". This is the answer of {MODEL}.'
    assert said.status == 0
    first, second = gateway.requests
    assert [tool["function"]["name"] for tool in first.json["tools"]] == ["double", "get_time"]
    answers = [message["content"] for message in second.json["messages"] if message["role"] == "tool"]
    assert answers == ["1 and 1 is 2", "half past nine"]


@pytest.mark.parametrize("options", [[], ["--no-stream"]], ids=["streamed", "not streamed"])
async def test_structured_output(gateway: FakeGateway, options: list[str]) -> None:
    """A schema is answered with an instance of it."""
    said = await llm("-m", "mesh", "--schema", "name str, age int, height float", *options, "Invent a dog")
    instance = json.loads(said.out)
    assert [type(instance[key]) for key in ("name", "age", "height")] == [str, int, float]
    assert said.status == 0


@gateway_with(catalogue=CATALOGUE)
async def test_models(gateway: FakeGateway) -> None:
    """The command lists what an address has to offer, when it is told the address and the key."""
    said = await llm("openai", "endpoint", gateway.base_url + "/v1", "--models", "--key", gateway.token)
    assert said == Said(0, f"{MODEL}\nmaker/model:free", "")


@gateway_with(catalogue=CATALOGUE[1:])
async def test_a_model_that_there_is_not(gateway: FakeGateway) -> None:
    """A model that the catalogue does not have is named as such."""
    said = await llm("-m", "mesh", "Hello")
    assert said == Said(1, "", f"Error: Error code: 404 - there is no model '{MODEL}'")


async def test_a_wrong_key(gateway: FakeGateway) -> None:
    """A refusal ends the command with what the gateway says."""
    said = await llm("-m", "mesh", "--key", "rsk_other", "Hello")
    assert (said.status, said.out) == (1, "")
    assert said.err == "Error: Error code: 401 - missing or invalid API key"


@pytest.mark.parametrize("options", [[], ["--no-stream"]], ids=["streamed", "not streamed"])
async def test_a_retry_that_helps(gateway: FakeGateway, options: list[str]) -> None:
    """After a refusal that says when to come back the command comes back, and is answered."""
    gateway.enqueue(refusal(429, retry_after="0.01"), refusal(503, retry_after="0.01"))
    said = await llm("-m", "mesh", *options, "Hello")
    assert said.out.startswith('You said: "Hello".')
    assert [request.completed for request in gateway.requests] == [True, True, True]


async def test_an_error_in_the_stream(gateway: FakeGateway) -> None:
    """What came before an error event is printed, then the command fails with the message."""
    error = {"error": {"code": "gateway_timeout", "message": "the provider took too long"}}
    gateway.enqueue(Answer(events=[CHUNK, error]))
    said = await llm("-m", "mesh", "Hello")
    assert (said.status, said.out) == (1, "Once")
    assert said.err == "Error: the provider took too long"


async def test_interrupting(gateway: FakeGateway) -> None:
    """The gateway sees it when Ctrl-C ends the command in the middle of an answer."""
    gateway.enqueue(Answer(events=[CHUNK, HANG]))
    process = await start("-m", "mesh", "Tell me a story")
    assert process.stdout is not None
    assert await process.stdout.readexactly(4) == b"Once"
    process.send_signal(signal.SIGINT)
    await process.communicate()
    await gateway.disconnected(gateway.requests[0])
    assert process.returncode
