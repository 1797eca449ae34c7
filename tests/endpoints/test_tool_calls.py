"""The pieces of streamed tool calls: each finds its place, and what can be run is told from what can't."""

import itertools
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio.endpoints import _tool_calls
from meshapi_aio.endpoints._messages import FunctionCall, IncompleteToolCall, ToolCall
from meshapi_aio.endpoints._tool_calls import FunctionDelta, ToolCallDelta, ToolCallFolder


def piece(
    index: int | None = None,
    id: str | None = None,  # noqa: A002 - as on the wire
    name: str | None = None,
    arguments: str | None = None,
    **others: Any,
) -> ToolCallDelta:
    """Make a piece as it comes, without a function where it has neither name nor arguments."""
    function = None if name is None and arguments is None else FunctionDelta(name=name, arguments=arguments)
    return ToolCallDelta(index=index, id=id, function=function, **others)


def fold(
    pieces: Sequence[ToolCallDelta], *, ended: bool = True, cut_off: bool = False
) -> tuple[list[ToolCall], list[IncompleteToolCall]]:
    """Put pieces together."""
    folder = ToolCallFolder()
    for each in pieces:
        folder.add(each)
    return folder.fold(ended=ended, cut_off=cut_off)


def whole(pieces: Sequence[ToolCallDelta], **how: bool) -> list[tuple[str | None, str, str]]:
    """Give the calls that pieces make, as id, name and arguments."""
    return [(call.id, call.function.name, call.function.arguments) for call in fold(pieces, **how)[0]]


def parts(pieces: Sequence[ToolCallDelta], **how: bool) -> list[tuple[str | None, str | None, str]]:
    """Give what came of calls that were never whole, as id, name and arguments."""
    return [(call.id, call.name, call.arguments) for call in fold(pieces, **how)[1]]


HALVES = list("\ud83d\ude00")
X, Y = '{"x":1}', '{"y":2}'


class Case(NamedTuple):
    """Pieces, and the calls that they make."""

    says: str
    pieces: list[ToolCallDelta]
    calls: list[tuple[str, str, str]]
    incomplete: Sequence[tuple[str | None, str | None, str]] = ()


CASES = [
    Case(
        "as it should be: id and name first, then the arguments in pieces",
        [
            piece(0, "a", "f", ""),
            piece(0, arguments='{"x"'),
            piece(0, arguments=":"),
            piece(0, arguments="1}"),
        ],
        [("a", "f", X)],
    ),
    Case(
        "two calls, one after the other",
        [piece(0, "a", "f", ""), piece(0, arguments=X), piece(1, "b", "g", ""), piece(1, arguments=Y)],
        [("a", "f", X), ("b", "g", Y)],
    ),
    Case(
        "two calls, their pieces mixed",
        [
            piece(0, "a", "f", ""),
            piece(1, "b", "g", ""),
            piece(0, arguments='{"x"'),
            piece(1, arguments='{"y"'),
            piece(0, arguments=":1}"),
            piece(1, arguments=":2}"),
        ],
        [("a", "f", X), ("b", "g", Y)],
    ),
    Case("one call in one piece", [piece(0, "a", "f", X)], [("a", "f", X)]),
    Case(
        "the first index is 1",
        [piece(1, "a", "f", ""), piece(1, arguments=X), piece(2, "b", "g", Y)],
        [("a", "f", X), ("b", "g", Y)],
    ),
    Case(
        "everything under index 0: a new id starts a call",
        [piece(0, "a", "f", X), piece(0, "b", "g", '{"y"'), piece(0, arguments=":2}")],
        [("a", "f", X), ("b", "g", Y)],
    ),
    Case(
        "everything under index 0, the first call not finished: a new id starts a call all the same",
        [piece(0, "a", "f", ""), piece(0, "b", "f", ""), piece(0, arguments=X)],
        [("a", "f", "{}"), ("b", "f", X)],
    ),
    Case(
        "no index: pieces go on with the call that is not finished",
        [
            piece(id="a", name="f", arguments=""),
            piece(arguments='{"x"'),
            piece(arguments=":1}"),
            piece(id="b", name="g"),
            piece(arguments=Y),
        ],
        [("a", "f", X), ("b", "g", Y)],
    ),
    Case(
        "no index, the id with each piece, mixed",
        [
            piece(id="a", name="f"),
            piece(id="b", name="g"),
            piece(id="a", arguments='{"x":'),
            piece(id="b", arguments='{"y":'),
            piece(id="a", arguments="1}"),
            piece(id="b", arguments="2}"),
        ],
        [("a", "f", X), ("b", "g", Y)],
    ),
    Case(
        "an id that is known joins its call under any index",
        [piece(0, "a", "f"), piece(1, "b", "g"), piece(5, "a", arguments=X), piece(5, "b", arguments=Y)],
        [("a", "f", X), ("b", "g", Y)],
    ),
    Case(
        "id and name with each piece",
        [piece(0, "a", "f", '{"x"'), piece(0, "a", "f", ":1"), piece(0, "a", "f", "}")],
        [("a", "f", X)],
    ),
    Case(
        "the name with each piece, no id",
        [piece(0, name="f", arguments='{"x"'), piece(0, name="f", arguments=":1}")],
        [("call_0", "f", X)],
    ),
    Case(
        "empty ids and names are none",
        [piece(0, "", "f", '{"x"'), piece(0, "", "", ":1}")],
        [("call_0", "f", X)],
    ),
    Case(
        "the name again at the end is ignored",
        [piece(0, "a", "f", X), piece(0, name="f", arguments="")],
        [("a", "f", X)],
    ),
    Case(
        "the name again at the end, without an index, is ignored",
        [piece(0, "a", "f", X), piece(name="f")],
        [("a", "f", X)],
    ),
    Case(
        "no ids: another name starts a call",
        [piece(name="f"), piece(arguments=X), piece(name="g"), piece(arguments=Y)],
        [("call_0", "f", X), ("call_1", "g", Y)],
    ),
    Case(
        "no ids: another name starts a call also where the first has no arguments",
        [piece(0, name="f"), piece(0, name="g"), piece(0, arguments=Y)],
        [("call_0", "f", "{}"), ("call_1", "g", Y)],
    ),
    Case(
        "no ids, indexes only",
        [piece(0, name="f", arguments=X), piece(1, name="f", arguments=""), piece(1, arguments=Y)],
        [("call_0", "f", X), ("call_1", "f", Y)],
    ),
    Case(
        "whole calls without index or id, of one name",
        [piece(name="f", arguments=X), piece(name="f", arguments=Y), piece(name="f", arguments=X)],
        [("call_0", "f", X), ("call_1", "f", Y), ("call_2", "f", X)],
    ),
    Case(
        "whole calls under one index, without ids",
        [piece(0, name="f", arguments=X), piece(0, name="g", arguments=Y)],
        [("call_0", "f", X), ("call_1", "g", Y)],
    ),
    Case(
        "whole calls without arguments, without ids",
        [piece(0, name="f", arguments="{}"), piece(1, name="f", arguments="{}")],
        [("call_0", "f", "{}"), ("call_1", "f", "{}")],
    ),
    Case(
        "arguments under another index than the name",
        [piece(0, "a", "f"), piece(1, arguments='{"x"'), piece(1, arguments=":1}")],
        [("a", "f", X)],
    ),
    Case(
        "arguments under other indexes, call by call",
        [piece(0, "a", "f"), piece(1, arguments=X), piece(1, "b", "g"), piece(2, arguments=Y)],
        [("a", "f", X), ("b", "g", Y)],
    ),
    Case(
        "an index that comes and goes",
        [piece(0, "a", "f"), piece(arguments='{"x"'), piece(0, arguments=":1}")],
        [("a", "f", X)],
    ),
    Case(
        "a late id, by index",
        [piece(0, name="f"), piece(0, "a"), piece(0, arguments=X)],
        [("a", "f", X)],
    ),
    Case(
        "a late id, with arguments",
        [piece(0, name="f", arguments='{"x"'), piece(0, "a", arguments=":1}")],
        [("a", "f", X)],
    ),
    Case(
        "a late id, with the name again",
        [piece(0, name="f", arguments='{"x"'), piece(0, "a", "f", ":1}")],
        [("a", "f", X)],
    ),
    Case(
        "a late id, without an index",
        [piece(0, name="f"), piece(id="a", arguments=X)],
        [("a", "f", X)],
    ),
    Case(
        "a late id, under another index",
        [piece(0, name="f"), piece(1, "a", arguments=X)],
        [("a", "f", X)],
    ),
    Case(
        "a late id, after the arguments",
        [piece(0, name="f", arguments=X), piece(0, "a")],
        [("a", "f", X)],
    ),
    Case(
        "an id with another name is not late, but another call's",
        [piece(0, name="f"), piece(0, "a", "g", Y)],
        [("call_0", "f", "{}"), ("a", "g", Y)],
    ),
    Case(
        "an id before the name",
        [piece(0, "a"), piece(0, name="f"), piece(0, arguments=X)],
        [("a", "f", X)],
    ),
    Case(
        "the arguments before the name",
        [piece(0, arguments='{"x"'), piece(0, name="f"), piece(0, arguments=":1}")],
        [("call_0", "f", X)],
    ),
    Case(
        "an id with the whole arguments, and then the name",
        [piece(0, "a", arguments=X), piece(0, "a", "f")],
        [("a", "f", X)],
    ),
    Case(
        "an empty object first, and the arguments then",
        [piece(0, "a", "f", "{}"), piece(0, arguments='{"x"'), piece(0, arguments=":1}")],
        [("a", "f", X)],
    ),
    Case(
        "an empty object first, and the arguments then, with the id",
        [piece(0, "a", "f", "{}"), piece(0, "a", arguments='{"x"'), piece(0, "a", arguments=":1}")],
        [("a", "f", X)],
    ),
    Case(
        "an empty object first, and the arguments then, without an index",
        [piece(id="a", name="f", arguments=" {}"), piece(arguments=X)],
        [("a", "f", X)],
    ),
    Case(
        "the same whole call again",
        [piece(0, "a", "f", X), piece(0, "a", "f", X)],
        [("a", "f", X)],
    ),
    Case(
        "whole calls under one id",
        [piece(0, "a", "f", X), piece(0, "a", "f", Y), piece(0, "a", "g", X)],
        [("a", "f", X), ("call_1", "f", Y), ("call_2", "g", X)],
    ),
    Case(
        "calls under one id, whose arguments come in pieces",
        [
            piece(0, "a", "f"),
            piece(0, "a", "g"),
            piece(0, "a", arguments='{"y"'),
            piece(0, "a", arguments=":2}"),
        ],
        [("a", "f", "{}"), ("call_1", "g", Y)],
    ),
    Case(
        "made-up ids keep out of the way of real ones",
        [
            piece(0, name="f", arguments=X),
            piece(1, "call_0", "g", Y),
            piece(2, "call_2", "h"),
            piece(3, name="i"),
        ],
        [("call_1", "f", X), ("call_0", "g", Y), ("call_2", "h", "{}"), ("call_3", "i", "{}")],
    ),
    Case("no arguments are none needed", [piece(0, "a", "f")], [("a", "f", "{}")]),
    Case("empty arguments are none needed", [piece(0, "a", "f", "")], [("a", "f", "{}")]),
    Case("white space is no arguments", [piece(0, "a", "f", " \n")], [("a", "f", "{}")]),
    Case(
        "white space around arguments is kept",
        [piece(0, "a", "f", " " + X), piece(0, arguments="\n")],
        [("a", "f", f" {X}\n")],
    ),
    Case(
        "arguments that are no object",
        [piece(0, "a", "f", "[1]"), piece(1, "b", "g", "5")],
        [("a", "f", "[1]"), ("b", "g", "5")],
    ),
    Case(
        "cut inside text, escapes and brackets in text",
        [
            piece(0, "a", "f", '{"x":"'),
            piece(0, arguments="{[}]\\"),
            piece(0, arguments='"\\\\'),
            piece(0, arguments="\\"),
            piece(0, arguments="u007d}"),
            piece(0, arguments='"'),
            piece(0, arguments=',"z":[{}]'),
            piece(0, arguments="}"),
            piece(1, name="g"),
        ],
        [("a", "f", '{"x":"{[}]\\"\\\\\\u007d}","z":[{}]}'), ("call_1", "g", "{}")],
    ),
    Case(
        "halves of a character in two pieces",
        [piece(0, "a", "f", '{"x":"\ud83d'), piece(0, arguments='\ude00"}')],
        [("a", "f", '{"x":"😀"}')],
    ),
    # What can't be run.
    Case("never whole", [piece(0, "a", "f", '{"x"')], [], [("a", "f", '{"x"')]),
    Case("whole in its brackets, and no JSON", [piece(0, "a", "f", "{x}")], [], [("a", "f", "{x}")]),
    Case(
        "too many brackets",
        [piece(0, "a", "f", "}"), piece(0, "b", "g", Y)],
        [("b", "g", Y)],
        [("a", "f", "}")],
    ),
    Case("never a name", [piece(0, "a", arguments=X)], [], [("a", None, X)]),
    Case("neither id nor name", [piece(arguments='{"x"'), piece(arguments=":1}")], [], [(None, None, X)]),
    Case("an id and nothing else", [piece(0, "a")], [], [("a", None, "")]),
    Case(
        "a whole one, and one that was never whole",
        [piece(0, "a", "f", X), piece(1, "b", "g", '{"y"')],
        [("a", "f", X)],
        [("b", "g", '{"y"')],
    ),
    Case(
        "pieces for which no call is left are kept for the record, by index",
        [piece(0, "a", "f", X), piece(0, arguments="{1"), piece(7, arguments="}"), piece(0, arguments="2")],
        [("a", "f", X)],
        [(None, None, "}"), (None, None, "{12")],
    ),
    Case(
        "pieces for which no call is left, without an index",
        [piece(0, "a", "f", X), piece(arguments="{1"), piece(arguments="}")],
        [("a", "f", X)],
        [(None, None, "{1}")],
    ),
    Case(
        "what comes under the id of a finished call spoils it",
        [piece(0, "a", "f", X), piece(0, "a", arguments="{")],
        [],
        [("a", "f", X + "{")],
    ),
    Case(
        "nested too deeply to be read",
        [piece(0, "a", "f", "[" * 50_000 + "]" * 50_000)],
        [],
        [("a", "f", "[" * 50_000 + "]" * 50_000)],
    ),
    Case("nothing at all", [piece(), piece(0), piece(0, arguments=" "), piece(1, name="", arguments="")], []),
]


@pytest.mark.parametrize("case", CASES, ids=[case.says for case in CASES])
def test_pieces_find_their_places(case: Case) -> None:
    """Promise 6: whatever a gateway leaves out or repeats, calls are told apart, and nothing half is run."""
    assert whole(case.pieces) == case.calls
    assert parts(case.pieces) == list(case.incomplete)


@pytest.mark.parametrize("case", CASES, ids=[case.says for case in CASES])
def test_nothing_is_complete_before_the_end(case: Case) -> None:
    """Half-received arguments are never run: what can be run later is incomplete until then."""
    calls, incomplete = fold(case.pieces, ended=False)
    assert calls == []
    assert len(incomplete) == len(case.calls) + len(case.incomplete)


def test_where_the_answer_was_cut_off_no_arguments_are_not_taken_for_none_needed() -> None:
    """They may have been about to come; whole ones are whole all the same."""
    pieces = [piece(0, "a", "f", X), piece(1, "b", "g", ""), piece(2, "c", "h", "{}")]
    assert whole(pieces, cut_off=True) == [("a", "f", X), ("c", "h", "{}")]
    assert parts(pieces, cut_off=True) == [("b", "g", "")]


def test_everything_else_of_a_call_is_kept() -> None:
    """Type, signature and unknown keys, of the call and of its function, whenever they come."""
    pieces = [
        piece(0, "a", "f", "", type="function", extra={"one": 1}),
        piece(0, arguments=X, thought_signature="old"),
        ToolCallDelta(index=0, thought_signature="sig", extra={"two": 2}),
        ToolCallDelta(index=0, function=FunctionDelta(extra={"three": 3})),
        piece(1, name="g", type="custom"),
    ]
    calls, incomplete = fold(pieces)
    assert calls == [
        ToolCall(
            id="a",
            type="function",
            function=FunctionCall(name="f", arguments=X, extra={"three": 3}),
            thought_signature="sig",
            extra={"one": 1, "two": 2},
        ),
        ToolCall(id="call_1", type="custom", function=FunctionCall(name="g", arguments="{}")),
    ]
    assert incomplete == []
    assert fold(pieces, ended=False)[1][0] == IncompleteToolCall(
        index=0, id="a", name="f", arguments=X, extra={"one": 1, "two": 2, "three": 3}
    )


def test_folding_changes_nothing() -> None:
    """It may be done in between: made-up ids stay the same, and what it returned is not touched later."""
    folder = ToolCallFolder()
    folder.add(piece(0, name="f", arguments=X, extra={"n": 1}))
    first = folder.fold(ended=True)
    assert first == folder.fold(ended=True)
    first[0][0].extra["mine"] = True
    folder.add(piece(1, "b", "g", Y))
    calls, _ = folder.fold(ended=True)
    assert [call.id for call in calls] == ["call_0", "b"]
    assert calls[0].extra == {"n": 1}
    assert len(first[0]) == 1


JSON_OBJECTS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


@given(data=st.data())
def test_calls_sent_as_they_should_be_are_folded_back(data: st.DataObject) -> None:
    """Any calls, cut into any pieces by index, which may be mixed: the same calls."""
    written = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["f", "g", "h"]),
                st.builds(
                    json.dumps, JSON_OBJECTS, ensure_ascii=st.booleans(), indent=st.sampled_from([None, 1])
                ),
            ),
            max_size=4,
        )
    )
    calls = [(f"id_{index}", name, arguments) for index, (name, arguments) in enumerate(written)]
    waiting: list[list[ToolCallDelta]] = []
    for index, (key, name, arguments) in enumerate(calls):
        cuts = sorted(data.draw(st.lists(st.integers(0, len(arguments)), max_size=6)))
        first, *others = [arguments[a:b] for a, b in itertools.pairwise([0, *cuts, len(arguments)])]
        waiting.append(
            [
                piece(index, key, name, first, type="function"),
                *(piece(index, arguments=each) for each in others),
            ]
        )
    pieces: list[ToolCallDelta] = []
    mixed = data.draw(st.booleans())
    while any(waiting):
        ready = [index for index, each in enumerate(waiting) if each]
        pieces.append(waiting[data.draw(st.sampled_from(ready)) if mixed else ready[0]].pop(0))
    folded, incomplete = fold(pieces)
    assert incomplete == []
    assert sorted((call.id, call.function.name, call.function.arguments) for call in folded) == calls


PIECES = st.builds(
    piece,
    st.sampled_from([None, None, 0, 1, 2]),
    st.sampled_from([None, None, "", "a", "b", "call_0"]),
    st.sampled_from([None, None, "", "f", "g"]),
    st.sampled_from([None, "", " ", "{", "}", "{}", X, '{"x":', "1}", '"', "\\", "[", "]", "5", *HALVES]),
)


@given(pieces=st.lists(PIECES, max_size=12), ended=st.booleans(), cut_off=st.booleans())
def test_whatever_comes_is_folded_and_kept(pieces: list[ToolCallDelta], ended: bool, cut_off: bool) -> None:
    """
    Any pieces at all: no error, no argument text lost, every call that can be run is JSON with its own id.

    An empty object may be lost, since it may have been a placeholder.
    """
    calls, incomplete = fold(pieces, ended=ended, cut_off=cut_off)
    ids = [call.id for call in calls]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert ended or not calls
    for call in calls:
        json.loads(call.function.arguments)
        assert call.function.name
    told = [call.function.arguments for call in calls] + [call.arguments for call in incomplete]
    for each in pieces:
        arguments = (each.function.arguments if each.function is not None else None) or ""
        if arguments.strip() not in {"", "{}", *HALVES}:
            assert any(arguments in text for text in told)


SCENARIOS: dict[str, Callable[[int], list[ToolCallDelta]]] = {
    "one call in small pieces": lambda n: [piece(0, "a", "f", '{"x":"'), *[piece(0, arguments="y")] * n],
    "one call in escapes": lambda n: [piece(0, "a", "f", '{"x":"'), *[piece(0, arguments="\\")] * n],
    "one call, the id with each piece": lambda n: [piece(0, "a", "f", "{")] + [piece(0, "a", "f", " ")] * n,
    "whole calls with ids": lambda n: [piece(k, f"id_{k}", "f", X) for k in range(n)],
    "whole calls without anything": lambda n: [piece(name="f", arguments=X)] * n,
    "whole calls under one id": lambda n: [piece(0, "a", "f", f'{{"x":{k}}}') for k in range(n)],
    "one whole call again and again": lambda n: [piece(0, "a", "f", X)] * n,
    "calls that never finish": lambda n: [piece(k, name=f"f{k}", arguments="{") for k in range(n)],
    "calls without arguments": lambda n: [piece(k, f"id_{k}", "f") for k in range(n)],
    "pieces without a home": lambda n: [piece(0, "a", "f", X), *[piece(0, arguments=X)] * n],
    "placeholders": lambda n: [piece(0, "a", "f", "{}")] + [piece(0, arguments="{}")] * n,
    "pieces under wrong indexes": lambda n: (
        [piece(0, "a", "f", "[")] + [piece(k, arguments="1,") for k in range(n)]
    ),
    "late ids": lambda n: [each for k in range(n) for each in (piece(k, name="f"), piece(k, f"id_{k}"))],
    "calls without ids": lambda n: (
        [piece(0, f"call_{k}", "f", X) for k in range(n)] + [piece(name="g", arguments=X)] * n
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_cost_is_linear(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the pieces cost twice the work, as counted: characters looked at, and functions called."""
    work = 0
    signs, arguments_of = _tool_calls._SIGNS, vars(_tool_calls._Call)["arguments"].fget

    class Signs:
        """Counts the characters that are searched."""

        def findall(self, text: str) -> list[str]:
            nonlocal work
            work += len(text)
            return signs.findall(text)

    def arguments(call: Any) -> str:
        nonlocal work
        text = arguments_of(call)
        work += len(text)
        return str(text)

    def count(*_: object) -> None:
        nonlocal work
        work += 1

    monkeypatch.setattr(_tool_calls, "_SIGNS", Signs())
    monkeypatch.setattr(_tool_calls._Call, "arguments", property(arguments))
    counted: list[int] = []
    for size in (200, 400, 800):
        pieces = SCENARIOS[scenario](size)
        work = 0
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            fold(pieces)
        finally:
            sys.setprofile(before)
        counted.append(work)
    assert counted[1] < 2.2 * counted[0]
    assert counted[2] < 2.2 * counted[1]
