"""Forms as their parts, texts as values, and the things that a gateway keeps."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio._form import form
from meshapi_aio._upload import Upload
from meshapi_aio.testing._form import Part, form_parts
from meshapi_aio.testing._media import png, wav
from meshapi_aio.testing._shelf import Shelf
from meshapi_aio.testing._texts import from_texts


TYPE = "multipart/form-data; boundary=x"

# In a form these stand for a quote and line ends, so that a name which holds one can't be told from them.
ESCAPES = ("%22", "%0D", "%0A")
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5).filter(
    lambda name: not any(escape in name for escape in ESCAPES)
)


@given(
    name=names,
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    filename=names,
    content=st.binary(max_size=30),
)
def test_what_this_client_sends(name: str, text: str, filename: str, content: bytes) -> None:
    """Names, texts and bytes of any kind come as they were sent."""
    boundary = "0123456789abcdef"
    upload = Upload(content, filename=filename, content_type="audio/wav")
    sent = form({name: [text, upload]}, boundary)
    body = b"".join(part if isinstance(part, bytes) else content for part in sent.parts)
    assert form_parts(f'multipart/form-data; boundary="{boundary}"', body) == [
        Part(name, text.encode()),
        Part(name, content, filename, "audio/wav"),
    ]


def test_what_other_clients_send() -> None:
    """A preamble, an epilogue, and parts without a name are passed over; headers come in any case."""
    body = (
        b"preamble\r\n--x\r\ncontent-DISPOSITION: form-data; filename=a.bin; name=f\r\n\r\n\r\n--xx\r\n"
        b"\r\n--x\r\nContent-Type: text/plain\r\n\r\nnameless\r\n--x--\r\nepilogue"
    )
    assert form_parts(TYPE, body) == [Part("f", b"\r\n--xx\r\n", "a.bin", None)]


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", ""])
def test_what_is_no_form(content_type: str) -> None:
    """Another type, or one without a boundary."""
    assert form_parts(content_type, b"--x\r\n\r\n\r\n--x--") is None


@pytest.mark.parametrize(
    ("kind", "texts", "value"),
    [
        (str, ["5"], "5"),
        (str, ["first", "last"], "last"),
        (int | None, ["5"], 5),
        (int, ["five"], "five"),
        (float, ["0.5"], 0.5),
        (bool | None, ["true"], True),
        (bool, ["False"], False),
        (bool, ["yes"], "yes"),
        (Literal[1, 2], ["2"], 2),
        (Literal["a"] | None, ["b"], "b"),
        (Sequence[int] | None, ["1"], [1]),
        (str | Sequence[str], ["a"], "a"),
        (str | Sequence[str], ["a", "b"], ["a", "b"]),
        (Mapping[str, Any], ['{"a": 1}'], {"a": 1}),
    ],
)
def test_a_text_is_the_value_that_is_wanted(kind: Any, texts: list[str], value: object) -> None:
    """Of the kinds that an annotation allows; what is none of them stays a text."""
    told = from_texts([("name", text) for text in texts], {"name": kind})["name"]
    assert (told, type(told)) == (value, type(value))


def test_the_oldest_things_go() -> None:
    """A gateway that runs for long keeps a thousand of each kind."""
    shelf = Shelf()
    for number in range(1001):
        shelf.put(str(number), {"number": number})
    assert shelf.find("0") is None
    things = shelf.newest_first()
    assert (len(things), things[0]["number"], things[-1]["number"]) == (1000, 1000, 1)


def test_pictures_and_recordings_are_small() -> None:
    """Tests send many of them."""
    assert len(png()) < 100
    assert len(wav(0.1)) < 2000
