"""``chat --file``: what becomes of text, of images and of everything else."""

import base64
import codecs
from pathlib import Path

import pytest

from meshapi_aio.testing import FakeGateway

from .running import ask


PNG = b"\x89PNG\r\n\x1a\n\x00\x00"


async def asked(gateway: FakeGateway, *arguments: str, given: bytes | None = None) -> object:
    """Return the content of the message that these arguments send."""
    status, _, stderr = await ask(gateway, *arguments, given=given)
    assert (status, stderr) == (0, "")
    return gateway.requests[-1].json["messages"][0]["content"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Grüße\n".encode(), "Grüße\n"),
        (codecs.BOM_UTF8 + b"marked", "marked"),
        ("Grüße".encode("utf-16"), "Grüße"),
        (b"", ""),
    ],
)
async def test_text_goes_before_the_prompt(
    gateway: FakeGateway, tmp_path: Path, content: bytes, text: str
) -> None:
    """A text file is named and marked off; without an image the message is one text."""
    (tmp_path / 'a"b.txt').write_bytes(content)
    content_sent = await asked(gateway, "--file", str(tmp_path / 'a"b.txt'), "Sum up")
    assert content_sent == f'<file name="a&quot;b.txt">\n{text}\n</file>\n\nSum up'


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0rest", "jpeg"),
        (b"GIF89arest", "gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "webp"),
    ],
)
async def test_an_image_is_known_by_its_content(
    gateway: FakeGateway, tmp_path: Path, content: bytes, kind: str
) -> None:
    """An image becomes a data URL of its own kind, whatever its name says."""
    (tmp_path / "picture.txt").write_bytes(content)
    data = base64.b64encode(content).decode()
    assert await asked(gateway, "--file", str(tmp_path / "picture.txt"), "What is it?") == [
        {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}"}},
        {"type": "text", "text": "What is it?"},
    ]


async def test_several_files_keep_their_order(gateway: FakeGateway, tmp_path: Path) -> None:
    """``--file`` may be repeated, and ``-`` among them is standard input; then no PROMPT is needed."""
    (tmp_path / "picture").write_bytes(PNG)
    sent = await asked(gateway, "--file", str(tmp_path / "picture"), "--file", "-", given=b"piped")
    assert isinstance(sent, list)
    assert [part["type"] for part in sent] == ["image_url", "text"]
    assert sent[1]["text"] == '<file name="standard input">\npiped\n</file>'


@pytest.mark.parametrize("content", [b"\x7fELF\x01\0", b"a\0b", b"\xff\xfe\x00", "Grüße".encode("latin-1")])
async def test_anything_else_is_refused(gateway: FakeGateway, tmp_path: Path, content: bytes) -> None:
    """What is neither text nor a known image is named, and nothing is sent; status 2."""
    path = tmp_path / "odd.bin"
    path.write_bytes(content)
    told = f"Error: --file {path}: neither text in UTF-8 nor an image of the kinds PNG, JPEG, GIF and WebP\n"
    assert await ask(gateway, "--file", str(path), "Hi") == (2, "", told)
    assert not gateway.requests


async def test_a_file_that_cannot_be_read_is_named(gateway: FakeGateway, tmp_path: Path) -> None:
    """A file that is missing, or a folder, is told with the system's reason; status 2."""
    told = f"Error: --file {tmp_path / 'none'}: No such file or directory\n"
    assert await ask(gateway, "--file", str(tmp_path / "none"), "Hi") == (2, "", told)
    assert await ask(gateway, "--file", str(tmp_path), "Hi") == (
        2,
        "",
        f"Error: --file {tmp_path}: Is a directory\n",
    )
