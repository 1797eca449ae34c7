"""Images: made, streamed and changed, and their bytes in whichever form they came."""

import base64
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio.endpoints._shared import Usage
from meshapi_aio.endpoints.images import (
    EditImage,
    GenerateImages,
    Image,
    ImageList,
    Images,
    StreamImages,
)
from meshapi_aio.errors import DecodeError, StreamAPIError, StreamTruncatedError
from tests.endpoints.answering import META, Answers, event, refusal


PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
B64 = base64.b64encode(PNG).decode()
DATA_URL = f"data:image/png;base64,{B64}"

# The bytes.


@pytest.mark.parametrize(
    "image",
    [
        Image(b64_json=B64),
        Image(url=DATA_URL),
        Image(url=f"DATA:image/png;charset=x;BASE64,{B64.replace('+', '%2B').replace('/', '%2F')}"),
        Image(b64_json=DATA_URL),
        Image(b64_json=B64, url="https://elsewhere.example/a.png"),
        Image(b64_json="", url=DATA_URL),
        Image(url="data:image/png,%89PNG%0D%0A%1A%0A%00%FF"),
    ],
)
def test_the_bytes(image: Image, tmp_path: Path) -> None:
    """The same in each form that a reply holds them in, also in a file that replaces another."""
    assert image.bytes() == PNG
    for path in (tmp_path / "a.png", str(tmp_path / "a.png")):
        image.save(path)
        assert (tmp_path / "a.png").read_bytes() == PNG


def test_an_image_that_is_elsewhere(tmp_path: Path) -> None:
    """Says where, without the signature that lets one fetch it, and how to get it; no file is made."""
    image = Image(url="https://files.example/a.png?sig=secret#x")
    with pytest.raises(
        ValueError, match=r"at https://files\.example/a\.png; fetch image\.url .*b64_json"
    ) as caught:
        image.save(tmp_path / "a.png")
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (Image(), "the image holds neither b64_json nor url"),
        (Image(url="", revised_prompt="a cat"), "the image holds neither b64_json nor url"),
        (Image(b64_json="a"), "the image's b64_json is no base64: "),
        (Image(url="data:image/png;base64,a"), "the image's data: URL is no base64: "),
    ],
)
def test_an_image_that_is_none(image: Image, told: str) -> None:
    """Is a ``DecodeError`` that says why; never half of an image."""
    with pytest.raises(DecodeError, match=f"^{told}"):
        image.bytes()


# Made at once.

FIELDS: dict[str, Any] = {
    "model": "openai/gpt-image-1",
    "n": 10,
    "size": "1024x1024",
    "quality": "auto",
    "aspect_ratio": "1:1",
    "resolution": "2K",
    "response_format": "b64_json",
    "output_format": "webp",
    "output_compression": 0,
    "background": "transparent",
    "moderation": "low",
    "partial_images": 3,
    "image": [DATA_URL],
    "seed": -1,
    "sequential_image_generation": "auto",
    "sequential_image_generation_options": {"max_images": 2},
    "guidance_scale": 1.5,
    "watermark": False,
    "optimize_prompt_options": {"mode": "fast"},
}


async def test_images() -> None:
    """Every field goes out under its own name; what comes back is a list of them."""
    gateway = Answers(
        {
            "created": 1,
            "data": [{"b64_json": B64, "url": None, "revised_prompt": "a small cat"}, {"url": DATA_URL}],
            "background": "transparent",
            "usage": {"total_tokens": 5, "input_tokens_details": {"text_tokens": 2}, "input_tokens": 3},
        }
    )
    images = await Images(gateway).generate(prompt="a cat", **FIELDS)
    assert gateway.sent == [
        ("POST", "/v1/images/generations", {"prompt": "a cat", **FIELDS, "stream": False})
    ]
    assert [image.bytes() for image in images] == [PNG, PNG]
    assert (images[0].revised_prompt, images.background) == ("a small cat", "transparent")
    assert images.usage == Usage(total_tokens=5, input_tokens_details={"text_tokens": 2}, input_tokens=3)


async def test_images_without_usage() -> None:
    """As some models answer: None, not zero."""
    images = await Images(Answers({"created": 1, "data": []})).generate(prompt="a cat")
    assert (images.usage, list(images)) == (None, [])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"n": 0}, "n must be from 1 to 10, got 0"),
        ({"n": 11}, "n must be from 1 to 10, got 11"),
        ({"output_compression": 101}, "output_compression must be from 0 to 100, got 101"),
        ({"partial_images": 4}, "partial_images must be from 0 to 3, got 4"),
        ({"seed": -2}, "seed must be from -1 to 2147483647, got -2"),
        ({"guidance_scale": 0.5}, "guidance_scale must be from 1 to 10, got 0.5"),
        ({"output_format": "gif"}, "output_format must be 'png' or 'jpeg' or 'webp' or None"),
        ({"extra_body": {"stream": "x"}}, "extra_body sets stream to 'x'"),
    ],
)
def test_what_the_gateway_would_refuse(arguments: dict[str, Any], told: str) -> None:
    """Is refused when the call is made, streamed or not."""
    for call in (GenerateImages, StreamImages):
        assert refusal(call, prompt="a cat", **arguments).startswith(f"{call.__name__}: {told}")


# Streamed.

ALIVE = {"object": "image.chunk", "created": 1, "status": "processing", "data": []}
MADE = {"object": "image.chunk", "created": 2, "data": [{"b64_json": B64}], "usage": {"total_tokens": 5}}


async def test_a_stream() -> None:
    """Signs of life come as chunks without images; the images fold into what would have come at once."""
    reads = [
        event(ALIVE),
        b": keep-alive\n\n",
        event(ALIVE),
        event(MADE),
        event({"data": None}),
        event("[DONE]"),
    ]
    gateway = Answers(reads)
    stream = Images(gateway).generate(prompt="a cat", stream=True)
    chunks = [chunk async for chunk in stream]
    assert gateway.sent == [("POST", "/v1/images/generations", {"prompt": "a cat", "stream": True})]
    assert [(chunk.status, len(chunk.data)) for chunk in chunks] == [
        ("processing", 0),
        ("processing", 0),
        (None, 1),
        (None, 0),
    ]
    assert chunks[2].data[0].bytes() == PNG
    assert await stream.get_final_images() == ImageList(
        created=1, data=[Image(b64_json=B64)], usage=Usage(total_tokens=5), meta=META
    )


async def test_a_stream_without_its_end_mark() -> None:
    """Is truncated, whatever came; the images that came are on the error."""
    stream = Images(Answers([event(ALIVE), event(MADE)])).generate(prompt="a cat", stream=True)
    with pytest.raises(StreamTruncatedError) as caught:
        await stream.get_final_images()
    assert caught.value.partial.data[0].bytes() == PNG
    assert caught.value.usage == Usage(total_tokens=5)


async def test_an_error_event() -> None:
    """After signs of life is an error, also where the end mark follows."""
    failed = event({"error": {"code": "content_policy_violation", "message": "no cats"}})
    stream = Images(Answers([event(ALIVE), failed, event("[DONE]")])).generate(prompt="a cat", stream=True)
    assert (await anext(stream)).status == "processing"
    with pytest.raises(StreamAPIError, match="no cats") as caught:
        await anext(stream)
    assert (caught.value.code, caught.value.partial.data) == ("content_policy_violation", [])


# Changed.


async def test_an_edit() -> None:
    """Images go as data URLs, bare base64, or objects with either; every field under its own name."""
    asked: dict[str, Any] = {
        "model": "m",
        "image": B64,
        "prompt": "a dog",
        "operation": "mix",
        "mask": {"url": DATA_URL},
        "reference_images": [DATA_URL, {"url": B64}],
        "n": 1,
        "size": "auto",
        "response_format": "url",
        "background": "auto",
        "upscale_factor": "2x",
        "quality_tier": "high",
        "aspect_ratio": "1:1",
        "resolution": "2K",
        "expand_factor": 1.5,
        "mask_feather": 3,
    }
    gateway = Answers({"data": [{"url": DATA_URL}]})
    changed = await Images(gateway).edit(**asked)
    assert gateway.sent == [("POST", "/v1/images/edits", asked)]
    assert changed[0].bytes() == PNG


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "prompt is missing; the operation 'edit' needs one"),
        ({"operation": "outpaint", "prompt": ""}, "prompt is missing; the operation 'outpaint' needs one"),
        ({"operation": "crop"}, "operation must be 'edit' or 'inpaint'"),
        (
            {"image": "https://x.example/a.png?sig=secret"},
            "image must be a data: URL or base64, since the gate",
        ),
        (
            {"mask": {"url": "HTTP://x.example/a.png"}},
            "mask must be a data: URL or base64, since the gateway",
        ),
        ({"reference_images": [B64, "http://x.example"]}, "reference_images must be a data: URL or base64"),
        ({"upscale_factor": 2}, "upscale_factor must be text or None, got 2"),
    ],
)
def test_an_edit_that_the_gateway_would_refuse(arguments: dict[str, Any], told: str) -> None:
    """Is refused when the call is made; a signed address is not shown."""
    said = refusal(EditImage, **{"model": "m", "image": B64, **arguments})
    assert said.startswith(f"EditImage: {told}")
    assert "secret" not in said


def test_operations_that_need_no_prompt() -> None:
    """Go out without one."""
    call = EditImage(model="m", image=B64, operation="upscale", upscale_factor="4x")
    assert call.body() == {"model": "m", "image": B64, "operation": "upscale", "upscale_factor": "4x"}
