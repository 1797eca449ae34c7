"""``call`` of what is answered with a file: into a file, into a pipe, and not onto a terminal."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshapi_aio._bytes import ByteReply, ByteStream
from meshapi_aio.call import CALLS, Call, StreamCall, post
from meshapi_aio.testing import CUT, Answer, FakeGateway

from .running import environment, invoke_at
from .terminal import Terminal


CONTENT = bytes(range(256))
SOUND = {"content-type": "audio/mpeg"}
PROGRAM = f"from {__name__} import CALLS, MINE; CALLS.update(MINE); from meshapi_aio.cli import main; main()"


@post("/v1/sound")
class Sound(Call[ByteReply]):
    """Make a sound, and return it."""


@post("/v1/sound")
class SoundStream(StreamCall[ByteStream]):
    """Make a sound, and return it as it comes."""


# What goes through every call of the package must not meet these.
MINE = {name: CALLS.pop(name) for name in ("Sound", "SoundStream")}
each = pytest.mark.parametrize("name", MINE)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    """Register them for one test."""
    CALLS.update(MINE)
    yield
    for name in MINE:
        del CALLS[name]


@each
async def test_a_file_gets_what_comes(name: str, gateway: FakeGateway, tmp_path: Path) -> None:
    """``-o FILE``, byte for byte, in place of what had the name."""
    (tmp_path / "sound").write_bytes(b"before")
    gateway.enqueue(Answer(body=CONTENT, headers=SOUND))
    assert await invoke_at(gateway, "call", name, "-o", f"{tmp_path}/sound") == (0, "", "")
    assert (tmp_path / "sound").read_bytes() == CONTENT


@each
async def test_half_a_file_is_none(name: str, gateway: FakeGateway, tmp_path: Path) -> None:
    """What broke off is told, and what had the name has it still."""
    (tmp_path / "sound").write_bytes(b"before")
    gateway.enqueue(Answer(events=[CONTENT, CUT], headers=SOUND))
    ended = await invoke_at(gateway, "call", name, "-o", f"{tmp_path}/sound", "--retries", "0")
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("sound", b"before")]


@each
@pytest.mark.parametrize("target", [(), ("-o", "-")])
async def test_a_pipe_gets_what_comes(name: str, target: tuple[str, ...], gateway: FakeGateway) -> None:
    """Nothing is added to it."""
    gateway.enqueue(Answer(body=b"sound", headers=SOUND))
    assert await invoke_at(gateway, "call", name, *target) == (0, "sound", "")


async def test_a_device_is_written_to(gateway: FakeGateway) -> None:
    """And is one afterwards."""
    gateway.enqueue(Answer(body=CONTENT, headers=SOUND))
    assert await invoke_at(gateway, "call", "Sound", "-o", os.devnull) == (0, "", "")
    assert not Path(os.devnull).is_file()


@each
async def test_a_terminal_is_spared(name: str, gateway: FakeGateway) -> None:
    """The call is refused with status 2, before anything is asked."""
    program = (sys.executable, "-c", PROGRAM)
    async with Terminal("call", name, env=environment(gateway), columns=120, program=program) as terminal:
        assert await terminal.ends() == 2
        await terminal.shows(
            f"Error: {name} is answered with a file, which is nothing for a terminal: -o FILE"
        )
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Sound", "-o", "/no/such/sound"], "Error: -o /no/such/sound: No such file or directory"),
        (
            ["ListVoices", "-o", "x"],
            "Error: -o takes a file, and ListVoices is answered with JSON: > x takes",
        ),
    ],
)
async def test_what_cannot_be_written_is_told_first(
    words: list[str], told: str, gateway: FakeGateway
) -> None:
    """With status 2, before anything is asked."""
    ended = await invoke_at(gateway, "call", *words)
    assert (ended.status, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith(told)
    assert gateway.requests == []
