"""Templates make what the full way makes, for any stream and any cut (promises 1, 3, 4 and 6)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio import ChatCompletionChunk, StreamChatCompletion
from meshapi_aio._answer import Answer
from meshapi_aio._batch import Batch
from meshapi_aio._chunks import ChunkReader
from meshapi_aio._codec import structurer
from meshapi_aio._json import loads
from meshapi_aio._kin import Kin
from meshapi_aio._learning import learnt
from meshapi_aio._templates import Templates
from meshapi_aio.errors import MalformedEventError
from meshapi_aio.settings import Settings
from tests.feeding import fed
from tests.strategies import cuts


CALL = StreamChatCompletion(messages=[{"role": "user", "content": "Hi"}])
ANSWER = Answer(200, {"content-type": "text/event-stream"})
SETTINGS = Settings(base_url="https://gateway.example", token="rsk_x")

structure = structurer(ChatCompletionChunk)


def chunk(delta: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a chunk as gateways send it."""
    choice = {"index": 0, "delta": delta or {}, "logprobs": None, "finish_reason": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_741_570_283,
        "model": "openai/gpt-4o-mini",
        "choices": [choice],
        **more,
    }


def text(value: object) -> str:
    """Return JSON as gateways write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def content(piece: str, **more: Any) -> str:
    """Return the data of an event with some text."""
    return text(chunk({"content": piece}, **more))


def full(data: str) -> ChatCompletionChunk:
    """Decode the full way."""
    made: ChatCompletionChunk = structure(loads(data))
    return made


class Counting:
    """Templates, and how often the full way was gone."""

    def __init__(self, kin: Kin | None = None) -> None:
        self.templates: Templates[ChatCompletionChunk] = Templates(2**20, kin)
        self.went_full = 0

    def decode(self, data: str) -> ChatCompletionChunk:
        """Decode an event's data as the reader does, and check that both ways agree."""
        made = self.templates.match(data)
        expected = full(data)
        if made is None:
            self.went_full += 1
            self.templates.learn(data, expected, full)
        else:
            assert made == expected
            assert type(made.choices) is list
            assert repr(made) == repr(expected)
        return expected


def went_full(*events: str, kin: Kin | None = None) -> int:
    """Return for how many events of a stream the full way was gone."""
    counting = Counting(kin)
    for event in events:
        counting.decode(event)
    return counting.went_full


LIKE: dict[str, Callable[[int], str]] = {
    "text": lambda i: content(f"w{i}"),
    "text that needs escapes": lambda i: content(f'"\\\n{i}\u2028\x7f'),
    "text beyond the first plane": lambda i: content("🙂" * (i % 3) + "é"),
    "arguments of a tool call": lambda i: text(
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": f'{{"{i}'}}]})
    ),
    "reasoning under a key of its own": lambda i: text(chunk({"reasoning_content": f"r{i}"})),
    "text and padding": lambda i: content(f"w{i}", obfuscation="x" * (1 + i % 7)),
    "text and a number that counts": lambda i: content(f"w{i}", sequence_number=i),
    "text, padding and a time": lambda i: content(f"w{i}", obfuscation=f"p{i}", created=1_700_000_000 + i),
    "the same again and again": lambda _: content("a"),
    "log probabilities that are numbers": lambda i: content(f"w{i}", x={"bytes": [1, -i, 3]}),
}


@pytest.mark.parametrize("kind", LIKE)
def test_what_differs_in_a_text_or_two_is_made_by_a_template(kind: str) -> None:
    """After three chunks the full way is gone no more, and what is made is equal."""
    assert went_full(*[LIKE[kind](number) for number in range(1, 40)]) == 3


def test_a_first_chunk_of_another_kind_delays_nothing() -> None:
    """The role comes first: the template is learnt from the two after it."""
    first = text(chunk({"role": "assistant", "content": ""}))
    assert went_full(first, *[content(f"w{number}") for number in range(40)]) == 3


def test_answers_that_take_turns_have_a_template_each() -> None:
    """Of several answers or models in one stream, none falls back to the full way for good."""
    events = [
        text(
            {
                **chunk(),
                "model": f"m{number % 3}",
                "choices": [{"index": number % 3, "delta": {"content": f"w{number}"}}],
            }
        )
        for number in range(300)
    ]
    assert went_full(*events) < 60


def of_stream(number: int, **more: Any) -> list[str]:
    """Return events of a stream that has an id, a time and texts of its own."""
    head = {"id": f"chatcmpl-{number}", "created": 1_700_000_000 + number // 3, **more}
    role = text(chunk({"role": "assistant", "content": ""}, **head))
    return [role, *[content(f"w{number} {place}", **head) for place in range(20)]]


def test_a_stream_like_those_before_it_need_not_learn() -> None:
    """
    Two streams learn for themselves, the third has its template from the first text.

    The fourth is from another second, which the first three shared; after it none need learn again.
    """
    kin = Kin()
    assert [went_full(*of_stream(number), kin=kin) for number in range(9)] == [3, 3, 1, 3, 1, 1, 1, 1, 1]


def test_short_streams_learn_for_those_that_come() -> None:
    """Though one that comes as a whole has no use for it itself."""
    kin = Kin()
    wanted: list[bool] = []
    for number in range(4):
        body = b"".join(b"data: %b\n\n" % event.encode() for event in (*of_stream(number)[:8], "[DONE]"))
        reader: ChunkReader[ChatCompletionChunk] = ChunkReader(CALL, ANSWER, SETTINGS, kin)
        chunks = fed(reader, [body], ends=True)
        assert [each.text for each in chunks] == ["", *[f"w{number} {place}" for place in range(7)]]
        wanted.append(kin.is_empty)
    assert wanted == [True, False, False, False]


@pytest.mark.parametrize("length", [8, 100])
def test_streams_that_nothing_fits_spare_each_other_the_tries(length: int) -> None:
    """After a few of them one in 64 tries; where what they bring can be learnt again, it soon is."""
    kin = Kin()

    def tries(event: Callable[[int], str]) -> int:
        templates: Templates[ChatCompletionChunk] = Templates(2**20, kin)
        for place in range(length):
            data = event(place)
            if templates.match(data) is None:
                templates.learn(data, full(data), full)
        return 100 - templates._left

    counts = [tries(DEFEATING["a key that is never the same"]) for _ in range(640)]
    assert [bool(count) for count in counts[16:]] == [place % 64 == 0 for place in range(17, 641)]
    assert sum(counts[:16]) > 0
    assert kin.is_empty
    for number in range(66):
        tries(of_stream(number).__getitem__ if length < 20 else LIKE["text"])
    assert not kin.is_empty


def test_models_that_take_turns_have_kin_each() -> None:
    """As many as four at once."""
    kin = Kin()
    models = ["one", "another", "a third", "a fourth"]
    counts = [went_full(*of_stream(number, model=models[number % 4]), kin=kin) for number in range(40)]
    assert counts[-8:] == [1] * 8


def test_streams_with_one_id_are_kin_too() -> None:
    """Where nothing but the texts differ, as with gateways made for tests."""
    kin = Kin()
    assert [went_full(*of_stream(7), kin=kin) for _ in range(4)] == [3, 3, 1, 1]


def test_streams_that_have_nothing_in_common_learn_for_themselves() -> None:
    """And what they might have in common is looked for ever more seldom: 10 times in 1,000 streams."""
    kin, tries = Kin(), 0

    def counted(data: str) -> ChatCompletionChunk:
        nonlocal tries
        tries += "\ue000" in data
        return full(data)

    for number in range(1_000):
        events = [content(f"w{place}", **{f"x{number}": 1}) for place in range(6)]
        templates: Templates[ChatCompletionChunk] = Templates(2**20, kin)
        for data in events:
            made = templates.match(data)
            if made is None:
                templates.learn(data, full(data), counted)
            else:
                assert made == full(data)
        assert templates.known
    assert tries <= 1_010


DEFEATING: dict[str, Callable[[int], str]] = {
    "a key that is never the same": lambda i: content(f"w{i}", **{f"p{i}": "x"}),
    "too much that differs": lambda i: content(f"w{i}", a=f"a{i}", b=f"b{i}", c=f"c{i}", d=f"d{i}"),
    "a number with a fraction": lambda i: content(f"w{i}", x=i / 7),
    "null and text in turns": lambda i: content(f"w{i}") if i % 2 else text(chunk({"content": None})),
    "a type": lambda i: content("a", x={"type": f"t{i}"}),
}


@pytest.mark.parametrize("kind", DEFEATING)
def test_what_no_template_fits_is_tried_seldom(kind: str) -> None:
    """The full way each time, and the tries to learn become rare: 11 in 4,000 chunks."""
    tries = 0

    def decode(data: str) -> ChatCompletionChunk:
        nonlocal tries
        tries += 1
        return full(data)

    templates: Templates[ChatCompletionChunk] = Templates(2**20)
    made = 0
    for number in range(4_000):
        data = DEFEATING[kind](number)
        if templates.match(data) is None:
            templates.learn(data, full(data), decode)
        else:
            made += 1
    assert made == 0
    assert tries <= 16


@pytest.mark.parametrize(
    "changed",
    [
        content("a")[:-1],
        content("a") + " ",
        " " + content("a"),
        content("a").replace(":", ": ", 1),
        content("a").replace('"a"', '"a'),
        content("a").replace('"a"', '"a\n"'),
        content("a").replace('"a"', '"\\x"'),
        content("a").replace('"a"', '"\\ud83d"'),
        content("a").replace('"a"', "1"),
        content("a").replace('"a"', "null"),
        content("a").replace('"a"', '"a","content":"b"'),
        content("a").replace('"a"', '"a","refusal":"b"'),
        content("a").replace("chatcmpl-1", "chatcmpl-2"),
        content("a", error="no"),
        "",
        "[DONE]",
    ],
)
def test_what_does_not_fit_to_the_letter_goes_the_full_way(changed: str) -> None:
    """Or gives what the full way gives: also where the difference is a single character."""
    counting = Counting()
    for word in ("one", "two", "three", "four"):
        counting.decode(content(word))
    assert counting.went_full == 3
    made = counting.templates.match(changed)
    if made is not None:
        assert made == full(changed)
    block = b"data: %s\n\n" % changed.encode()
    taken, used = counting.templates.take(block)
    assert used in {0, len(block)}
    assert list(Batch(taken)) == ([full(changed)] if used else [])


def test_a_hole_that_decides_what_the_chunk_is_makes_no_template() -> None:
    """An ``error`` may turn from none to one with its text, and a part's class goes by its ``type``."""
    for key in ("error", "type", "event", "status"):
        events = [text({**chunk({"content": "a"}), "x": {key: f"t{number}"}}) for number in range(20)]
        assert went_full(*events) == 20


def test_what_is_made_shares_nothing() -> None:
    """Changing a chunk changes no other, and none that is still to come."""
    counting = Counting()
    events = [
        content(f"w{number}", usage={"prompt_tokens": 1}, x={"deep": [1, {"y": 2}]}) for number in range(6)
    ]
    for event in events[:3]:
        counting.decode(event)
    first, second = (counting.templates.match(event) for event in events[3:5])
    assert first is not None
    assert second is not None
    first.extra["x"]["deep"][1]["y"] = 3
    first.choices[0].delta.extra["new"] = 1
    first.choices.append(first.choices[0])
    assert first.usage is not None
    first.usage.prompt_tokens = 9
    assert second == full(events[4])
    assert counting.templates.match(events[5]) == full(events[5])


PIECES = st.one_of(
    st.sampled_from(
        ["", " the", "\n", '"', "\\", "\\u0041", "a\x00b", "é", "日", "🙂", "\u2028", "\x7f", "}", "data: "]
    ),
    st.text(max_size=8),
)


@st.composite
def chunk_streams(draw: st.DrawFn) -> bytes:
    """Draw streams as gateways send them: runs of chunks that are alike, and what comes between."""
    written: list[bytes] = []
    for _ in range(draw(st.integers(1, 5))):
        escaped = draw(st.booleans())
        key = draw(st.sampled_from(["content", "content", "reasoning", "arguments"]))
        head: dict[str, Any] = draw(
            st.sampled_from([{}, {"id": "x"}, {"model": "é"}, {"obfuscation": ""}, {"created": 0}])
        )
        for number, piece in enumerate(draw(st.lists(PIECES, max_size=6))):
            delta: dict[str, Any] = {key: piece}
            if key == "arguments":
                delta = {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
            more: dict[str, Any] = dict(head)
            if "obfuscation" in more:
                more["obfuscation"] = "x" * (number % 4)
            if "created" in more:
                more["created"] = number
            data = json.dumps(chunk(delta, **more), ensure_ascii=escaped, separators=(",", ":"))
            written.append(b"data: " + data.encode("utf-8", "surrogatepass") + b"\n\n")
        written += draw(st.lists(st.sampled_from(BETWEEN), max_size=1))
    return b"".join(written)


BETWEEN = [
    b": hb\n\n",
    b"data:\n\n",
    b"data: [DONE]\n\n",
    b"data: " + content("a").encode() + b"\r\n\r\n",
    b"event: message\ndata: " + content("a").encode() + b"\n\n",
    b"data: " + content("a").encode().replace(b'"a"', b'"a\xff"') + b"\n\n",
    b"data: " + content("a").encode().replace(b'"a"', b'"a\n\ndata: b"') + b"\n\n",
    b"data: " + text(chunk({"content": ""}, error={"message": "no"})).encode() + b"\n\n",
    b"data: {\n\n",
    b"\n",
    b"data: ",
]


@given(st.data())
def test_templated_and_plain_decoding_give_equal_chunks(data: st.DataObject) -> None:
    """For any stream and any cut: the same chunks, the same end, the same failure."""
    stream = data.draw(chunk_streams())
    settings = SETTINGS.evolve(on_malformed=data.draw(st.sampled_from(["raise", "skip"])))

    def read(pieces: list[bytes], *, plain: bool, alone: bool = False) -> Any:
        reader: ChunkReader[ChatCompletionChunk] = ChunkReader(CALL, ANSWER, settings)
        if plain:
            reader._templates = NoTemplates(2**20)
        chunks = fed(reader, pieces, ends=True, alone=alone)
        failure = reader.failure
        return chunks, reader.done, reader.skipped, reader._index, failure and (type(failure), str(failure))

    expected = read([stream], plain=True)
    assert read([stream], plain=False) == expected
    assert read(data.draw(cuts(stream)), plain=False) == expected
    assert read([bytes([byte]) for byte in stream], plain=False) == expected
    assert read(data.draw(cuts(stream)), plain=False, alone=True) == expected
    assert read(stream.splitlines(keepends=True), plain=False, alone=True) == expected
    assert read([part + b"\n\n" for part in stream.split(b"\n\n")], plain=False, alone=True)[0] == expected[0]


@given(st.data())
def test_what_other_streams_have_learnt_changes_no_chunk(data: st.DataObject) -> None:
    """For any streams one after the other, whatever they share: the same chunks and the same end."""
    kin = Kin()
    for number in range(data.draw(st.integers(2, 4))):
        stream = data.draw(chunk_streams()).replace(b"chatcmpl-1", b"chatcmpl-%d" % (number // 2))

        def read(pieces: list[bytes], kin: Kin | None) -> Any:
            reader: ChunkReader[ChatCompletionChunk] = ChunkReader(CALL, ANSWER, SETTINGS, kin)
            if kin is None:
                reader._templates = NoTemplates(2**20)
            chunks = fed(reader, pieces, ends=True)
            failure = reader.failure
            return chunks, reader.done, reader._index, failure and (type(failure), str(failure))

        expected = read([stream], None)
        assert read(data.draw(cuts(stream)), kin) == expected
        assert read([stream], kin) == expected


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (content("w"), ["w"]),
        (content(""), [""]),
        (content('\n "ä'), ['\n "ä']),
        (content("w").replace("w", "\\ud83d"), ["\ud83d"]),
        (content("w").replace('"w"', '"'), []),
        (content("w").replace('"w"', '"w\\"'), []),
        (content("w").replace("w", "\x07"), []),
        (content("w").replace("w", "a\n"), []),
        (content("w").replace("w", '","role":"tool'), []),
        (f"{content('w')}\n\ndata: {content('é')}\n\ndata: {content('')}", ["w", "é", ""]),
        (f"{content('w')}\n\ndata: {content('v', id='another')}", []),
        (f"{content('w')}\n\ndata: {content('v')}\n", []),
        (f"{content('w')}\n\n{content('v')}", []),
        (f"{content('w')}\n\ndata: {content('v').replace('v', chr(13))}", []),
        (content("w", id="another"), []),
        (content("w") + " ", []),
        ("", []),
    ],
)
def test_what_tells_chunks_by_their_texts(data: str, told: list[str]) -> None:
    """Chunks that are all that comes are told by texts, not by what only looks like one (promise 4)."""
    reader: ChunkReader[ChatCompletionChunk] = ChunkReader(CALL, ANSWER, SETTINGS)
    assert reader.alike is None
    for number in range(4):
        reader.feed(b"data: %b\n\n" % content(f"w{number}").encode())
    assert reader.alike is not None
    assert reader.alike.texts(b"data: %b\n\n" % data.encode("utf-8", "surrogatepass")) == told
    reader.feed(b"data:")
    assert reader.alike is None


class NoTemplates(Templates[ChatCompletionChunk]):
    """Templates that never learn."""

    def learn(
        self, text: str, chunk: ChatCompletionChunk, decode: Callable[[str], ChatCompletionChunk]
    ) -> None:
        """Learn nothing."""


def test_a_stack_that_is_nearly_full_gives_no_template_and_no_error() -> None:
    """Comparing chunks goes deeper than making them did."""

    class Deep:
        """Is compared by calling too deeply."""

        def __eq__(self, other: object) -> bool:
            raise RecursionError

        def __hash__(self) -> int:
            return 0

    assert learnt(content("a"), content("b"), full(content("b")), full, most=2**20, holes=3) is not None
    assert learnt(content("a"), content("b"), Deep(), full, most=2**20, holes=3) is None


def nested(depth: int) -> Any:
    """Return lists in lists."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [100, 250, 900])
def test_chunks_that_nest_deeply_are_chunks(depth: int) -> None:
    """Also where Python's compiler would not take code that nests as they do (promise 6)."""
    reader: ChunkReader[ChatCompletionChunk] = ChunkReader(CALL, ANSWER, SETTINGS)
    events = [content(f"w{number}", x=nested(depth)) for number in range(4)]
    chunks = [each for event in events for each in reader.feed(b"data: %b\n\n" % event.encode())]
    assert [each.text for each in chunks] == ["w0", "w1", "w2", "w3"]
    assert reader.failure is None


@pytest.mark.parametrize(
    "event",
    [
        lambda i: content(f"w{i}", x=[None] * 200),
        lambda i: text({"choices": [{}] * 20, "x": f"w{i}"}),
        lambda i: content(f"w{i}", x="x" * 20_000),
    ],
    ids=["of many values", "of many answers", "long"],
)
def test_what_is_no_usual_chunk_is_not_learnt_from(event: Callable[[int], str]) -> None:
    """A megabyte of values took 20 seconds to compile (promise 19)."""
    assert went_full(*[event(number) for number in range(10)]) == 10


def test_what_a_stream_may_spend_on_templates_is_bounded() -> None:
    """One whose chunks change their shape as soon as they are learnt: each shape costs a compilation."""
    tries = 0

    def decode(data: str) -> ChatCompletionChunk:
        nonlocal tries
        tries += 1
        return full(data)

    templates: Templates[ChatCompletionChunk] = Templates(2**20)
    for number in range(4_000):
        data = content(f"w{number}", **{f"x{number // 12}": [None] * (number // 12 % 50)})
        if templates.match(data) is None:
            templates.learn(data, full(data), decode)
    assert tries <= 100


@pytest.mark.parametrize("kind", DEFEATING)
def test_tries_become_rare_after_a_template_of_worth_too(kind: str) -> None:
    """What a template made long ago is no reason to look for one at every chunk."""
    tries = 0

    def decode(data: str) -> ChatCompletionChunk:
        nonlocal tries
        tries += 1
        return full(data)

    templates: Templates[ChatCompletionChunk] = Templates(2**20)
    events = [content(f"w{number}") for number in range(40)]
    events += [DEFEATING[kind](number) for number in range(2_000)]
    for data in events:
        if templates.match(data) is None:
            templates.learn(data, full(data), decode)
    assert tries <= 20


@pytest.mark.parametrize(
    "data",
    [
        content("").replace('"content":""', '"content":"'),
        content("a").replace('"object"', '\n"object"'),
    ],
    ids=["a text without an end", "a line that is none of data"],
)
def test_what_only_looks_like_a_chunk_is_malformed(data: str) -> None:
    """Neither the ends that a template knows nor its lines make a chunk of what is none (promise 4)."""
    reader: ChunkReader[ChatCompletionChunk] = ChunkReader(CALL, ANSWER, SETTINGS)
    for number in range(4):
        event = content(f"w{number}")
        if "\n" in data:
            event = event.replace('"object"', '\ndata: "object"')
        assert len(reader.feed(b"data: %b\n\n" % event.encode())) == 1
    assert not reader.feed(b"data: %b\n\n" % data.encode())
    assert isinstance(reader.failure, MalformedEventError)
