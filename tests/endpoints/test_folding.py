"""What a chunk adds to an answer, and what many of them make together."""

import base64
import sys
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio._codec import structurer
from meshapi_aio.endpoints._folding import AbsentDelta, ChoiceFolder, Delta, MessageFolder
from meshapi_aio.endpoints._messages import FunctionCall, IncompleteToolCall, Message, ToolCall
from meshapi_aio.endpoints.chat import CreateChatCompletion


def fold(deltas: Iterable[dict[str, Any]], *, ended: bool = True, cut_off: bool = False) -> Message:
    """Fold deltas as they come over the wire into a message."""
    folder = MessageFolder()
    for delta in deltas:
        folder.add(structurer(Delta)(delta))
    return folder.fold(ended=ended, cut_off=cut_off)


@pytest.mark.parametrize(
    ("deltas", "message"),
    [
        ([], Message()),
        ([{}], Message()),
        ([{"role": "assistant", "content": ""}], Message()),
        ([{"content": None}, {"content": "Hé"}, {}, {"content": "llo"}], Message(content="Héllo")),
        ([{"content": "a\n"}, {"content": " "}, {"content": "\u2028b"}], Message(content="a\n \u2028b")),
        ([{"role": "assistant"}, {"role": "tool", "content": "a"}], Message(content="a")),
        ([{"content": "a"}, {"role": "model"}], Message(role="model", content="a")),
        ([{"content": "a\ud83d"}, {"content": "\ude00b"}], Message(content="a😀b")),
        ([{"content": "a\ud83d"}], Message(content="a\ud83d")),
        (
            [{"reasoning": "first "}, {"reasoning": None}, {"reasoning": "second"}, {"content": "a"}],
            Message(content="a", extra={"reasoning": "first second"}),
        ),
        (
            [{"reasoning_content": "b\ud83d"}, {"reasoning_content": "\ude00"}],
            Message(extra={"reasoning_content": "b😀"}),
        ),
        ([{"refusal": "I "}, {"refusal": "won't"}], Message(extra={"refusal": "I won't"})),
        (
            [{"reasoning": {"odd": 1}}, {"reasoning": "text"}, {"reasoning": {"odd": 2}}],
            Message(extra={"reasoning": "text"}),
        ),
        (
            [{"new": 1, "other": [1]}, {"new": 2}, {"new": None}],
            Message(extra={"new": 2, "other": [1]}),
        ),
        (
            [
                {"reasoning_details": [{"text": "a"}]},
                {"reasoning_details": []},
                {"reasoning_details": [{"text": "b"}]},
            ],
            Message(reasoning_details=[{"text": "a"}, {"text": "b"}]),
        ),
    ],
)
def test_what_deltas_make_together(deltas: list[dict[str, Any]], message: Message) -> None:
    """Text is joined, halves of characters too; of unknown keys the last value holds, and null is none."""
    assert fold(deltas) == message


def sound(data: bytes) -> str:
    """Write bytes as base64."""
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("pieces", "audio"),
    [
        ([{"id": "audio_a"}, {"expires_at": 5, "id": None}], {"id": "audio_a", "expires_at": 5}),
        ([{"transcript": "Hé"}, {"transcript": "llo"}], {"transcript": "Héllo"}),
        (
            [{"data": sound(b"a")}, {"data": sound(b"bcd")}, {"data": sound(b"ef")}],
            {"data": sound(b"abcdef")},
        ),
        ([{"data": sound(b"abcdef")[:3]}, {"data": sound(b"abcdef")[3:]}], {"data": sound(b"abcdef")}),
        ([{"data": "é"}, {"data": "…"}], {"data": "é…"}),
        ([{"data": 5}], {"data": 5}),
        ([{}], None),
    ],
)
def test_sound_is_joined(pieces: list[dict[str, Any]], audio: dict[str, Any] | None) -> None:
    """Base64 whether each piece has its own padding or the whole was cut; other text as it is."""
    assert fold({"audio": piece} for piece in pieces).audio == audio


@given(data=st.lists(st.binary(max_size=20), min_size=1))
def test_sound_survives_any_pieces(data: list[bytes]) -> None:
    """Each encoded by itself."""
    audio = fold({"audio": {"data": sound(piece)}} for piece in data).audio
    assert base64.b64decode((audio or {}).get("data", "")) == b"".join(data)


CALLING: list[dict[str, Any]] = [
    {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}, {"index": 1, "function": {"name": "g"}}]},
    {"tool_calls": []},
]


def test_tool_calls_are_put_together() -> None:
    """The whole ones where they belong, what came of others beside them."""
    message = fold(CALLING)
    assert message.tool_calls == [
        ToolCall(id="a", function=FunctionCall(name="f", arguments='{"x":1}')),
        ToolCall(id="call_1", function=FunctionCall(name="g", arguments="{}")),
    ]
    assert message.incomplete_tool_calls == []
    cut = fold(CALLING, cut_off=True)
    assert cut.tool_calls == (message.tool_calls or [])[:1]
    assert cut.incomplete_tool_calls == [IncompleteToolCall(index=1, name="g")]
    early = fold(CALLING, ended=False)
    assert early.tool_calls is None
    assert [call.name for call in early.incomplete_tool_calls] == ["f", "g"]


def test_the_reasoning_of_a_delta() -> None:
    """Under either name."""
    assert structurer(Delta)({"reasoning": "a"}).reasoning == "a"
    assert structurer(Delta)({"reasoning_content": "b"}).reasoning == "b"
    assert Delta().reasoning is None


def test_a_delta_that_did_not_come_is_a_delta() -> None:
    """It reads as empty, so that ``choice.delta.content`` never raises."""
    assert isinstance(AbsentDelta(), Delta)
    assert AbsentDelta().content is None


def test_a_folded_message_can_be_sent_back() -> None:
    """As it is: with its calls, its reasoning details, and every key that came."""
    message = fold([{"role": "assistant", "content": "a", "reasoning": "b", "new": [1]}, *CALLING])
    sent = CreateChatCompletion(messages=[message]).body()["messages"]
    assert sent == [
        {
            "role": "assistant",
            "content": "a",
            "reasoning": "b",
            "new": [1],
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
                {"id": "call_1", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        }
    ]


@pytest.mark.parametrize("deltas", [[], [{"content": ""}], [{"reasoning": "only thoughts"}]])
def test_an_empty_message_cannot_be_sent_back(deltas: list[dict[str, Any]]) -> None:
    """It would spoil the conversation; the error names its position."""
    with pytest.raises(ValueError, match=r"messages\[1\] is an assistant message with neither text nor"):
        CreateChatCompletion(messages=[{"role": "user", "content": "hi"}, fold(deltas)])


def test_a_message_of_incomplete_calls_cannot_be_sent_back() -> None:
    """The error counts them."""
    with pytest.raises(ValueError, match=r"messages\[0\] is .* \(2 incomplete\)"):
        CreateChatCompletion(messages=[fold(CALLING, ended=False)])


def test_folding_may_go_on() -> None:
    """A message that was folded in between is not touched later."""
    folder = MessageFolder()
    folder.add(Delta(content="a", reasoning_details=[{"n": 1}], extra={"new": 1}))
    first = folder.fold(ended=False)
    folder.add(Delta(content="b", reasoning_details=[{"n": 2}], extra={"new": 2}))
    assert first == Message(content="a", reasoning_details=[{"n": 1}], extra={"new": 1})
    assert folder.fold(ended=True).text == "ab"


# One answer.


def choice(*chunks: tuple[dict[str, Any], str | None, Any], whole: bool = False) -> dict[str, Any]:
    """Fold what chunks say of one answer: delta, finish reason and log probabilities."""
    folder = ChoiceFolder()
    for delta, finish_reason, logprobs in chunks:
        folder.add(structurer(Delta)(delta), finish_reason, logprobs)
    return folder.fold(whole=whole)


@pytest.mark.parametrize(
    ("reasons", "whole", "complete"),
    [
        ([], False, []),
        ([], True, ["f", "g"]),
        (["tool_calls"], False, ["f", "g"]),
        (["stop"], False, ["f", "g"]),
        (["something new"], True, ["f", "g"]),
        (["length"], True, ["f"]),
        (["content_filter"], False, ["f"]),
        (["error"], False, []),
        (["error"], True, []),
        (["stop", "error"], True, []),
    ],
)
def test_when_calls_are_complete(reasons: list[str], whole: bool, complete: list[str]) -> None:
    """After a finish reason or the stream's end; without arguments not where the answer was cut off."""
    chunks: list[tuple[dict[str, Any], str | None, Any]] = [(delta, None, None) for delta in CALLING]
    folded = choice(*chunks, *[({}, reason, None) for reason in reasons], whole=whole)
    calls = folded["message"].tool_calls or []
    assert [call.function.name for call in calls] == complete
    assert len(calls) + len(folded["message"].incomplete_tool_calls) == 2
    assert folded["finish_reason"] == (reasons[-1] if reasons else None)


@pytest.mark.parametrize(
    ("pieces", "together"),
    [
        ([], None),
        ([None], None),
        ([{"content": [1], "refusal": None}, {"content": [2, 3]}], {"content": [1, 2, 3], "refusal": None}),
        ([{"content": [1]}, {"content": None}, None, {"content": [2]}], {"content": [1, 2]}),
        ([{"content": None}, {"content": [1]}], {"content": [1]}),
        ([{"content": [1], "base": "e"}, {"base": "2"}], {"content": [1], "base": "2"}),
        ([{}], {}),
        (["odd"], "odd"),
        (["odd", {"content": [1]}], {"content": [1]}),
        ([[1], [2]], [2]),
    ],
)
def test_log_probabilities_are_joined(pieces: list[Any], together: Any) -> None:
    """Lists are joined; of anything else, the shape of which nobody promises, the last value holds."""
    folded = choice(*[({}, None, piece) for piece in pieces])
    assert folded["logprobs"] == together


def test_log_probabilities_are_copied() -> None:
    """What was folded in between is not touched later, nor is what came."""
    folder, came = ChoiceFolder(), {"content": [1]}
    folder.add(Delta(), None, came)
    first = folder.fold(whole=False)
    folder.add(Delta(), None, {"content": [2]})
    assert came == first["logprobs"] == {"content": [1]}
    assert folder.fold(whole=True)["logprobs"] == {"content": [1, 2]}


@given(
    deltas=st.lists(
        st.builds(
            Delta,
            role=st.none() | st.text(max_size=3),
            content=st.none() | st.text(max_size=3),
            audio=st.none()
            | st.dictionaries(
                st.sampled_from(["data", "transcript", "id"]), st.none() | st.integers() | st.text()
            ),
            extra=st.dictionaries(
                st.sampled_from(["reasoning", "refusal", "new"]), st.none() | st.text() | st.integers()
            ),
        )
    ),
    ended=st.booleans(),
)
def test_whatever_comes_is_folded(deltas: list[Delta], ended: bool) -> None:
    """Any deltas at all: no error, and all the text."""
    folder = MessageFolder()
    for delta in deltas:
        folder.add(delta)
    assert folder.fold(ended=ended).text == "".join(delta.content or "" for delta in deltas)


def test_the_cost_is_linear() -> None:
    """Twice the deltas cost twice the work: twice the function calls."""
    counted: list[int] = []
    for size in (300, 600):
        folder, calls = ChoiceFolder(), 0

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1

        delta = Delta(content="a", audio={"transcript": "b", "data": "QQ=="}, extra={"reasoning": "c"})
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            for _ in range(size):
                folder.add(delta, None, {"content": [1]})
        finally:
            sys.setprofile(before)
        counted.append(calls)
        message = folder.fold(whole=True)["message"]
        assert message.audio["transcript"] == "b" * size
        assert message.text == "a" * size
    assert counted[1] < 2.2 * counted[0]
