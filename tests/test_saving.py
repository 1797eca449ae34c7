"""Files that are there whole or not at all."""

import os
from pathlib import Path

import pytest

from meshapi_aio._saving import written_whole


def test_a_file_appears_whole(tmp_path: Path) -> None:
    """It gets its name at the end, and until then what had the name stays as it was."""
    target = tmp_path / "sound.wav"
    target.write_bytes(b"old")
    with written_whole(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    """And nothing beside it."""
    target = tmp_path / "sound.wav"
    target.write_bytes(b"old")
    with pytest.raises(OSError, match="full"), written_whole(target) as file:
        file.write(b"half")
        raise OSError("full")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is replaced."""
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    with written_whole(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """Replaced, it would be gone, and so would a device such as /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with written_whole(pipe) as file:
            file.write(b"new")
        assert os.read(reader, 9) == b"new"
        assert pipe.is_fifo()
    finally:
        os.close(reader)
