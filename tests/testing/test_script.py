"""Scripts: which requests a test expects, and what it is told when others come, or none."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from meshapi_aio import (
    BadRequestError,
    ChatCompletion,
    ChatCompletionChunk,
    CreateChatCompletion,
    InternalServerError,
    MeshAPI,
    MeshAPIError,
    Message,
    RateLimitError,
    Retry,
    StreamChatCompletion,
)
from meshapi_aio.testing import OWN, Answer, Expect, FakeGateway, ReceivedRequest, Script, accidents

from .wire import client


MESSAGES = [{"role": "user", "content": "Hi"}]
CALL = CreateChatCompletion(model="a", messages=MESSAGES)
REFUSED = Answer(403, body={"error": {"code": "forbidden"}})


async def send(script: Script, *calls: CreateChatCompletion | StreamChatCompletion) -> list[str]:
    """Send calls to a gateway with a script, in turn; return the text that each got, or the error's code."""
    told: list[str] = []
    async with FakeGateway(script=script) as gateway, MeshAPI(gateway.base_url, gateway.token) as mesh:
        for call in calls:
            try:
                if isinstance(call, StreamChatCompletion):
                    completion = await mesh.stream(call).get_final_completion()
                else:
                    completion = await mesh.send(call)
                told.append(completion.choices[0].message.text)
            except MeshAPIError as error:
                told.append(getattr(error, "code", None) or type(error).__name__)
    return told


async def complaint(script: Script, *calls: CreateChatCompletion | StreamChatCompletion) -> str:
    """Return what a test is told that sends these calls, notes included."""
    with pytest.raises(AssertionError) as caught:
        await send(script, *calls)
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


def asking(model: str, text: str = "Hi", **fields: Any) -> CreateChatCompletion:
    """Return a call that does not stream."""
    return CreateChatCompletion(model=model, messages=[Message.user(text)], **fields)


async def test_a_script_that_is_followed() -> None:
    """Each entry answers one request, in order; it expects a call, its class, some of it, or nothing."""
    script = Script(
        Expect(CALL, REFUSED),
        Expect(StreamChatCompletion, accidents.truncated()),
        Expect(method="POST", path="/v1/chat/completions", model="c"),
        Expect(where=lambda request: request.json["model"] == "d", answer=lambda _: REFUSED),
        OWN,
        REFUSED,
    )
    streaming = StreamChatCompletion(model="b", messages=MESSAGES)
    calls = [asking(name) for name in "cdef"]
    for _ in range(2):  # a script is a value, which is not used up
        told = await send(script, CALL, streaming, *calls)
        assert told[:2] == ["forbidden", "StreamTruncatedError"]
        assert told[2] == 'You said: "Hi". This is the answer of c.'
        assert told[3:] == ["forbidden", 'You said: "Hi". This is the answer of e.', "forbidden"]


async def test_another_request_than_the_expected() -> None:
    """The client gets a 400, which it does not try again, and the test every difference by its place."""
    expected = CreateChatCompletion(model="a", messages=[*MESSAGES, *MESSAGES], temperature=0.5)
    assert await complaint(Script(Expect(expected)), asking("b", "Ho", seed=7)) == (
        "request 1 (POST /v1/chat/completions) is not entry 1, Expect(CreateChatCompletion(messages="
        "[{'role': 'user', 'content': 'Hi'}, {'role': 'user', 'content': 'Hi'}], model='a', tempera…):\n"
        '  messages.0.content: expected "Hi", received "Ho"\n'
        '  messages.1: expected {"role": "user", "content": "Hi"}, not received\n'
        '  model: expected "a", received "b"\n'
        "  temperature: expected 0.5, not received\n"
        "  seed: not expected, received 7"
    )


@pytest.mark.parametrize(
    ("expected", "difference"),
    [
        (Expect(method="GET"), 'method: expected "GET", received "POST"'),
        (Expect(path="/v1/models"), 'path: expected "/v1/models", received "/v1/chat/completions"'),
        (Expect(model="b"), 'model: expected "b", received "a"'),
        (Expect(StreamChatCompletion), "call: expected StreamChatCompletion, received CreateChatCompletion"),
        (Expect(StreamChatCompletion(model="a", messages=MESSAGES)), "stream: expected true, received false"),
        (Expect(where=lambda _: None), "where: <lambda> returned None"),
        (Expect(where=lambda request: request.json["n"]), "where: <lambda> raised KeyError: 'n'"),
    ],
)
async def test_each_thing_that_can_be_expected(expected: Expect, difference: str) -> None:
    """What does not hold is told alone."""
    told = await complaint(Script(expected), CALL)
    head, _, rest = told.replace("test_each_thing_that_can_be_expected.<locals>.", "").partition(":\n")
    assert head.startswith("request 1 (POST /v1/chat/completions) is not entry 1, Expect(")
    assert rest.strip() == difference


def _fails(request: ReceivedRequest) -> bool:
    assert request.json["model"] == "b", "another model"
    return True


async def test_an_assertion_in_a_predicate_is_told() -> None:
    """A predicate may say itself what is wrong."""
    assert "where: _fails raised AssertionError: another model" in await complaint(
        Script(Expect(where=_fails)), CALL
    )


async def test_a_body_that_is_no_call_is_compared_all_the_same() -> None:
    """The differences are those of the JSON, or of the text where it is none."""
    script = Script(Expect(CALL), Expect(CALL), Expect(CreateChatCompletion), Expect(model="a"))
    told: list[str] = []
    with pytest.raises(AssertionError) as caught:
        async with FakeGateway(script=script) as gateway, client(gateway) as session:
            for body in (b'{"model":"a","messages":[]}', b"no JSON", b"[]", b""):
                async with session.post("/v1/chat/completions", data=body) as response:
                    assert response.status == 400
                    told.append((await response.json())["error"]["message"])
    assert '\n  messages.0: expected {"role": "user", "content": "Hi"}, not received\n' in told[0]
    assert '\n  the body: expected {"messages": [{"role": "user", "content": "Hi"}], ' in told[1]
    assert told[1].endswith(', received "no JSON"')
    assert told[2].endswith("call: expected CreateChatCompletion, received [], which is no call")
    assert told[3].endswith('model: expected "a", received null')
    assert str(caught.value) == told[0]
    assert caught.value.__notes__ == [f"FakeGateway: {text}" for text in told[1:]]


async def test_another_route_is_told_before_the_body() -> None:
    """A call is another one where its route is, so its body is not compared."""
    with pytest.raises(AssertionError, match=r'\n  path: expected "/v1/chat/completions", received "/"$'):
        async with FakeGateway(script=Script(Expect(CALL))) as gateway, client(gateway) as session:
            await session.post("/", json={})


async def test_a_call_that_is_equal_but_for_its_class() -> None:
    """Where the JSON does not tell, the classes do."""

    class OfMyOwn(CreateChatCompletion):
        """What a program may make of a call."""

    same = OfMyOwn(messages=MESSAGES)
    told = await complaint(Script(Expect(same)), CreateChatCompletion(messages=MESSAGES))
    assert told.endswith("\n  call: expected OfMyOwn, received CreateChatCompletion")


async def test_a_request_too_many() -> None:
    """It is refused, and told."""
    told = await complaint(Script(Expect(CALL)), CALL, CALL)
    assert told == (
        "request 2 (POST /v1/chat/completions) came when no entry of the script was left; it has 1"
    )


async def test_entries_that_are_left() -> None:
    """They fail the test, which is told what came."""
    script = Script(Expect(CALL), Expect(model="b", answer=REFUSED), REFUSED, accidents.truncated())
    assert await complaint(script, CALL) == (
        "the script was not used up; left is\n"
        "  entry 2, Expect(model='b', Answer(403, body={'error': {'code': 'forbidden'}}))\n"
        "  entry 3, Answer(403, body={'error': {'code': 'forbidden'}})\n"
        "  entry 4, accidents.truncated\n"
        "the gateway has received\n"
        "  request 1 (POST /v1/chat/completions)"
    )
    assert (await complaint(script)).endswith("\nthe gateway has received nothing")


async def test_a_mismatch_does_not_disturb_the_next_entries() -> None:
    """A request that came in an entry's place has used it."""
    script = Script(Expect(model="a"), Expect(model="b"), Expect(model="c"))
    told = await complaint(script, *map(asking, ["a", "x", "c"]))
    assert told.startswith("request 2 (POST /v1/chat/completions) is not entry 2, Expect(model='b'):")
    assert "FakeGateway" not in told


async def test_requests_in_any_order() -> None:
    """Without an order each request takes the first entry left that it meets."""
    script = Script(
        Expect(model="a", answer=REFUSED), Expect(model="b"), Expect(model="a"), REFUSED, ordered=False
    )
    told = await send(script, *map(asking, ["b", "a", "x", "a"]))
    assert [text[:9] for text in told] == ["You said:", "forbidden", "forbidden", "You said:"]


async def test_a_request_that_meets_no_entry() -> None:
    """It is compared with the nearest entry, and leaves them all."""
    script = Script(Expect(path="/v1/models"), Expect(CALL), Expect(model="z"), ordered=False)
    told = await complaint(script, asking("a", "Ho", temperature=1))
    assert told == (
        "request 1 (POST /v1/chat/completions) meets no entry that is left; nearest is entry 3, "
        "Expect(model='z'):\n"
        '  model: expected "z", received "a"\n'
        "FakeGateway: the script was not used up; left is\n"
        "  entry 1, Expect(path='/v1/models')\n"
        f"  entry 2, Expect({CALL!r})\n"
        "  entry 3, Expect(model='z')\n"
        "the gateway has received\n"
        "  request 1 (POST /v1/chat/completions)"
    )


async def test_others_may_be_answered_too() -> None:
    """``otherwise`` answers what no entry is for; an entry that is left is told with what came nearest."""
    script = Script(Expect(model="z", path="/v1/models"), Expect(model="b"), ordered=False, otherwise=REFUSED)
    told = await complaint(script, *map(asking, "ab"), StreamChatCompletion(model="c", messages=MESSAGES))
    assert told == (
        "the script was not used up; left is\n"
        "  entry 1, Expect(path='/v1/models', model='z')\n"
        "    nearest is request 1 (POST /v1/chat/completions):\n"
        '      path: expected "/v1/models", received "/v1/chat/completions"\n'
        '      model: expected "z", received "a"\n'
        "the gateway has received\n"
        "  request 1 (POST /v1/chat/completions)\n"
        "  request 2 (POST /v1/chat/completions)\n"
        "  request 3 (POST /v1/chat/completions, a stream)"
    )
    script = Script(Expect(model="a"), otherwise=accidents.spend_limit())
    assert (await send(script, *map(asking, "abc")))[1:] == ["spend_limit_exceeded"] * 2


async def test_much_is_told_in_few_lines() -> None:
    """Ten of everything, and how many more there are."""
    told = await complaint(Script(*[Expect(model="a")] * 12), *map(asking, "bbbbbbbbbbbb"))
    assert told.count("is not entry") == 11
    assert told.endswith("FakeGateway: and 1 more")
    told = await complaint(Script(*[Expect(model="a")] * 24), *map(asking, "aaaaaaaaaaaa"))
    assert "entry 22, " in told
    assert "entry 23, " not in told
    assert told.count("  and 2 more\n") == 1
    assert told.endswith("  and 2 more")


async def test_what_is_forgotten_is_counted() -> None:
    """A gateway that keeps no requests tells how many there were."""
    with pytest.raises(AssertionError, match=r"received\n  1 that are kept no longer$"):
        async with FakeGateway(script=Script(OWN, OWN), record=False) as gateway, client(gateway) as session:
            await session.get("/")


async def test_the_queue_is_the_script() -> None:
    """What is enqueued are entries like any other: they may expect, and must be used."""
    async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token) as mesh:
        gateway.enqueue(Expect(model="a", answer=REFUSED), OWN)
        with pytest.raises(MeshAPIError):
            await mesh.send(CALL)
        for _ in range(2):  # the entry, and beyond
            assert (await mesh.send(CALL)).choices[0].message.text.startswith("You said:")
    with pytest.raises(AssertionError, match=r"left is\n  entry 1, Answer\(429\)"):
        async with FakeGateway() as gateway:
            gateway.enqueue(Answer(429))


async def test_a_script_can_follow() -> None:
    """Its entries come behind those that are left, and its rules hold from then on."""
    async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token) as mesh:
        gateway.enqueue(REFUSED)
        gateway.follow(Script(Expect(model="a")))
        with pytest.raises(MeshAPIError, match="forbidden"):
            await mesh.send(CALL)
        await mesh.send(CALL)
        with pytest.raises(BadRequestError, match=r"request 3 .* no entry of the script was left; it has 2"):
            await mesh.send(CALL)
        with pytest.raises(AssertionError, match="request 3"):
            gateway.check()


async def test_checking_before_the_end() -> None:
    """It tells what leaving the block would, and tells it once."""
    async with FakeGateway() as gateway, client(gateway) as session:
        gateway.check()
        gateway.enqueue(Answer(), Answer())
        await session.get("/")
        with pytest.raises(AssertionError, match="entry 2, Answer"):
            gateway.check()
        gateway.check()


async def fail(script: Script, error: BaseException) -> None:
    """Send one call to a gateway with a script, and fail of something else."""
    async with FakeGateway(script=script) as gateway, client(gateway) as session:
        await session.get("/")
        raise error


async def test_another_error_gets_the_complaints_as_notes() -> None:
    """The test fails of its own error; what the script has against the requests is told, not what is left."""
    error = KeyError("mine")
    with pytest.raises(KeyError) as caught:
        await fail(Script(Expect(method="POST"), Answer()), error)
    assert caught.value is error
    told = "FakeGateway: request 1 (GET /) is not entry 1, Expect(method='POST'):"
    assert error.__notes__ == [f'{told}\n  method: expected "POST", received "GET"']
    quiet = KeyError("mine")
    with pytest.raises(KeyError):
        await fail(Script(Answer(), Answer()), quiet)
    assert not hasattr(quiet, "__notes__")


async def test_the_first_of_several_failures_is_raised() -> None:
    """With the others as notes, in the order in which they came."""

    def wrong(_: ReceivedRequest) -> Answer:
        raise ZeroDivisionError("once")

    with pytest.raises(ZeroDivisionError) as caught:
        async with (
            FakeGateway(script=Script(wrong, Expect(method="POST"), wrong)) as gateway,
            client(gateway) as session,
        ):
            for _ in range(3):
                await session.get("/")
    first, second = caught.value.__notes__
    assert first.startswith("FakeGateway: request 2 (GET /) is not entry 2")
    assert second == "FakeGateway: ZeroDivisionError: once"


WRONG: Any = 429


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: Script(WRONG),
            "answer must be an Answer, an accident, OWN, or a function of the request, not 429",
        ),
        (
            lambda: Script(cast("Any", accidents.truncated)),
            r"not <function .*; an accident is called first: accidents.trunc",
        ),
        (lambda: Script(cast("Any", Answer().content)), "function of the request, not <bound method"),
        (
            lambda: Script(cast("Any", Script())),
            r"a Script is no entry of another; follow\(script\) adds its entries",
        ),
        (lambda: Script(otherwise=WRONG), "otherwise must be an Answer"),
        (lambda: Expect(CALL, WRONG), "answer must be an Answer"),
        (lambda: Expect(WRONG), r"Expect takes a call, such as .*, or the class of one, not 429; where="),
        (lambda: Expect(cast("Any", FakeGateway)), "or the class of one, not <class "),
        (lambda: FakeGateway().enqueue(WRONG), "answer must be an Answer"),
    ],
)
def test_mistakes_are_told_where_they_are_made(make: Callable[[], object], told: str) -> None:
    """What can answer no request is refused by the line that wrote it."""
    with pytest.raises(TypeError, match=told):
        make()


def test_a_builtin_may_answer() -> None:
    """Whose arguments Python does not tell, that is taken at its word."""
    entry: Any = {}.get
    assert repr(Script(entry).entries[0]) == "dict.get"


async def test_a_function_may_pass_a_request_on() -> None:
    """To the gateway, by None or ``OWN``."""
    told = await send(Script(lambda _: OWN, lambda _: None), CALL, CALL)
    assert [text[:9] for text in told] == ["You said:"] * 2


async def test_shapes_are_answers_too() -> None:
    """What the client reads can be written down as it is read: a completion, its chunks."""
    async with FakeGateway() as gateway, MeshAPI(gateway.base_url, gateway.token) as mesh:
        original = await mesh.send(CALL)
        chunks = [chunk async for chunk in mesh.stream(StreamChatCompletion(model="a", messages=MESSAGES))]
        assert isinstance(original, ChatCompletion)
        assert isinstance(chunks[0], ChatCompletionChunk)
        gateway.enqueue(Answer(body=original), Answer(events=chunks))
        assert await mesh.send(CALL) == original
        again = mesh.stream(StreamChatCompletion(messages=MESSAGES))
        assert [chunk async for chunk in again] == chunks


async def test_requests_at_the_same_time() -> None:
    """Each call of a crowd gets the answer that is meant for it."""
    names = [f"model-{number}" for number in range(20)]
    answers = {name: Answer(body={"choices": [], "id": name}) for name in names}
    script = Script(*(Expect(model=name, answer=answers[name]) for name in names), ordered=False)
    async with FakeGateway(script=script) as gateway, MeshAPI(gateway.base_url, gateway.token) as mesh:
        completions = await asyncio.gather(*(mesh.send(asking(name)) for name in reversed(names)))
    assert [completion.id for completion in completions] == names[::-1]


async def test_a_retry_takes_the_next_entry() -> None:
    """A request is a request, whoever repeats it."""
    script = Script(accidents.overloaded(), accidents.overloaded(), Expect(CALL))
    async with (
        FakeGateway(script=script) as gateway,
        MeshAPI(gateway.base_url, gateway.token, retry=Retry(backoff=0)) as mesh,
    ):
        completion = await mesh.send(CALL)
    assert len(completion.meta.attempts) == 3
    for refusing, error in (
        (accidents.overloaded(), InternalServerError),
        (accidents.rate_limited(), RateLimitError),
    ):
        async with (
            FakeGateway(script=Script(otherwise=refusing)) as gateway,
            MeshAPI(gateway.base_url, gateway.token, retry=Retry(max_retries=1, backoff=0)) as mesh,
        ):
            with pytest.raises(error):
                await mesh.with_options(retry=Retry(max_retries=0)).send(CALL)
        assert [json.loads(request.body)["model"] for request in gateway.requests] == ["a"]
