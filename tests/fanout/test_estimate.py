"""How many tokens a call takes: guessed, and bounded."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio import CreateChatCompletion, Message
from meshapi_aio.endpoints.embeddings import CreateEmbeddings
from meshapi_aio.fanout._estimate import guess_tokens, most_tokens
from meshapi_aio.testing._prompt import tokens


def question(text: str = "Hello", **more: Any) -> CreateChatCompletion:
    """Return a call."""
    return CreateChatCompletion(model="m", messages=[Message.user(text)], **more)


def test_guesses_count_characters() -> None:
    """A token for four characters, and what the answer may have, for each answer."""
    assert guess_tokens("abcdefgh") == (2, 0)
    assert guess_tokens(7) == guess_tokens(None) == guess_tokens({}) == (0, 0)
    said = -(-(len("a" * 4000) + len("user") + len("m")) // 4)
    assert guess_tokens(question("a" * 4000, max_tokens=50)) == (said, 50)
    assert guess_tokens(question("a" * 4000)).completion == 256
    assert guess_tokens(question("a" * 4000, max_tokens=50, extra_body={"n": 3})).completion == 150


def test_pictures_are_no_text() -> None:
    """The bytes of a picture in a prompt are not taken for characters."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    call = CreateChatCompletion(model="m", messages=[{"role": "user", "content": [picture]}])
    assert guess_tokens(call).prompt < 100


@given(st.lists(st.text(), min_size=1, max_size=5), st.text(), st.integers(1, 10_000))
def test_no_prompt_has_more_tokens_than_its_bound(texts: list[str], system: str, limit: int) -> None:
    """The bound holds for any texts, by the count of a tokenizer and what frames each message."""
    texts = [text or "x" for text in texts]
    messages = [Message.system(system or "x"), *map(Message.user, texts)]
    most = most_tokens(CreateChatCompletion(model="m", messages=messages, max_tokens=limit), None)
    assert most is not None
    assert most.prompt >= sum(len(tokens(text)) + 7 for text in [system, *texts])
    assert most.prompt >= sum(len(text.encode("utf-8", "surrogatepass")) for text in [system, *texts])
    assert most.completion == limit


def test_tools_and_schemas_are_part_of_a_prompt() -> None:
    """What describes a tool counts, names of its parameters included."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"a" * 1000: {"type": "string"}}}}
    most = most_tokens(question(tools=[tool], max_tokens=1), None)
    assert most is not None
    assert most.prompt > 1000


def test_an_answer_is_bounded_by_the_context() -> None:
    """Without a limit of its own an answer may fill what the model can hold, where that is known."""
    most = most_tokens(question(), 4096)
    assert most is not None
    assert most.completion == 4096
    assert most_tokens(question(), None) is None
    assert most_tokens(CreateEmbeddings(model="m", input=["a", "b"]), 0) is not None


@pytest.mark.parametrize(
    "call",
    [
        question(template="greeting", max_tokens=1),
        CreateChatCompletion(
            model="m",
            max_tokens=1,
            messages=[
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b"}}]}
            ],
        ),
        question(modality="image", max_tokens=1),
        question(modalities=["audio"], audio={"voice": "v"}, max_tokens=1),
        "text",
        7,
    ],
)
def test_what_has_no_bound(call: object) -> None:
    """Pictures, sound and stored templates have as many tokens as they have."""
    assert most_tokens(call, 1000) is None
