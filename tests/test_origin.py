"""Where a forgotten thing was made, as the warning about it tells."""

import warnings
from typing import Literal

import pytest

from meshapi_aio import MeshAPI, StreamChatCompletion
from meshapi_aio._origin import place_for_warning
from meshapi_aio.testing import FakeGateway


NOT_NOTED = "not noted"
CALL = StreamChatCompletion(model="a/b", messages=[{"role": "user", "content": "x"}])


@pytest.mark.parametrize(
    ("filters", "noted"),
    [
        ([], True),
        ([("ignore", ResourceWarning)], False),
        ([("ignore", Warning)], False),
        ([("ignore", DeprecationWarning)], True),
        ([("ignore", Warning), ("error", ResourceWarning)], True),
        ([("error", Warning), ("ignore", ResourceWarning)], False),
    ],
)
def test_the_place_is_noted_where_a_warning_would_be_shown(
    filters: list[tuple[Literal["error", "ignore"], type[Warning]]], *, noted: bool
) -> None:
    """The filter that was added last decides, as it does for the warning itself."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for action, category in filters:
            warnings.simplefilter(action, category)
        assert (NOT_NOTED not in place_for_warning()) is noted


@pytest.mark.parametrize(("message", "module"), [("x", ""), ("", "x")])
def test_a_filter_that_may_not_concern_it_keeps_nothing_from_being_noted(message: str, module: str) -> None:
    """One that ignores some warnings alone, by their text or their module."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.filterwarnings("ignore", message, ResourceWarning, module)
        assert NOT_NOTED not in place_for_warning()


async def test_a_dropped_stream_says_where_it_was_made() -> None:
    """File and line of the user's code; where warnings were ignored then, that it was not noted."""
    async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token) as client:
        with pytest.warns(ResourceWarning, match=r"created at .*test_origin\.py:\d+, was dropped"):
            await _first_chunk(client)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stream = client.stream(CALL)
        await anext(stream)
        with pytest.warns(ResourceWarning, match="a place that was not noted"):
            del stream


async def _first_chunk(client: MeshAPI) -> None:
    await anext(client.stream(CALL))
