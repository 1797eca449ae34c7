"""Forms with files, byte for byte."""

from pathlib import Path
from typing import Any

import pytest

from meshapi_aio._form import form
from meshapi_aio._upload import Upload


def written(fields: dict[str, Any]) -> bytes:
    """Return a form with a short boundary, its files as they are here."""
    parts = form(fields, "B").parts
    return b"".join(part if isinstance(part, bytes) else _content(part) for part in parts)


def _content(upload: Upload) -> bytes:
    assert isinstance(upload.source, bytes)
    return upload.source


def test_a_form_of_texts_and_a_file() -> None:
    """Each part with its head; the file's with name and type; an end mark after all."""
    fields = {"model": "m", "file": Upload(b"\x00\r\n--B", filename="a.mp3"), "seed": 3}
    assert written(fields) == (
        b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n'
        b"Content-Type: audio/mpeg\r\n\r\n\x00\r\n--B\r\n"
        b'--B\r\nContent-Disposition: form-data; name="seed"\r\n\r\n3\r\n'
        b"--B--\r\n"
    )


def test_nothing_to_say_is_an_empty_form() -> None:
    """None and empty lists are absent."""
    assert written({"a": None, "b": [], "c": [None]}) == b"--B--\r\n"


def test_lists_are_repeated_parts() -> None:
    """One part for each item, in their order: one that holds a list's text is no list."""
    assert written({"keyterms": ["a", "b"]}) == (
        b'--B\r\nContent-Disposition: form-data; name="keyterms"\r\n\r\na\r\n'
        b'--B\r\nContent-Disposition: form-data; name="keyterms"\r\n\r\nb\r\n'
        b"--B--\r\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, b"true"),
        (False, b"false"),
        (0, b"0"),
        (0.5, b"0.5"),
        ("", b""),
        ("é\n", "é\n".encode()),
        ({"a": [1]}, b'{"a":[1]}'),
    ],
)
def test_values_as_text(value: object, text: bytes) -> None:
    """Booleans in lower case, which the gateway wants; objects as JSON; text as it is."""
    head = b'--B\r\nContent-Disposition: form-data; name="v"\r\n\r\n'
    assert written({"v": value}) == head + text + b"\r\n--B--\r\n"


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("Müller 文.mp3", 'filename="Müller 文.mp3"'),
        ('a"b.mp3', 'filename="a%22b.mp3"'),
        ("a\r\nX-Evil: 1\r\n\r\n.mp3", 'filename="a%0D%0AX-Evil: 1%0D%0A%0D%0A.mp3"'),
        ("100%22.mp3", 'filename="100%22.mp3"'),
        ("a\\b;c=d.mp3", 'filename="a\\b;c=d.mp3"'),
    ],
)
def test_file_names_as_the_html_standard_writes_them(name: str, sent: str) -> None:
    """Raw UTF-8, and only quotes and line ends escaped, so that no name leaves its place."""
    head = written({"f": Upload(b"", filename=name)}).split(b"\r\n")[1]
    assert head.decode() == f'Content-Disposition: form-data; name="f"; {sent}'


def test_names_of_fields_stay_in_their_place() -> None:
    """They come from extra_body, and so from anywhere."""
    assert written({'a"\r\nX: y': 1}).splitlines()[1] == (
        b'Content-Disposition: form-data; name="a%22%0D%0AX: y"'
    )


def test_a_file_without_a_name_is_a_file_all_the_same() -> None:
    """Without a filename a part is a text field to most servers."""
    assert b'name="f"; filename="upload"\r\n' in written({"f": Upload(b"x")})


def test_files_stay_what_they_are() -> None:
    """They are read when they are sent, not here."""
    upload = Upload(Path("/nowhere/a.mp3"))
    assert form({"f": [upload, upload]}, "B").parts[1::2] == (upload, upload)
