"""
What ``doctor`` looks at without a network: settings and where they come from, versions, the environment.

Never tells a key: only that there is one, how it begins where all keys begin alike, and how long it is.
"""

import platform
import ssl
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from meshapi_aio._resolve import TOKEN_VARIABLES, resolve_base_url, resolve_token

from ._failures import without_keys


__all__ = ["Check", "address", "hints", "key", "versions"]

_KEY_PREFIX = "rsk_"
_PACKAGES = ("meshapi_aio", "aiohttp", "attrs", "cattrs", "click", "rich", "orjson", "uvloop")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class Check(NamedTuple):
    """
    One thing that was looked at, in words and as facts for programs.

    ``status`` is the exit status that it calls for: 0 where all is well, 1 where the gateway does not answer,
    2 where something is not set up.
    """

    name: str
    text: str
    status: int = 0
    facts: Mapping[str, Any] = {}


def address(base_url: str | None, environment: Mapping[str, str]) -> Check:
    """Look at where the gateway is, as an argument says or the environment."""
    if base_url is not None:
        source = "--base-url"
    else:
        source = "MESHAPI_BASE_URL" if environment.get("MESHAPI_BASE_URL", "").strip() else "default"
    try:
        value = resolve_base_url(base_url, environment)
    except ValueError as error:
        return Check("address", without_keys(str(error)), 2, {"value": None, "source": source})
    return Check("address", f"{value} ({source})", facts={"value": value, "source": source})


def key(environment: Mapping[str, str]) -> Check:
    """Look at the key in the environment."""
    source = next((name for name in TOKEN_VARIABLES if environment.get(name, "").strip()), None)
    if source is None:
        text = f"none: set the environment variable {TOKEN_VARIABLES[0]} to your key"
        return Check("key", text, 2, {"source": None})
    facts = {
        "source": source,
        "prefix": _KEY_PREFIX if environment[source].startswith(_KEY_PREFIX) else None,
        "length": len(environment[source]),
    }
    try:
        resolve_token(None, environment)
    except ValueError as error:
        return Check("key", str(error), 2, facts)
    begins = f"{_KEY_PREFIX}…" if facts["prefix"] else f"not {_KEY_PREFIX}…"
    return Check("key", f"{begins}, {facts['length']} characters ({source})", facts=facts)


def versions() -> Check:
    """Tell which versions run; None is what is not installed."""
    found: dict[str, str | None] = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(terse=True),
        "openssl": ssl.OPENSSL_VERSION,
        **{package: _version(package) for package in _PACKAGES},
    }
    told = [f"{name} {known or '(not installed)'}" for name, known in found.items()]
    return Check("versions", ", ".join(told), facts=found)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def hints(base_url: str | None, environment: Mapping[str, str]) -> Iterator[Check]:
    """Tell what is no fault, but surprises; ``base_url`` is the address where it could be found out."""
    first, second = (environment.get(name, "").strip() for name in TOKEN_VARIABLES)
    if first and second and first != second:
        yield Check(
            "hint", f"{TOKEN_VARIABLES[1]} holds another key, which {TOKEN_VARIABLES[0]} comes before"
        )
    if (first or second) and not (first or second).startswith(_KEY_PREFIX):
        yield Check("hint", f"keys of Mesh API begin with {_KEY_PREFIX}; this one does not")
    parts = urlsplit(base_url or "")
    if parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
        yield Check("hint", "the address begins with http://, so the key and all texts travel unencrypted")
    for name in _PROXY_VARIABLES:
        for variable in (name, name.lower()):
            if environment.get(variable, "").strip():
                text = (
                    f"{variable} is set, but is not used: the client takes a proxy from the environment only "
                )
                yield Check("hint", text + "when it is made with trust_env=True")
