"""What counts as a secret, and that none gets through, however a body is cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshapi_aio.testing._secrets import Pieces, Secrets


TOKEN = "rsk_01HZX3V9Q8"
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("headers", "query", "secret"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, {}, TOKEN),
        ({"AUTHORIZATION": TOKEN}, {}, TOKEN),
        ({"Proxy-Authorization": "Basic dXNlcjpwYXNz"}, {}, "dXNlcjpwYXNz"),
        ({"X-API-Key": TOKEN}, {}, TOKEN),
        ({"api-key": TOKEN}, {}, TOKEN),
        ({"Cookie": "a=b; session=0123456789; c=d"}, {}, "0123456789"),
        ({"Authorization": "Bearer with/slash+plus="}, {}, "with%2Fslash%2Bplus%3D"),
        ({}, {"api_key": "0123456789"}, "0123456789"),
    ],
)
def test_a_credential_is_a_secret(headers: dict[str, str], query: dict[str, str], secret: str) -> None:
    """Of a key the value, of a header what follows the scheme, of cookies each value; quoted as well."""
    secrets = Secrets(headers, query)
    assert secrets.clean(f"a {secret} b{secret}") == "a [redacted] b[redacted]"
    assert secrets.clean_bytes(b"\xff" + secret.encode()) == b"\xff[redacted]"
    told = {"a": [secret, 1, None, {secret: f"<{secret}>"}]}
    assert secrets.clean_json(told) == {"a": ["[redacted]", 1, None, {"[redacted]": "<[redacted]>"}]}


def test_what_is_no_secret() -> None:
    """What is too short to keep anybody out, the names of cookies, other headers, other parameters."""
    secrets = Secrets({"Authorization": "Bearer abc", "Cookie": "session_id=1", "X-Other": "0123456789"}, {})
    text = "abc session_id=1 0123456789 https://host/?page=12345678&tokens=12345678 tokens=1 a?key"
    assert secrets.clean(text) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://h/?X-Amz-Signature=ab%2F&b=1", "https://h/?X-Amz-Signature=[redacted]&b=1"),
        ('"https://h/?a=1\\u0026sig=ab","', '"https://h/?a=1\\u0026sig=[redacted]","'),
        ('<a href="?a=1&amp;Signature=ab">', '<a href="?a=1&amp;Signature=[redacted]">'),
        ("?key=ab&token=cd#ef", "?key=[redacted]&token=[redacted]#ef"),
        ("?API-KEY=ab next", "?API-KEY=[redacted] next"),
    ],
)
def test_a_signed_address(text: str, clean: str) -> None:
    """The values that let somebody in go, in any escaping; cleaning again changes nothing."""
    secrets = Secrets({}, {})
    assert secrets.clean(text) == clean
    assert secrets.clean(clean) == clean


def test_the_longer_of_two_secrets() -> None:
    """One that begins like another goes as a whole."""
    secrets = Secrets({"Authorization": TOKEN, "X-API-Key": TOKEN + "-more"}, {})
    assert secrets.clean(f"{TOKEN}-more {TOKEN}") == "[redacted] [redacted]"


TEXTS = st.lists(
    st.sampled_from([TOKEN, "data: ", "\n\n", "é", '"', "?sig=abcdef", "&b=", "rsk_", "x" * 100]), max_size=12
)


@given(texts=TEXTS, cuts=st.lists(st.integers(0, 400), max_size=8))
def test_any_cut_of_a_body(texts: list[str], cuts: list[int]) -> None:
    """The pieces together are the body without its secrets, and keep their order and their times."""
    body = "".join(texts).encode()
    places = [0, *sorted({min(cut, len(body)) for cut in cuts}), len(body)]
    pieces = Pieces(Secrets(BEARER, {}))
    came = [
        piece
        for at, (begin, end) in enumerate(itertools.pairwise(places))
        for piece in pieces.feed((float(at), body[begin:end]))
    ]
    came += pieces.end()
    assert b"".join(data for _, data in came) == Secrets(BEARER, {}).clean_bytes(body)
    assert [at for at, _ in came] == sorted({at for at, _ in came})
    assert all(data for _, data in came)


def test_pieces_without_secrets_stay_as_they_are() -> None:
    """And each is let through at once where it ends as an event does."""
    pieces = Pieces(Secrets(BEARER, {}))
    for at, data in enumerate([b"data: 1\n\n", b'{"a": "', b"\xc3"]):
        assert pieces.feed((at, data)) == [(at, data)]
    assert pieces.feed((3, b"\xa9 and a wor")) == []
    assert pieces.feed((4, b"d\n")) == [(3, b"\xa9 and a wor"), (4, b"d\n")]
    assert pieces.end() == []


def test_a_secret_begins_in_the_piece_in_which_it_is_replaced() -> None:
    """The rest of it is missing from the next one, and a piece that was nothing else is gone."""
    pieces = Pieces(Secrets(BEARER, {}))
    parts = [f"<{TOKEN[:5]}", TOKEN[5:9], TOKEN[9:], TOKEN, " >"]
    came = [pieces.feed((at, data.encode())) for at, data in enumerate(parts)]
    assert came == [[], [], [], [], [(0, b"<[redacted]"), (3, b"[redacted]"), (4, b" >")]]


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_little_is_held_back(size: int) -> None:
    """Of a body that goes on for ever without an end of a text; and no secret in it is parted."""
    pieces = Pieces(Secrets(BEARER, {}))
    parted = b"A" * 57_340 + TOKEN.encode()  # which, byte by byte, would be let through in parts
    body = (
        parted
        + (b"A" * 30_000 + TOKEN.encode() + b"A" * 59_000 + b"?sig=" + b"s" * 4000 + b"&" + b"A" * 50_000) * 2
    )
    came = bytearray()
    for begin in range(0, len(body), size):
        came += b"".join(data for _, data in pieces.feed((0.0, body[begin : begin + size])))
        assert begin + size - len(came) < 64 * 1024 + 8192 + 4096 + size + len(TOKEN)
    came += b"".join(data for _, data in pieces.end())
    assert came == Secrets(BEARER, {}).clean_bytes(body)
