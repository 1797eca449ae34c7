"""Calls of the registry, whatever they are: read back, refused, or answered by an example of their reply."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import attrs
import pytest

from meshapi_aio import APIStatusError, MeshAPI, NotFoundError, Retry
from meshapi_aio._pages import ListCall, OffsetPage
from meshapi_aio._shape import Reply, Shape, shape
from meshapi_aio._stream import Stream
from meshapi_aio._upload import Uploadable, as_upload
from meshapi_aio.call import CALLS, Call, StreamCall, delete, fields, get, post
from meshapi_aio.testing import Answer, FakeGateway

from .wire import client as session_of


@shape
class Wheel(Shape):
    """A part of a thing."""

    spokes: int
    made_by: str | None = None


@shape
class Thing(Reply):
    """What the calls below are about."""

    id: str
    name: str | None = None
    color: str | None = None
    created_at: int | None = None
    last_error: str | None = None
    wheels: list[Wheel]


@shape
class ThingPage(OffsetPage[Thing]):
    """A page of things."""

    _items_in: ClassVar[str] = "things"

    things: list[Thing]


class ThingStream(Stream[Wheel]):
    """Wheels, one by one."""


@fields
class _ThingFields:
    name: str
    color: Literal["red", "blue"] | None = None
    parts: Sequence[Mapping[str, Any]] | None = None
    extra_body: Mapping[str, Any] | None = None


@post("/v9/things")
class CreateThing(_ThingFields, Call[Thing]):
    """Make a thing, and return it."""

    stream: Literal[False] = False


@post("/v9/things")
class StreamThing(_ThingFields, StreamCall[ThingStream]):
    """Make a thing, and return its wheels as they are made."""

    stream: Literal[True] = True


@get("/v9/things")
class ListThings(ListCall[ThingPage, Thing]):
    """List things."""

    limit: int | None = None
    offset: int | None = None
    heavy: bool | None = None
    colors: Sequence[str] | None = None


@get("/v9/things/{id}")
class GetThing(Call[Thing]):
    """Return a thing."""

    id: str


@delete("/v9/things/{id}")
class DeleteThing(Call[Reply]):
    """Delete a thing; the reply is empty."""

    id: str


@get("/v9/things/{owner}/{part:path}")
class GetPart(Call[Thing]):
    """Return a part of a thing."""

    owner: str
    part: str


@post("/v9/things/pictures")
class AddPicture(Call[Thing]):
    """Add a picture to a thing, and return it."""

    file: Uploadable = attrs.field(converter=as_upload)
    sizes: Sequence[int] | None = None
    sharp: bool | None = None


# What goes through every call of the package must not meet these.
THINGS = {
    kind.__name__: CALLS.pop(kind.__name__)
    for kind in (
        CreateThing,
        StreamThing,
        ListThings,
        GetThing,
        DeleteThing,
        GetPart,
        AddPicture,
    )
}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the calls for one test: nothing of the gateway knows them."""
    for name, kind in THINGS.items():
        monkeypatch.setitem(CALLS, name, kind)


@pytest.mark.parametrize(
    "call",
    [
        CreateThing(name="a", color="red", parts=[{"b": None}], extra_body={"new": [1]}),
        ListThings(limit=5, heavy=False, colors=["red", "blue & green"]),
        ListThings(colors=["one"]),
        ListThings(),
        GetThing(id="ü/% ?"),
        DeleteThing(id="a"),
        GetPart(owner="me/you", part="a/b c/d"),
        AddPicture(file=("a.png", b"\r\n--x\r\n\0"), sizes=[1, 2], sharp=True),
    ],
)
async def test_a_new_endpoint_is_read_and_answered(gateway: FakeGateway, client: MeshAPI, call: Any) -> None:
    """A call that is only registered is read back from the wire, and answered by what its reply needs."""
    reply = await client.send(call)
    assert gateway.requests[0].call == call
    assert isinstance(reply, type(call).reply)


async def test_what_the_request_says_is_repeated(client: MeshAPI) -> None:
    """Of what is not asked for there is enough to read, and no error."""
    thing = await client.send(CreateThing(name="bicycle", color="blue"))
    assert (thing.name, thing.color, thing.last_error, len(thing.wheels)) == ("bicycle", "blue", None, 1)
    assert (await client.send(GetThing(id="mine"))).id == "mine"
    assert await client.send(CreateThing(name="bicycle")) == await client.send(CreateThing(name="bicycle"))


async def test_pages_come_to_an_end(client: MeshAPI) -> None:
    """A list of examples is one page."""
    page = await client.send(ListThings(limit=5))
    assert (len(page), page.total, page.limit, page.offset) == (1, 1, 5, 0)


async def test_streams(client: MeshAPI) -> None:
    """A call that streams gets chunks of its kind."""
    wheels = [wheel async for wheel in client.stream(StreamThing(name="a"))]
    assert {type(wheel) for wheel in wheels} == {Wheel}


@pytest.mark.parametrize(
    ("body", "place", "kind"),
    [
        ({}, ["body", "name"], "missing"),
        ({"name": None}, ["body", "name"], "missing"),
        ({"name": 5}, ["body", "name"], "value_error"),
        ({"name": "a", "color": "green"}, ["body", "color"], "value_error"),
        ({"name": "a", "stream": "yes"}, ["body", "stream"], "value_error"),
        ([], ["body"], "dict_type"),
    ],
)
async def test_what_the_call_refuses_is_422(
    gateway: FakeGateway, body: object, place: list[str], kind: str
) -> None:
    """In the gateway's form, with the field that is wrong."""
    async with session_of(gateway) as session, session.post("/v9/things", json=body) as response:
        told = await response.json()
        assert (response.status, told["error"]["code"]) == (422, "validation_error")
    (detail,) = told["error"]["details"]
    assert (detail["loc"], detail["type"]) == (place, kind)
    assert gateway.requests[0].call is None


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("PATCH", "/v9/things", 405, "POST, GET"),
        ("GET", "/v9/nothing", 404, None),
        ("GET", "/v9/things/", 404, None),
    ],
)
async def test_where_no_call_goes(
    gateway: FakeGateway, method: str, path: str, status: int, allowed: str | None
) -> None:
    """A path that no call has is not found, a method that none has is not allowed."""
    async with session_of(gateway) as session, session.request(method, path) as response:
        assert (response.status, response.headers.get("Allow")) == (status, allowed)


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"requests_per_minute": 1}, 429, "rate_limit_exceeded"),
        ({"tokens_per_minute": 1}, 429, "rate_limit_exceeded"),
        ({"spend_limit": "0"}, 402, "spend_limit_exceeded"),
        ({"catalogue": [{"id": "maker/model"}]}, 404, "model_not_found"),
        ({"allowed_models": ["maker/model"]}, 403, "forbidden"),
    ],
)
async def test_limits_and_the_catalogue_count(options: dict[str, Any], status: int, code: str) -> None:
    """For every call, as they do for a chat."""
    call = CreateThing(name="several words", extra_body={"model": "maker/other", "input": "Hi you"})
    async with (
        FakeGateway(**options) as gateway,
        MeshAPI(gateway.base_url, gateway.token, retry=Retry(max_retries=0)) as client,
    ):
        with pytest.raises(APIStatusError) as refused:
            for _ in range(2):
                await client.send(call)
    assert (refused.value.status, refused.value.code) == (status, code)


async def test_what_only_reads_is_free() -> None:
    """Also where no money is left, what is there can be looked at; every answer tells of the limits."""
    async with (
        FakeGateway(spend_limit="0", requests_per_minute=9) as gateway,
        MeshAPI(gateway.base_url, gateway.token) as client,
    ):
        thing = await client.send(GetThing(id="a"))
    assert thing.meta.headers["x-ratelimit-remaining-requests"] == "8"


async def test_another_key_is_refused(gateway: FakeGateway) -> None:
    """Whatever is asked for."""
    async with MeshAPI(gateway.base_url, "rsk_other") as client:
        with pytest.raises(APIStatusError) as refused:
            await client.send(GetThing(id="a"))
    assert refused.value.status == 401


async def test_the_script_comes_first(gateway: FakeGateway, client: MeshAPI) -> None:
    """What a test enqueues is the answer, whatever is asked for."""
    gateway.enqueue(Answer(404, body={"error": {"code": "not_found", "message": "gone"}}))
    with pytest.raises(NotFoundError, match="gone"):
        await client.send(GetThing(id="a"))
