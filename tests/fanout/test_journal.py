"""The journal: what was appended is there, whatever ended the program."""

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio.fanout import Entry, Journal, JournalLockedError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a journal goes."""
    return tmp_path / "journal.jsonl"


def record(key: str, **more: Any) -> dict[str, Any]:
    """Return a record."""
    return {"key": key, **more}


def held(path: Path) -> list[dict[str, Any]]:
    """Return the records that hold."""
    with Journal(path) as journal:
        return list(journal)


def test_records_are_found_by_their_keys(path: Path) -> None:
    """What was appended can be asked for by its key, now and when the file is opened again."""
    with Journal(path) as journal:
        journal.append(record("a", value=1))
        journal.append(record("b", value="\u2028é", done=False))
        assert journal["a"] == record("a", value=1)
    with Journal(path) as journal:
        assert len(journal) == 2
        assert "a" in journal
        assert "c" not in journal
        assert journal["b"]["value"] == "\u2028é"
        assert [journal.state(key) for key in "abc"] == ["done", "failed", None]
        with pytest.raises(KeyError):
            journal["c"]
    assert len(path.read_bytes().splitlines()) == 2


def test_of_one_key_the_last_that_is_done_holds(path: Path) -> None:
    """What is done replaces what failed, and is not lost to a later failure."""
    with Journal(path) as journal:
        journal.append(record("a", value=1, done=False))
        journal.append(record("a", value=2))
        journal.append(record("a", value=3, done=False))
        assert journal["a"]["value"] == 2
        assert journal.superseded == 2
        journal.append(record("a", value=4))
        assert journal["a"]["value"] == 4
    assert held(path) == [record("a", value=4)]


def test_of_one_name_the_last_holds(path: Path) -> None:
    """A request that changed under its name replaces what was written of the old one."""
    with Journal(path) as journal:
        journal.append(record("old", name="n"))
        assert journal.is_changed("n", "new")
        assert not journal.is_changed("n", "old")
        assert not journal.is_changed("m", "new")
        journal.append(record("new", name="n"))
        assert journal.state("old") is None
        assert journal.superseded == 1
    assert [each["key"] for each in held(path)] == ["new"]


@given(st.data())
def test_a_file_that_was_cut_anywhere_opens(tmp_path_factory: Any, data: st.DataObject) -> None:
    """Cut at any byte, it has exactly the records that were whole, and takes more."""
    path = tmp_path_factory.mktemp("cut") / "journal.jsonl"
    values = data.draw(st.lists(st.text(max_size=8), min_size=1, max_size=6))
    with Journal(path, fsync=None) as journal:
        for number, value in enumerate(values):
            journal.append(record(str(number), value=value))
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    lines = whole[:cut].split(b"\n")
    # A last line that lacks nothing but its end is a record too.
    count = len(lines) - 1 + (len(lines[-1]) > 0 and whole[cut : cut + 1] == b"\n")
    with Journal(path, fsync=None) as journal:
        assert len(journal) == count
        assert bool(journal.repaired) == (len(lines) - 1 == count and bool(lines[-1]))
        journal.append(record("more"))
    assert [each["key"] for each in held(path)] == [*map(str, range(count)), "more"]
    path.unlink()


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"\xff\xfe", b'{"key": "a"', b'"text"', b"[1]", b" "])
def test_a_tail_that_is_no_record_is_cut_off(path: Path, tail: bytes) -> None:
    """What a crash or a lost block has left at the end is cut off, and counted."""
    path.write_bytes(b'{"key": "a"}\n' + tail)
    with Journal(path) as journal:
        assert journal.repaired == len(tail)
        assert len(journal) == 1
    assert path.read_bytes() == b'{"key": "a"}\n'


def test_lines_that_are_no_records_are_left_alone(path: Path) -> None:
    """Lines elsewhere that can't be read stay where they are, compaction included."""
    odd = [b"what?", b"[1, 2]", b'{"no": "key"}', b"\0\0", b'{"key": 7}']
    path.write_bytes(b"\n".join([*odd, b"", b'{"key": "a"}', b'{"key": "a"}', b""]))
    with Journal(path) as journal:
        assert journal.unreadable == 5
        assert len(journal) == 1
        journal.compact()
        assert journal.unreadable == 5
        assert journal.superseded == 0
    assert path.read_bytes().split(b"\n") == [*odd, b"", b'{"key": "a"}', b""]


def test_compaction_keeps_what_holds(path: Path) -> None:
    """After it the file has a line for each key, in the old order, and goes on being written."""
    with Journal(path) as journal:
        for number in range(100):
            journal.append(record(str(number % 7), value=number))
        journal.compact()
        assert journal.superseded == 0
        assert journal["3"]["value"] == 94
        journal.append(record("more"))
        assert journal["more"] == record("more")
    assert [each.get("value") for each in held(path)] == [*range(93, 100), None]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_compaction_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the new file can't be made, the old one is as it was, and nothing is left beside it."""
    with Journal(path) as journal:
        journal.append(record("a", value=1))
        journal.append(record("a", value=2))
        before = path.read_bytes()
        with monkeypatch.context() as patch:

            def refuse(_descriptor: int) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr(os, "fsync", refuse)
            with pytest.raises(OSError, match="No space"):
                journal.compact()
        assert path.read_bytes() == before
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        journal.append(record("b"))
    assert [each["key"] for each in held(path)] == ["a", "b"]


def test_what_a_crashed_compaction_left_is_no_trouble(path: Path) -> None:
    """A file that was begun beside it is overwritten the next time."""
    (path.parent / f".{path.name}.part").write_bytes(b"half a li")
    with Journal(path) as journal:
        journal.append(record("a"))
        journal.append(record("a"))
        journal.compact()
    assert path.read_bytes() == b'{"key":"a"}\n'


def test_one_writer_at_a_time(path: Path) -> None:
    """A second writer is told, in this process and in another one, also after a compaction."""
    with Journal(path) as journal:
        journal.append(record("a"))
        with pytest.raises(JournalLockedError, match="is being written by another run"):
            Journal(path).open()
        journal.compact()
        with pytest.raises(JournalLockedError):
            Journal(path).open()
        child = os.fork()
        if not child:
            try:
                Journal(path).open()
            except JournalLockedError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    with Journal(path) as journal:
        assert len(journal) == 1


def test_a_disk_that_is_full_leaves_whole_lines(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of which only a part could be written is taken back, and the error is told."""
    with Journal(path) as journal:
        journal.append(record("a"))
        with monkeypatch.context() as patch:
            written = os.pwrite
            full = iter([False, True])

            def write(descriptor: int, data: Any, offset: int) -> int:
                if next(full):
                    raise OSError(28, "No space left on device")
                return written(descriptor, data[:5], offset)

            patch.setattr(os, "pwrite", write)
            with pytest.raises(OSError, match="No space"):
                journal.append(record("b"))
        journal.append(record("c"))
    assert path.read_bytes() == b'{"key":"a"}\n{"key":"c"}\n'


def test_what_json_cannot_hold_is_told_before_anything_is_written(path: Path) -> None:
    """A record that can't be written leaves no trace."""
    with Journal(path) as journal:
        with pytest.raises(TypeError, match="JSON can't"):
            journal.append({"key": "a", "value": {1, 2}})
        with pytest.raises(KeyError):
            journal.append({"value": 1})
        assert len(journal) == 0
    assert path.read_bytes() == b""


def test_lines_may_be_long(path: Path) -> None:
    """A line of several MB is read like every other."""
    with Journal(path) as journal:
        journal.append(record("a", value="x" * 5_000_000))
        journal.append(record("b"))
    with Journal(path) as journal:
        assert len(journal["a"]["value"]) == 5_000_000
        assert journal["b"] == record("b")


def test_half_a_character_survives(path: Path) -> None:
    """Text that is no Unicode is written as escapes, and comes back the same."""
    with Journal(path) as journal:
        journal.append(record("\ud800", value="\udfff"))
        assert journal["\ud800"]["value"] == "\udfff"


def test_a_closed_journal_says_so(path: Path) -> None:
    """Using it outside its block, opening it twice, and settings that can't be right are told."""
    journal = Journal(path)
    assert not path.exists()
    with pytest.raises(RuntimeError, match="is closed"):
        journal.append(record("a"))
    with journal, pytest.raises(RuntimeError, match="is open already"):
        journal.open()
    journal.close()
    with pytest.raises(ValueError, match="fsync must be seconds"):
        Journal(path, fsync=-1)


@pytest.mark.parametrize(("fsync", "syncs"), [(0, 4), (1000.0, 1), (None, 0)])
def test_the_disk_is_waited_for_as_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch, fsync: float | None, syncs: int
) -> None:
    """With each line, or when so many seconds have passed and on closing, or never."""
    seen: list[int] = []
    monkeypatch.setattr(os, "fsync", seen.append)
    with Journal(path, fsync=fsync) as journal:
        for key in "abc":
            journal.append(record(key))
    assert len(seen) == syncs


def test_describe_tells_what_identifies_a_record(path: Path) -> None:
    """Records of any form can be kept."""
    with Journal(path, describe=lambda record: Entry(key=record["id"]["key"])) as journal:
        journal.append({"id": {"key": "k"}})
        assert journal["k"] == {"id": {"key": "k"}}


@pytest.mark.parametrize("seed", range(10))
def test_a_process_that_is_killed_loses_nothing(path: Path, seed: int) -> None:
    """Killed at any moment, ten times over: all that ``append`` returned for is there, and the file opens."""
    draw = random.Random(seed)
    told: set[str] = set()
    for life in range(10):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                with Journal(path, fsync=None) as journal:
                    for number in range(100_000):
                        key = f"{life}-{number}"
                        journal.append(record(key, value="x" * (number % 500)))
                        os.write(writing, f"{key}\n".encode())
            finally:
                os._exit(1)
        os.close(writing)
        wanted = draw.randint(1, 3000)
        heard = b""
        while len(heard) < wanted:
            heard += os.read(reading, 512)
        os.kill(child, signal.SIGKILL)
        while more := os.read(reading, 65536):
            heard += more
        os.close(reading)
        os.waitpid(child, 0)
        told |= set(heard.decode().split("\n")[:-1])
    with Journal(path) as journal:
        assert all(key in journal for key in told)
        assert journal.unreadable == 0
