"""Fan-outs of a client's calls, against FakeGateway over real sockets."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from meshapi_aio import (
    AuthenticationError,
    ByteReply,
    CreateChatCompletion,
    Fallback,
    MeshAPI,
    Message,
    NotFoundError,
    RawStreamCall,
    Retry,
    StreamChatCompletion,
    Timeout,
)
from meshapi_aio.endpoints.audio import StreamSpeech
from meshapi_aio.endpoints.embeddings import CreateEmbeddings
from meshapi_aio.fanout import Budget, FixedLimit, Price, RateLimit, UnknownPriceError
from meshapi_aio.testing import Answer, FakeGateway


MODEL = "openai/gpt-4o-mini"
NOT_FOUND = Answer(404, body={"error": {"code": "model_not_found", "message": "no such model"}})


def question(text: str = "Hello", **more: Any) -> CreateChatCompletion:
    """Return a small call."""
    return CreateChatCompletion(model=MODEL, messages=[Message.user(text)], **more)


async def outcomes_of(client: MeshAPI, calls: Any, **options: Any) -> list[Any]:
    """Run a fan-out to its end, in the order of the input."""
    async with client.fan_out(calls, ordered=True, **options) as outcomes:
        return [outcome async for outcome in outcomes]


async def test_calls_of_every_kind_are_carried_out(client: MeshAPI) -> None:
    """Whole answers, streams, other families and files: each outcome holds the whole reply."""
    calls = [
        question(),
        StreamChatCompletion(model=MODEL, messages=[Message.user("Hello")]),
        CreateEmbeddings(model="openai/text-embedding-3-small", input="red"),
    ]
    whole, streamed, vectors = await outcomes_of(client, calls)
    assert [outcome.kind for outcome in (whole, streamed, vectors)] == ["ok"] * 3
    assert whole.result.choices[0].message.text == streamed.result.choices[0].message.text
    assert vectors.result[0].vector
    assert whole.time_to_first_event is None
    assert 0 < streamed.time_to_first_event <= streamed.latency + streamed.queued + 1e-3


async def test_files_and_unknown_streams_are_read_to_their_end(gateway: FakeGateway) -> None:
    """A streamed file is its bytes, a stream that no family has the list of its events."""
    gateway.enqueue(Answer(events=[{"a": 1}, {"b": 2}, "[DONE]"]))
    async with MeshAPI(gateway.base_url, gateway.token) as client:
        unknown = RawStreamCall("POST", "/v1/new", body={})
        speech = StreamSpeech(model="m", input="Hello", voice="v")
        events, sound = await outcomes_of(client, [unknown, speech], limit=1)
    assert events.result == [{"a": 1}, {"b": 2}]
    assert isinstance(sound.result, ByteReply)
    assert sound.result.content
    assert sound.result.request_id == sound.request_id


async def test_an_outcome_knows_its_attempts(gateway: FakeGateway) -> None:
    """Attempts carry status, request id, latency and, of the one that was answered, usage."""
    gateway.enqueue(Answer(429, body={"error": {"code": "rate_limit_exceeded", "message": "slow"}}))
    retry = Retry(max_retries=2, backoff=0.0)
    async with MeshAPI(gateway.base_url, gateway.token, retry=retry) as client:
        (outcome,) = await outcomes_of(client, [question()])
    first, second = outcome.attempts
    assert (first.status, second.status) == (429, 200)
    assert first.usage is None
    assert second.usage.total_tokens == outcome.usage.total_tokens > 0
    assert second.request_id == outcome.request_id == outcome.result.request_id
    assert outcome.model == MODEL


async def test_errors_are_told_by_kind(gateway: FakeGateway) -> None:
    """A model that there is not is one bad item; a key that is not accepted ends the run."""
    gateway.enqueue(NOT_FOUND)
    async with MeshAPI(gateway.base_url, gateway.token) as client:
        bad, good = await outcomes_of(client, [question(), question()], limit=1)
    assert (bad.kind, good.kind) == ("api_error", "ok")
    assert isinstance(bad.error, NotFoundError)
    assert [attempt.status for attempt in bad.attempts] == [404]
    async with MeshAPI(gateway.base_url, "rsk_wrong") as client:
        with pytest.raises(AuthenticationError):
            await outcomes_of(client, (question(str(number)) for number in range(100)), limit=2)


async def test_a_limit_is_shared_with_ordinary_calls(gateway: FakeGateway) -> None:
    """An ordinary call with the same limit waits for it, and goes before what a fan-out still has to do."""
    limit = FixedLimit(1)
    order: list[str] = []

    def answered(outcome: str) -> None:
        order.append(outcome)

    async with MeshAPI(gateway.base_url, gateway.token) as client:
        bot = client.with_options(limit=limit)
        calls = (question(str(number)) for number in range(5))
        async with client.fan_out(calls, limit=limit) as outcomes:
            await anext(outcomes)
            answer = asyncio.create_task(bot.send(question("the bot's")))
            answer.add_done_callback(lambda _: answered("bot"))
            async for _ in outcomes:
                answered("batch")
            await answer
    assert "bot" in order[:2]
    assert limit.in_flight == 0


async def test_a_client_with_a_limit_fans_out_within_it(gateway: FakeGateway) -> None:
    """The limit of ``with_options`` is that of the client's fan-outs too, unless they have another one."""
    limit, other = FixedLimit(2), FixedLimit(3)
    async with MeshAPI(gateway.base_url, gateway.token) as plain:
        client = plain.with_options(limit=limit)
        async with client.fan_out([question()]) as outcomes:
            assert (await anext(outcomes)).ok
            assert outcomes.snapshot().limit == 2
        async with client.fan_out([question()], limit=other) as outcomes:
            assert outcomes.snapshot().limit == 3


async def test_rates_are_learnt_from_the_gateway() -> None:
    """What its headers tell of its limits holds for the calls that come after, streams included."""
    async with FakeGateway(requests_per_minute=6000, tokens_per_minute=90_000) as gateway:
        limit = RateLimit()
        async with MeshAPI(gateway.base_url, gateway.token) as client:
            await client.with_options(limit=limit).send(question())
            assert (limit.requests_per_minute, limit.tokens_per_minute) == (6000, 90_000)
            other = RateLimit()
            async for _ in client.with_options(limit=other).chat.completions.create(
                model=MODEL, messages=[Message.user("Hello")], stream=True
            ):
                pass
            assert (other.requests_per_minute, other.tokens_per_minute) == (6000, 90_000)


async def test_the_pause_before_a_retry_holds_nobody_up(gateway: FakeGateway) -> None:
    """While one call waits as a ``Retry-After`` asks, its place is another one's; then it takes one anew."""
    refusal = {"error": {"code": "rate_limit_exceeded", "message": "slow"}}
    gateway.enqueue(Answer(429, headers={"Retry-After": "7"}, body=refusal))
    limit = FixedLimit(1)
    pauses: list[float] = []
    others_done = asyncio.Event()
    async with MeshAPI(gateway.base_url, gateway.token) as client:

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            assert limit.in_flight == 0
            await others_done.wait()

        client._shared.courier.sleep = sleep
        first = asyncio.create_task(client.with_options(limit=limit).send(question("refused")))
        await gateway.received(1)
        outcomes = await outcomes_of(client, [question("other")] * 3, limit=limit)
        assert [outcome.kind for outcome in outcomes] == ["ok"] * 3
        others_done.set()
        answer = await first
    assert [attempt.status for attempt in answer.meta.attempts] == [429, 200]
    assert pauses[0] >= 7


async def test_an_ordinary_stream_holds_the_limit_to_its_end(gateway: FakeGateway) -> None:
    """A stream counts against the limit from before it is opened until it is over, however it ends."""
    limit = FixedLimit(3)
    async with MeshAPI(gateway.base_url, gateway.token) as plain:
        client = plain.with_options(limit=limit)
        call = StreamChatCompletion(model=MODEL, messages=[Message.user("Hello")])
        async with client.stream(call) as stream:
            assert limit.in_flight == 1
            async for _ in stream:
                pass
            assert limit.in_flight == 0
        async with client.stream(call) as stream:
            await anext(stream)
            assert limit.in_flight == 1
        assert limit.in_flight == 0
        stream = await client.stream(call)
        stream.close()
        assert limit.in_flight == 0


async def test_a_refused_or_cancelled_call_gives_the_limit_back(gateway: FakeGateway) -> None:
    """After an error, a timeout or a cancellation nothing is held."""
    limit = FixedLimit(1)
    async with MeshAPI(gateway.base_url, gateway.token) as plain:
        client = plain.with_options(limit=limit)
        gateway.enqueue(NOT_FOUND)
        with pytest.raises(NotFoundError):
            await client.send(question())
        assert limit.in_flight == 0
        hurried = client.with_options(timeout=Timeout(total=0.001), retry=Retry(max_retries=0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await hurried.send(question())
        assert limit.in_flight == 0
        await client.send(question())


async def test_fallbacks_answer_in_fan_outs_too(gateway: FakeGateway) -> None:
    """The client's own options hold for each call: where a model fails, another one answers."""
    gateway.enqueue(Answer(502, body={"error": {"code": "upstream_error", "message": "down"}}))
    async with MeshAPI(gateway.base_url, gateway.token, retry=Retry(max_retries=0)) as client:
        other = "anthropic/claude-3.5-haiku"
        patient = client.with_options(fallback=Fallback(models=[other]))
        (outcome,) = await outcomes_of(patient, [question()])
    assert [attempt.model for attempt in outcome.attempts] == [MODEL, other]
    assert outcome.ok


async def test_a_budget_is_never_overshot(gateway: FakeGateway) -> None:
    """Prices come from the models endpoint; what does not fit is skipped, and the bill is below the cap."""
    async with MeshAPI(gateway.base_url, gateway.token) as client:
        calls = [question(f"Hello {number}", max_tokens=64) for number in range(200)]
        budget = Budget(usd="0.0005")
        outcomes = await outcomes_of(client, calls, budget=budget, limit=8)
        events = client.usage.events(since="2020-01-01T00:00:00Z", limit=1000)
        costs = [event.cost async for event in events]
        bill = sum(filter(None, costs), Decimal())
    kinds = {outcome.kind for outcome in outcomes}
    assert kinds == {"ok", "skipped_budget"}
    assert budget.usd is not None
    assert bill <= budget.spent <= budget.usd
    assert budget.reserved == 0
    assert budget.unreconciled == 0
    assert budget.spent == bill


async def test_an_unknown_price_is_refused(gateway: FakeGateway) -> None:
    """A model without a price ends the run before anything is sent, unless that is overridden."""
    async with MeshAPI(gateway.base_url, gateway.token) as client:
        call = CreateChatCompletion(model="auto", messages=[Message.user("Hello")], max_tokens=50)
        with pytest.raises(UnknownPriceError, match="auto"):
            await outcomes_of(client, [call], budget=Budget(usd=1))
        assert not [each for each in gateway.requests if each.path.endswith("completions")]
        (outcome,) = await outcomes_of(client, [call], budget=Budget(usd=1, unpriced="0.01"))
        assert outcome.ok
        prices = {"auto": Price(prompt=Decimal(1), completion=Decimal(1))}
        (outcome,) = await outcomes_of(client, [call], budget=Budget(usd=1, prices=prices))
        assert outcome.ok


async def test_what_is_no_call_is_told(client: MeshAPI) -> None:
    """An item that is no call is an outcome that says what it should be."""
    (outcome,) = await outcomes_of(client, ["hello"])
    assert isinstance(outcome.error, TypeError)
    assert "CreateChatCompletion" in str(outcome.error)
