"""FakeGateway as a server: where it listens, whom it lets in, and what it says of itself in every answer."""

import asyncio
import io
import json
import os
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from meshapi_aio.testing import Answer, ConnectionCounts, FakeGateway, Recorder

from .wire import CHAT, asking, client, connected, exchange, receive, request_bytes


ULID = "[0-9A-HJKMNP-TV-Z]{26}"


@pytest.fixture
async def session(gateway: FakeGateway) -> AsyncIterator[aiohttp.ClientSession]:
    """Run a client that presents the right token."""
    async with client(gateway) as session:
        yield session


async def test_it_listens_on_this_machine_with_a_key_of_its_own(gateway: FakeGateway) -> None:
    """By default: 127.0.0.1, a port that was free, and a made-up data-plane key."""
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", gateway.base_url)
    assert re.fullmatch(f"rsk_{ULID}", gateway.token)


async def test_token_host_and_port_can_be_chosen() -> None:
    """A gateway that is closed and started again with a fixed port is found where it was, IPv6 included."""
    async with FakeGateway() as other:
        port = int(other.base_url.rpartition(":")[2])
    gateway = FakeGateway(token="rsk_mine", host="::1", port=port)
    for _ in range(2):
        await gateway.start()
        assert gateway.base_url == f"http://[::1]:{port}"
        async with client(gateway) as session, session.post(CHAT, json=asking("hi")) as response:
            assert response.status == 200
        await gateway.close()
    assert [request.headers["Authorization"] for request in gateway.requests] == ["Bearer rsk_mine"] * 2
    assert gateway.connections == ConnectionCounts(open=0, opened=2)


async def test_start_and_close_say_what_is_wrong(gateway: FakeGateway) -> None:
    """Starting twice and asking for the address too early are mistakes, closing twice is none."""
    with pytest.raises(RuntimeError, match="already listening at http://127"):
        await gateway.start()
    with pytest.raises(RuntimeError, match="no base_url before it is started"):
        _ = FakeGateway().base_url
    port = int(gateway.base_url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        await FakeGateway(port=port).start()
    await gateway.close()
    await gateway.close()
    with pytest.raises(aiohttp.ClientConnectorError):
        await exchange_status(gateway)


async def exchange_status(gateway: FakeGateway) -> int:
    """Return the status of a correct request."""
    async with client(gateway) as session, session.post(CHAT, json=asking("hi")) as response:
        return response.status


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer rsk_other", "Basic {token}", "{token}", "Bearer {token}x", "Bearer \udcff"],
)
async def test_a_wrong_credential_gets_401(gateway: FakeGateway, header: str | None) -> None:
    """Only the gateway's own key, as a bearer credential, opens the door; the refusal is the envelope."""
    lines = "" if header is None else f"Authorization: {header.format(token=gateway.token)}\r\n"
    sent = request_bytes("POST", CHAT, b"{}").replace(
        b"\r\n\r\n", b"\r\n%b\r\n" % lines.encode(errors="surrogateescape")
    )
    async with connected(gateway, sent) as bare:
        await gateway.received()
        answer = await asyncio.get_running_loop().sock_recv(bare, 65536)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
        "error": {"code": "unauthorized", "message": "missing or invalid API key"},
        "request_id": gateway.requests[0].request_id,
    }


async def test_the_scheme_of_the_credential_is_not_case_sensitive(gateway: FakeGateway) -> None:
    """``bearer`` is ``Bearer`` (RFC 9110 section 11.1)."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"bearer  {gateway.token} "}) as session,
        session.post(gateway.base_url + CHAT, json=asking("hi")) as response,
    ):
        assert response.status == 200


@pytest.mark.parametrize("sent", ["mine", "a.B_c:d-9", "x" * 64])
async def test_a_valid_request_id_is_echoed(
    gateway: FakeGateway, session: aiohttp.ClientSession, sent: str
) -> None:
    """One to 64 letters, digits and ``._:-`` come back, and stand in the record of the request."""
    async with session.post(CHAT, json=asking("hi"), headers={"X-Request-Id": sent}) as response:
        assert response.headers["x-request-id"] == sent
    assert gateway.requests[0].request_id == sent


@pytest.mark.parametrize("sent", [None, "", "x" * 65, "with space", "ümlaut", "a/b"])
async def test_an_invalid_request_id_is_ignored(session: aiohttp.ClientSession, sent: str | None) -> None:
    """Anything else is replaced by ``req_`` and a ULID, without a word; two answers never share one."""
    headers = {} if sent is None else {"X-Request-Id": sent}
    seen = set()
    for _ in range(2):
        async with session.get("/nowhere", headers=headers) as response:
            assert re.fullmatch(f"req_{ULID}", response.headers["x-request-id"])
            seen.add(response.headers["x-request-id"])
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("sent", "answered"), [([], "2026-08"), (["2026-08"], "2026-08"), (["2026-09"] * 2, "2026-09")]
)
async def test_the_version_is_echoed(session: aiohttp.ClientSession, sent: list[str], answered: str) -> None:
    """An unpinned call is served as the baseline, a repeated header counts once; errors carry it too."""
    headers = [("X-Mesh-Version", version) for version in sent]
    async with session.post(CHAT, json=asking("hi"), headers=headers) as response:
        assert (response.status, response.headers["X-Mesh-Version"]) == (200, answered)
    async with session.get("/nowhere", headers=headers) as response:
        assert (response.status, response.headers["X-Mesh-Version"]) == (404, answered)


@pytest.mark.parametrize("sent", [[""], ["2026-07"], ["latest"], ["2026-08", "2026-09"]])
async def test_an_unknown_version_is_refused_before_the_credential(
    gateway: FakeGateway, sent: list[str]
) -> None:
    """400 ``invalid_api_version``, and not 401, for a version that is unknown, empty, or not just one."""
    headers = [("X-Mesh-Version", version) for version in sent]
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(gateway.base_url + CHAT, json=asking("hi")) as response,
    ):
        assert response.status == 400
        body = await response.json()
    assert body["error"]["code"] == "invalid_api_version"
    assert body["request_id"] == response.headers["x-request-id"]
    assert response.headers["X-Mesh-Version"] == "2026-08"


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v2/chat/completions", "/prefix/v1/chat/completions", CHAT + "/"]
)
async def test_an_unknown_path_gets_404(session: aiohttp.ClientSession, path: str) -> None:
    """The default body of the framework: not the envelope."""
    async with session.post(path, json=asking("hi")) as response:
        assert (response.status, await response.json()) == (404, {"detail": "Not Found"})


async def test_a_wrong_method_gets_405(session: aiohttp.ClientSession) -> None:
    """With the allowed ones named."""
    async with session.get(CHAT) as response:
        assert (response.status, await response.json()) == (405, {"detail": "Method Not Allowed"})
        assert response.headers["Allow"] == "POST"


async def test_requests_are_recorded_in_order(gateway: FakeGateway, session: aiohttp.ClientSession) -> None:
    """What came is there to assert on: method, target to the byte, path and query, headers, body, time."""
    async with session.get("/v1/models/a%2Fb%20c?q=%C3%A9&q=2", headers={"X-One": "1"}):
        pass
    async with session.post(CHAT, json=asking("hi")):
        pass
    first, second = gateway.requests
    assert (first.number, first.method, first.path) == (1, "GET", "/v1/models/a/b c")
    assert first.target == "/v1/models/a%2Fb%20c?q=%C3%A9&q=2"
    assert list(first.query.items()) == [("q", "é"), ("q", "2")]
    assert (first.headers["x-one"], first.body) == ("1", b"")
    with pytest.raises(ValueError, match="Expecting value"):
        _ = first.json
    assert (second.number, second.json) == (2, asking("hi"))
    assert first.received_at <= second.received_at
    assert (first.outcome, first.completed, second.completed) == ("completed", True, True)


async def test_no_credential_is_shown(gateway: FakeGateway, session: aiohttp.ClientSession) -> None:
    """The repr of a request, which failed assertions print, holds no credential and no endless body."""
    secrets = {"Cookie": "a=b", "X-API-Key": "key", "Proxy-Authorization": "Basic x"}
    async with session.post(CHAT, json=asking("y" * 1000), headers=secrets):
        pass
    shown = repr(gateway.requests[0])
    assert gateway.token not in shown
    assert shown.count("[redacted]") == 4
    assert "maker/model" in shown
    assert "(1071 bytes)" in shown
    assert gateway.requests[0].headers["Authorization"] == f"Bearer {gateway.token}"


async def test_nothing_is_kept_where_nothing_shall_be() -> None:
    """``record=False`` is for long runs: the requests are answered and forgotten."""
    async with FakeGateway(record=False) as gateway:
        assert await exchange_status(gateway) == 200
        assert gateway.requests == []


async def test_a_client_that_waits_for_leave_gets_it(gateway: FakeGateway) -> None:
    """``Expect: 100-continue``, which curl sends with a large body, is answered before the body is there."""
    body = b"{}"
    head, _, _ = request_bytes("POST", "/", body, "Expect: 100-continue\r\nConnection: close\r\n").rpartition(
        body
    )
    async with connected(gateway, head) as bare:
        loop = asyncio.get_running_loop()
        assert await loop.sock_recv(bare, 65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await loop.sock_sendall(bare, body)
        answer, _ = await receive(bare)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert gateway.requests[0].body == body


async def test_a_body_is_recorded_as_it_was_sent(
    gateway: FakeGateway, session: aiohttp.ClientSession
) -> None:
    """A coding of the content is neither undone nor complained of."""
    async with session.post("/", data=b"not gzip", headers={"Content-Encoding": "gzip"}) as response:
        assert response.status == 404
    assert gateway.requests[0].body == b"not gzip"


async def test_a_large_body_is_taken(gateway: FakeGateway, session: aiohttp.ClientSession) -> None:
    """No limit of the framework stands in the way of a request with images in it."""
    gateway.enqueue(Answer())
    async with session.post("/v1/files", data=io.BytesIO(b"x" * 5_000_000)) as response:
        assert response.status == 200
    assert len(gateway.requests[0].body) == 5_000_000


async def test_a_client_of_http_1_0_is_served(gateway: FakeGateway) -> None:
    """Without chunks: the end of the connection ends the stream."""
    gateway.enqueue(Answer(events=["one"]))
    answer, _ = await exchange(gateway, b"GET / HTTP/1.0\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert body == b"data: one\n\ndata: [DONE]\n\n"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"pace": -1}, "pace must be a number of seconds from 0, not -1"),
        ({"pace": "slow"}, "pace must be a number of seconds, not 'slow'"),
        ({"record": -3}, "record must be True, False, or a number of requests from 0, not -3"),
        ({"token": ""}, "token must be visible ASCII characters"),
        ({"token": "a\nb"}, "token must be visible ASCII characters"),
        ({"port": 65536}, "port must be from 0 to 65535, not 65536"),
        ({"script": Answer(429)}, r"a Script is needed, not Answer\(429\); enqueue"),
    ],
)
def test_options_that_cannot_be_served(options: dict[str, Any], complaint: str) -> None:
    """Told where they are written, and what to give instead."""
    with pytest.raises((TypeError, ValueError), match=complaint):
        FakeGateway(**options)


async def test_it_is_shown_by_its_address() -> None:
    """What pytest prints beside a failed test says where the gateway is."""
    gateway = FakeGateway()
    assert repr(gateway) == "<FakeGateway (not started)>"
    async with gateway, Recorder(gateway.base_url, os.devnull) as recorder:
        assert repr(gateway) == f"<FakeGateway {gateway.base_url}>"
        assert repr(recorder) == f"<Recorder {recorder.base_url}>"
