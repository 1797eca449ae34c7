"""``meshapi-aio doctor``: what it finds, where that came from, and what it never shows."""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from meshapi_aio.cli import _checks
from meshapi_aio.testing import Answer, FakeGateway, accidents
from tests.faults.authority import _authority
from tests.faults.server import Connection, FaultServer

from .running import Ended, environment, invoke
from .terminal import Terminal


NO_PROXY: dict[str, str | None] = dict.fromkeys(
    name.lower() if lower else name
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    for lower in (False, True)
)


async def doctor(*arguments: str, **variables: str) -> Ended:
    """Run the doctor in an environment that has only these variables of its concern."""
    return await invoke("doctor", *arguments, given=None, **(NO_PROXY | variables))


def lines(ended: Ended) -> dict[str, str]:
    """Return what was printed: mark and text by the name of the check, hints under their number."""
    found: dict[str, str] = {}
    for line in ended.stdout.splitlines():
        mark, (name, text) = line[:2], line[3:].split(maxsplit=1)
        found[f"{name} {len(found)}" if name == "hint" else name] = f"{mark} {text}"
    return found


async def facts(*arguments: str, **variables: str) -> dict[str, Any]:
    """Return what ``--json`` prints: the checks by their names."""
    ended = await doctor("--json", *arguments, **variables)
    told = json.loads(ended.stdout)
    assert (ended.stdout.count("\n"), ended.stderr) == (1, "")
    assert told["status"] == ended.status == max(check["status"] for check in told["checks"])
    return {check["name"]: check for check in told["checks"]}


async def test_all_is_well(gateway: FakeGateway) -> None:
    """Address, key and their sources, the gateway, its word on the key, and the versions; status 0."""
    ended = await doctor(MESHAPI_BASE_URL=f"{gateway.base_url}/v1", MESHAPI_TOKEN=gateway.token)
    found = lines(ended)
    assert (ended.status, ended.stderr) == (0, "")
    assert list(found) == ["address", "key", "gateway", "access", "versions"]
    assert found["address"] == f"ok {gateway.base_url} (MESHAPI_BASE_URL)"
    assert found["key"] == "ok rsk_…, 30 characters (MESHAPI_TOKEN)"
    assert found["gateway"].startswith("ok answered after ")
    assert found["gateway"].endswith(" s, 127.0.0.1")
    assert found["access"] == "ok the gateway accepts the key"
    assert f", aiohttp {version('aiohttp')}, " in found["versions"]
    assert gateway.token not in ended.stdout
    assert [(request.method, request.path) for request in gateway.requests] == [("GET", "/v1/balance")]


async def test_nothing_is_set(gateway: FakeGateway) -> None:
    """Without a key the gateway is tried all the same; the status is 2, and the line says what to set."""
    ended = await doctor("--base-url", gateway.base_url)
    found = lines(ended)
    assert ended.status == 2
    assert found["address"] == f"ok {gateway.base_url} (--base-url)"
    assert found["key"] == "!! none: set the environment variable MESHAPI_API_KEY to your key"
    assert found["gateway"].startswith("ok answered")
    assert "access" not in found


async def test_a_wrong_key_is_found_out(gateway: FakeGateway) -> None:
    """The gateway does not accept it: status 2, and it is not shown."""
    ended = await doctor("--base-url", gateway.base_url, MESHAPI_API_KEY="rsk_old_and_revoked")
    assert ended.status == 2
    assert lines(ended)["access"].startswith("!! the gateway does not accept the key (HTTP status 401): ")
    assert "revoked" not in ended.stdout


@pytest.mark.parametrize(
    ("variables", "check", "told"),
    [
        (
            {"MESHAPI_BASE_URL": "rsk_secret"},
            "address",
            "!! the environment variable MESHAPI_BASE_URL does not",
        ),
        (
            {"MESHAPI_BASE_URL": "http://rsk_secret/?"},
            "address",
            "!! the environment variable MESHAPI_BASE_URL ",
        ),
        (
            {"MESHAPI_API_KEY": "rsk_\nsecret"},
            "key",
            "!! the environment variable MESHAPI_API_KEY holds a line break",
        ),
    ],
)
async def test_a_setting_that_cannot_be_right_is_told(
    gateway: FakeGateway, variables: dict[str, str], check: str, told: str
) -> None:
    """By the name of its variable, without what may be a key in it (promise 17); status 2."""
    variables = {"MESHAPI_BASE_URL": gateway.base_url, "MESHAPI_API_KEY": gateway.token, **variables}
    ended = await doctor("--ask", **variables)
    assert ended.status == 2
    assert lines(ended)[check].startswith(told)
    assert "secret" not in ended.stdout
    assert "answer" not in lines(ended)


async def hangs(connection: Connection) -> None:
    """Take a connection and answer nothing."""
    await connection.stall()


async def garbles(connection: Connection) -> None:
    """Answer what is no HTTP."""
    await connection.request()
    await connection.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    connection.close()


async def rambles(connection: Connection) -> None:
    """Answer a first line that does not end."""
    await connection.request()
    await connection.send(b"x" * 100_000)
    connection.close()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (hangs, "did not answer within 0.2 s"),
        (garbles, "what answers there does not speak HTTP/1.1: b'SSH-2.0-OpenSSH_9.2\\r\\n'"),
        (rambles, "what answers there does not speak HTTP/1.1: b''"),
    ],
)
async def test_what_is_no_gateway_is_told(script: Any, told: str) -> None:
    """Silence, another protocol: one line and status 1."""
    timeout = ["--timeout", "0.2"] if script is hangs else []
    async with FaultServer(script) as server:
        ended = await doctor("--base-url", server.base_url, *timeout, MESHAPI_API_KEY="rsk_x")
    assert (ended.status, lines(ended)["gateway"]) == (1, f"!! {told}")


async def test_a_gateway_that_is_not_there_is_told() -> None:
    """Nothing listens, or nobody knows the name: the system's reason, and status 1."""
    key = {"MESHAPI_API_KEY": "rsk_x"}
    ended = await doctor("--base-url", "http://127.0.0.1:1", **key)
    assert (ended.status, lines(ended)["gateway"]) == (1, "!! no connection: Connection refused")
    ended = await doctor("--base-url", "http://no.such.host.invalid", **key)
    assert ended.status == 1
    assert lines(ended)["gateway"].startswith("!! its name is not known (")


async def test_a_gateway_that_fails_is_told(gateway: FakeGateway) -> None:
    """A status from 500 on is an answer, but none of a gateway that works."""
    gateway.enqueue(accidents.overloaded())
    ended = await doctor("--base-url", gateway.base_url, MESHAPI_API_KEY="rsk_x")
    assert ended.status == 1
    assert lines(ended)["gateway"] == "!! answered with HTTP status 503: 127.0.0.1"


async def answers(connection: Connection) -> None:
    """Answer as a gateway that knows nothing of a balance."""
    await connection.request()
    await connection.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    connection.close()


async def test_a_certificate_is_looked_at(tmp_path: Path) -> None:
    """One that is trusted is told with its last day; another is a reason for status 1."""
    _authority().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with FaultServer(answers, tls=True) as server:
        address, key = server.base_url.replace("127.0.0.1", "localhost"), {"MESHAPI_API_KEY": "rsk_x"}
        trusted = await facts("--base-url", address, SSL_CERT_FILE=str(tmp_path / "ca.pem"), **key)
        refused = await doctor("--base-url", address, SSL_CERT_FILE=os.devnull, **key)
    assert trusted["gateway"]["tls"] == "TLSv1.3"
    assert f"certificate valid until {trusted['gateway']['certificate_until']}" in trusted["gateway"]["text"]
    assert trusted["gateway"]["status"] == 0
    assert "access" not in trusted
    assert refused.status == 1
    assert lines(refused)["gateway"].startswith("!! its certificate is refused: ")


async def test_a_model_can_be_asked(gateway: FakeGateway) -> None:
    """``--ask`` costs one token, and tells which model answered after how long, or why it did not."""
    settings = {"MESHAPI_BASE_URL": gateway.base_url, "MESHAPI_API_KEY": gateway.token}
    ended = await doctor("--ask", "--model", "maker/name", **settings)
    assert ended.status == 0
    assert lines(ended)["answer"].startswith("ok maker/name answered after ")
    assert gateway.requests[-1].json["max_tokens"] == 1
    gateway.enqueue(Answer(body={"available_usd": "1.00"}), Answer(402, body={"error": "no money"}))
    ended = await doctor("--ask", **settings)
    assert ended.status == 1
    assert lines(ended)["answer"].startswith("!! SpendLimitError: 402: no money (request id: ")


async def test_programs_read_json(gateway: FakeGateway) -> None:
    """``--json`` is one object with the same checks, and their facts as values."""
    found = await facts(MESHAPI_BASE_URL=gateway.base_url, MESHAPI_API_KEY=gateway.token)
    assert found["address"]["value"] == gateway.base_url
    assert found["address"]["source"] == "MESHAPI_BASE_URL"
    assert {name: found["key"][name] for name in ("source", "prefix", "length")} == {
        "source": "MESHAPI_API_KEY",
        "prefix": "rsk_",
        "length": 30,
    }
    assert found["gateway"]["peer"] == "127.0.0.1"
    assert (found["gateway"]["status"], found["gateway"]["http_status"]) == (0, 200)
    assert found["access"]["accepted"] is True
    assert found["versions"]["aiohttp"] == version("aiohttp")


async def test_what_surprises_is_hinted_at() -> None:
    """Two keys, a key of another kind, no encryption, a proxy that is not used: told, and no fault."""
    ended = await doctor(
        *("--base-url", "http://no.such.host.invalid"),
        MESHAPI_API_KEY="sk-other",
        MESHAPI_TOKEN="rsk_another",
        https_proxy="http://proxy",
    )
    told = [line[3:].removeprefix("hint").strip() for line in ended.stdout.splitlines() if "hint" in line]
    assert told == [
        "MESHAPI_TOKEN holds another key, which MESHAPI_API_KEY comes before",
        "keys of Mesh API begin with rsk_; this one does not",
        "the address begins with http://, so the key and all texts travel unencrypted",
        (
            "https_proxy is set, but is not used: the client takes a proxy from the environment only when it "
            "is made with trust_env=True"
        ),
    ]
    assert lines(ended)["key"] == "ok not rsk_…, 8 characters (MESHAPI_API_KEY)"


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orjson and uvloop may be missing."""
    monkeypatch.setattr(_checks, "_PACKAGES", ("aiohttp", "no-such-package"))
    check = _checks.versions()
    assert check.facts["no-such-package"] is None
    assert check.text.endswith(", no-such-package (not installed)")


async def test_lines_are_wrapped_on_a_terminal(gateway: FakeGateway) -> None:
    """No word is cut, and the text of each check stays in its column; a pipe gets a line for each."""
    async with Terminal("doctor", env=environment(gateway), columns=60) as terminal:
        assert await terminal.ends() == 0
        await terminal.shows("uvloop")
        shown = terminal.screen.splitlines()
    assert shown[0] == f"ok address  {gateway.base_url} (MESHAPI_BASE_URL)"
    versions = shown[4:]
    assert len(versions) > 2
    assert all(len(line) <= 60 for line in versions)
    assert {line[:12] for line in versions} == {"ok versions ", " " * 12}
    assert " ".join(line[12:] for line in versions) == _checks.versions().text
