"""Messages to the model and from it: by hand or by the gateway, and never such that spoil what follows."""

from collections.abc import Mapping
from typing import Any

import pytest

from meshapi_aio._codec import structurer
from meshapi_aio._shape import Shape
from meshapi_aio.endpoints._messages import (
    AudioPart,
    FunctionCall,
    ImagePart,
    IncompleteToolCall,
    Message,
    Parts,
    TextPart,
    ToolCall,
    UnknownPart,
    VideoPart,
    check_messages,
)
from meshapi_aio.endpoints.chat import CreateChatCompletion


CALL = ToolCall(id="call_a", function=FunctionCall(name="f"))
CALL_AS_JSON = {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (Message.system("be brief"), {"role": "system", "content": "be brief"}),
        (Message.user("hi"), {"role": "user", "content": "hi"}),
        (Message.user("hi", name="ann"), {"role": "user", "content": "hi", "name": "ann"}),
        (Message.user(""), {"role": "user", "content": ""}),
        (Message.assistant("yes"), {"role": "assistant", "content": "yes"}),
        (Message.assistant(tool_calls=(CALL,)), {"role": "assistant", "tool_calls": [CALL_AS_JSON]}),
        (
            Message.tool("42", tool_call_id="call_a"),
            {"role": "tool", "content": "42", "tool_call_id": "call_a"},
        ),
        (
            Message.user([TextPart(text="what is"), {"type": "image_url", "image_url": {"url": "u"}}]),
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is"},
                    {"type": "image_url", "image_url": {"url": "u"}},
                ],
            },
        ),
        (Message.system(()), {"role": "system", "content": []}),
    ],
)
def test_messages_are_made_by_role(message: Message, told: dict[str, Any]) -> None:
    """What is sent is what was given, and nothing else."""
    assert message.to_dict() == told


@pytest.mark.parametrize(
    ("part", "made"),
    [
        ({"type": "text", "text": "a"}, TextPart(text="a")),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
            TextPart(text="a", cache_control={"type": "ephemeral"}),
        ),
        ({"type": "image_url", "image_url": {"url": "u"}}, ImagePart(image_url={"url": "u"})),
        ({"type": "input_audio", "input_audio": {"data": "d"}}, AudioPart(input_audio={"data": "d"})),
        (
            {"type": "video_url", "video_url": {"url": "u"}, "fps": "2"},
            VideoPart(video_url={"url": "u"}, fps="2"),
        ),
        ({"type": "new", "new": 1, "extra": 2}, UnknownPart(type="new", extra={"new": 1, "extra": 2})),
        ({"type": "text", "text": "a", "extra": {"b": 1}}, TextPart(text="a", extra={"extra": {"b": 1}})),
    ],
)
def test_parts_as_dicts_become_objects(part: Mapping[str, Any], made: Shape) -> None:
    """By their type, with the keys that the object does not know; both say the same."""
    assert Parts.of(part) == made
    assert Message.user([part]).content == [made]
    assert made.to_dict() == part


@pytest.mark.parametrize(
    "part", ["text", 5, None, {}, {"text": "a"}, {"type": None}, {"type": ["text"]}, Message()]
)
def test_what_is_no_part_is_refused_by_name(part: Any) -> None:
    """Where it is written, and shown."""
    with pytest.raises(
        TypeError, match=r"^a content part must be a part object or a dict with a 'type', got "
    ) as caught:
        Message.user([part])
    assert str(caught.value).endswith(repr(part))


@pytest.mark.parametrize("content", [5, {"type": "text", "text": "a"}, {"a"}, object()])
def test_what_is_no_content_is_refused_by_name(content: Any) -> None:
    """One part is a list of one part."""
    with pytest.raises(TypeError, match=r"^content must be text or a list of parts, got "):
        Message.user(content)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("", ""),
        ("hi", "hi"),
        ([], ""),
        ([TextPart(text="a"), ImagePart(image_url={}), TextPart(text="b"), UnknownPart(type="new")], "ab"),
    ],
)
def test_the_text_of_a_message(content: Any, text: str) -> None:
    """Of parts, the text ones joined; never None."""
    assert Message(content=content).text == text


@pytest.mark.parametrize(
    ("extra", "reasoning"),
    [
        ({}, None),
        ({"reasoning": "because"}, "because"),
        ({"reasoning_content": "because"}, "because"),
        ({"reasoning": None, "reasoning_content": "because"}, "because"),
        ({"reasoning": {"summary": "no text"}}, None),
        ({"reasoning": "a", "reasoning_content": "b"}, "a"),
    ],
)
def test_the_reasoning_under_either_name(extra: dict[str, Any], reasoning: str | None) -> None:
    """Whichever the provider chose; it stays among the unknown keys, and is sent back so."""
    message = structurer(Message)({"role": "assistant", "content": "hi", **extra})
    assert message.reasoning == reasoning
    assert message.extra == extra
    assert message.to_dict() == {"role": "assistant", "content": "hi", **extra}


# What would spoil a conversation.

SENDABLE: list[Message | dict[str, Any]] = [
    {"role": "user", "content": ""},
    {"role": "developer", "content": "new roles are fine"},
    {"role": "tool", "tool_call_id": "call_a", "content": None},
    {"role": "assistant", "content": "hi"},
    {"role": "assistant", "content": [{"type": "text", "text": "hi"}]},
    {"role": "assistant", "content": ({"type": "text", "text": ""}, {"type": "text", "text": "hi"})},
    {"role": "assistant", "content": [TextPart(text="hi")]},
    {"role": "assistant", "content": [{"type": "new"}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL_AS_JSON]},
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "assistant", "audio": {"id": "audio_a"}},
    {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
    {"role": "assistant", "refusal": "I will not"},
    Message.user(""),
    Message.assistant("hi"),
    Message.assistant([TextPart(text="hi")]),
    Message.assistant([ImagePart(image_url={"url": "u"})]),
    Message.assistant(tool_calls=[CALL]),
    Message(audio={"id": "audio_a"}),
    Message(extra={"function_call": {"name": "f", "arguments": "{}"}}),
    Message(extra={"refusal": "I will not"}),
    Message(content="hi", incomplete_tool_calls=[IncompleteToolCall(name="f")]),
]


@pytest.mark.parametrize("message", SENDABLE)
def test_what_can_be_sent(message: Message | dict[str, Any]) -> None:
    """Anything that says something; objects and dicts alike."""
    call = CreateChatCompletion(messages=[{"role": "user", "content": "hi"}, message])
    assert len(call.body()["messages"]) == 2


EMPTY: list[Message | dict[str, Any]] = [
    {"role": "assistant"},
    {"role": "assistant", "content": None},
    {"role": "assistant", "content": ""},
    {"role": "assistant", "content": []},
    {"role": "assistant", "content": [{"type": "text", "text": ""}]},
    {"role": "assistant", "content": [{"type": "text"}]},
    {"role": "assistant", "content": [TextPart()]},
    {"role": "assistant", "content": None, "tool_calls": []},
    {"role": "assistant", "reasoning": "only thoughts"},
    Message(),
    Message.assistant(""),
    Message.assistant([]),
    Message.assistant([TextPart(text="")]),
    Message.assistant(tool_calls=[]),
    Message(extra={"refusal": ""}),
]


@pytest.mark.parametrize("message", EMPTY)
def test_an_empty_assistant_message_is_refused_with_its_position(message: Message | dict[str, Any]) -> None:
    """It would make every later turn fail on some upstreams; the message says which, and what to do."""
    with pytest.raises(ValueError, match="neither text nor a complete tool call") as caught:
        CreateChatCompletion(messages=[{"role": "user", "content": "hi"}, message])
    assert str(caught.value) == (
        "CreateChatCompletion: messages[1] is an assistant message with neither text nor a complete tool call"
        "; sending it would spoil the conversation, so leave it out"
    )


def test_incomplete_calls_are_counted_where_they_are_all_there_is() -> None:
    """So that one sees why a message that a stream brought can't be sent back."""
    message = Message(incomplete_tool_calls=[IncompleteToolCall(name="f", arguments='{"a')])
    with pytest.raises(
        ValueError, match=r"neither text nor a complete tool call \(1 incomplete\); sending it"
    ):
        CreateChatCompletion(messages=[message])


@pytest.mark.parametrize(
    "message", [{}, {"content": "hi"}, {"role": ""}, {"role": None}, {"role": 5}, Message(role="")]
)
def test_a_message_without_a_role_is_refused_with_its_position(message: Message | dict[str, Any]) -> None:
    """A dict has no default."""
    with pytest.raises(
        ValueError, match=r"^Message: messages\[0\] has no role; it needs one such as 'system'"
    ):
        check_messages(Message(), None, [message])


@pytest.mark.parametrize("messages", ["hi", {"role": "user"}, [["role", "user"]], [None], ["hi"], 5])
def test_what_is_no_list_of_messages_is_refused(messages: Any) -> None:
    """A ``TypeError`` that names the field."""
    with pytest.raises(TypeError, match=r"^CreateChatCompletion: messages must be a list"):
        CreateChatCompletion(messages=messages)


def test_a_reply_can_be_sent_back_as_it_is() -> None:
    """Signatures, reasoning details and keys that the client does not know included."""
    came = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{**CALL_AS_JSON, "thought_signature": "sig", "new": 1}],
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "index": None}],
        "annotations": [],
    }
    reply = structurer(Message)(came)
    call = CreateChatCompletion(
        messages=[Message.user("hi"), reply, Message.tool("42", tool_call_id="call_a")]
    )
    sent = call.body()["messages"]
    assert sent[1] == {key: value for key, value in came.items() if value is not None}


def test_what_is_local_is_never_sent() -> None:
    """Calls that were never whole stay with the client."""
    message = Message(content="hi", incomplete_tool_calls=[IncompleteToolCall(name="f")])
    call = CreateChatCompletion(messages=[message])
    assert call.body()["messages"] == [{"role": "assistant", "content": "hi"}]
