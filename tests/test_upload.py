"""Files to send, as values: what is taken for one, what it is called, and which mistakes are told at once."""

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio._upload import Upload, as_upload


def test_a_path_has_the_files_name_and_its_type() -> None:
    """Nothing is opened, so the file need not be there yet."""
    upload = Upload(Path("/nowhere/Grüße.mp3"))
    assert (upload.filename, upload.content_type) == ("Grüße.mp3", "audio/mpeg")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.pdf", "application/pdf"),
        ("a.unheard-of", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("a.tar.gz", "application/octet-stream"),  # it is no tar as it stands
    ],
)
def test_the_type_is_guessed_from_the_name(name: str, kind: str) -> None:
    """What no name tells is a stream of bytes."""
    assert Upload(b"x", filename=name).content_type == kind


def test_bytes_are_copied() -> None:
    """So that later changes do not reach a call that was made."""
    given = bytearray(b"abc")
    upload = Upload(given)
    given[0] = 0
    assert (upload.source, upload.filename) == (b"abc", None)
    assert Upload(memoryview(b"xabcx")[1:4]) == upload


def test_a_file_object_has_its_own_name(tmp_path: Path) -> None:
    """Its place is noted: from there it is sent, each time."""
    (tmp_path / "a.wav").write_bytes(b"0123456789")
    with (tmp_path / "a.wav").open("rb") as file:
        file.seek(4)
        upload = Upload(file)
    assert (upload.filename, upload.content_type.startswith("audio/"), upload.start) == ("a.wav", True, 4)


def test_names_that_are_none() -> None:
    """Descriptors and what stands in angle brackets name nothing."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb"):
        upload = Upload(pipe)
    assert (upload.filename, upload.start) == (None, None)
    packed = io.BytesIO(gzip.compress(b"x"))
    assert Upload(gzip.GzipFile(fileobj=packed)).filename is None
    standard_input = os.fdopen(os.open(os.devnull, os.O_RDONLY), "rb")
    with standard_input:
        assert isinstance(standard_input.name, int)
        assert Upload(standard_input).filename is None


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """A path may hold bytes that no text is; what is sent is text all the same."""
    name = os.fsdecode(b"a\xff.mp3")
    assert Upload(tmp_path / name).filename == "a?.mp3"


def test_tuples_as_openai_takes_them() -> None:
    """Two or three items, of any kind of content."""
    assert as_upload(("a.mp3", b"x")) == Upload(b"x", filename="a.mp3")
    assert as_upload(("a", Path("b.mp3"), "audio/x")) == Upload(
        Path("b.mp3"), filename="a", content_type="audio/x"
    )
    upload = Upload(b"x")
    assert as_upload(upload) is upload
    assert as_upload(None) is None


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (lambda: as_upload("a.mp3"), TypeError, r"is it a path\? Then write Path\('a.mp3'\)"),
        (lambda: as_upload(("a.mp3", "text")), TypeError, r"Path\('text'\)"),
        (lambda: as_upload(("a.mp3",)), TypeError, "got 1 items"),
        (lambda: as_upload(5), TypeError, "expected bytes, a Path or a file object .* got 5"),
        (lambda: as_upload(io.StringIO("x")), TypeError, "opened as text; open it with open"),
        (lambda: as_upload(("", b"x")), ValueError, "filename must be the name of a file, got ''"),
        (lambda: Upload(b"x", filename=5), ValueError, "filename .* got 5"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (lambda: Upload(b"x", content_type="a\r\nX: y"), ValueError, "content_type must be such as"),
        (lambda: Upload(b"x", content_type=""), ValueError, "content_type"),
        (lambda: Upload(b"x", on_progress=5), TypeError, "on_progress"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        (lambda: Upload(_closed()), ValueError, "is closed"),
        (lambda: Upload(_Texts()), TypeError, "opened as text"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ],
)
def test_mistakes_are_named_at_once(make: Callable[[], object], error: type[Exception], told: str) -> None:
    """Each before anything is sent, and with what to do."""
    with pytest.raises(error, match=told):
        make()


def _closed() -> io.BytesIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


class _Texts:
    """A file of text that says so only when it is read."""

    def read(self, _size: int) -> str:
        return ""


def test_uploads_compare_by_what_they_send() -> None:
    """Progress is nothing that is sent."""
    assert Upload(b"x", filename="a", on_progress=print) == Upload(b"x", filename="a")
    assert Upload(b"x", filename="a") != Upload(b"x", filename="b")
    assert Upload(b"x") != b"x"
    assert len({Upload(b"x"), Upload(b"x")}) == 1


@pytest.mark.parametrize(
    ("upload", "shown"),
    [
        (Upload(b"xyz"), "<Upload of bytes without a name, application/octet-stream>"),
        (Upload(b"xyz", filename="a.pdf"), "<Upload of 'a.pdf' (3 bytes), application/pdf>"),
        (Upload(Path("/b/a.pdf")), "<Upload of '/b/a.pdf', application/pdf>"),
        (Upload(io.BytesIO(b"x"), filename="a.pdf"), "<Upload of 'a.pdf', application/pdf>"),
    ],
)
def test_an_upload_is_shown_without_its_content(upload: Upload, shown: str) -> None:
    """Which may be large, and private."""
    assert repr(upload) == shown


def test_another_name_brings_its_own_type() -> None:
    """Unless the type was said, which then stays."""
    assert Upload(b"x").named("a.pdf").content_type == "application/pdf"
    assert Upload(b"x", content_type="a/b").named("a.pdf").content_type == "a/b"
    assert Upload(Path("a.pdf")).named(None, "a/b") == Upload(Path("a.pdf"), content_type="a/b")
    told: list[Any] = []
    kept = Upload(b"x", on_progress=lambda *step: told.append(step)).named("a")
    assert kept.on_progress is not None
