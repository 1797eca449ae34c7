"""
Where the gateway is and who calls: from the arguments, else from the environment, in one spelling.

Pure: the environment is a mapping that is handed in.
"""

import re
from collections.abc import Mapping
from types import NoneType
from urllib.parse import urlsplit


__all__ = ["DEFAULT_BASE_URL", "TOKEN_VARIABLES", "check_proxy", "resolve_base_url", "resolve_token"]

DEFAULT_BASE_URL = "https://api.meshapi.ai"
TOKEN_VARIABLES = ("MESHAPI_API_KEY", "MESHAPI_TOKEN")

_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # control characters, and halves of characters
_HOST = re.compile(r"[\w.:-]+")


def resolve_base_url(value: str | None, environment: Mapping[str, str]) -> str:
    """
    Return the base URL in its one spelling: no trailing slash, no ``/v1``, a path prefix kept.

    None looks at ``MESHAPI_BASE_URL`` (empty counts as unset), then takes the production gateway. A URL that
    cannot be right is a ``ValueError`` that says what is wrong with it.
    """
    source = "base_url"
    if value is None:
        source, value = _from_environment(("MESHAPI_BASE_URL",), environment)
        value = value or DEFAULT_BASE_URL
    if not isinstance(value, str):
        msg = f"base_url must be text such as {DEFAULT_BASE_URL!r}, got something of {type(value)!r}"
        raise TypeError(msg)
    fault = _fault_of_url(value)
    if fault is not None:
        msg = f"{source} {fault}; it should look like {DEFAULT_BASE_URL!r}"
        raise ValueError(msg)
    parts = urlsplit(value)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{host}{port}{path}"


def _fault_of_url(value: str) -> str | None:
    """Return what is wrong with a base URL, None where nothing is; what may be a secret is not shown."""
    if _UNSENDABLE.search(value) or any(character.isspace() for character in value):
        return "holds white space or a control character (not shown)"
    if not value.lower().startswith(("https://", "http://")):
        return "does not begin with https:// or http:// (not shown: it may be the token, in the wrong place)"
    if "@" in value:
        return "holds an '@', and so perhaps a password (not shown); what identifies you goes into token="
    shown = re.split(r"[?#]", value)[0]
    if shown != value:
        return f"{shown!r} goes on with a query or a fragment (not shown)"
    try:
        host, _ = urlsplit(value).hostname, urlsplit(value).port
    except ValueError as error:
        return f"{value!r} is no URL ({error})"
    return None if _HOST.fullmatch(host or "") else f"{value!r} names no host"


def resolve_token(value: str | None, environment: Mapping[str, str]) -> str:
    """
    Return the token as it was given, checked but never rewritten.

    None looks at ``MESHAPI_API_KEY``, then ``MESHAPI_TOKEN`` (empty counts as unset). A missing token, or one
    that no header can carry, is a ``ValueError`` that names where it came from and never what it is.
    """
    remedy = f"pass token='rsk_…', or set the environment variable {TOKEN_VARIABLES[0]}"
    source = "token"
    if value is None:
        source, value = _from_environment(TOKEN_VARIABLES, environment)
    if not isinstance(value, str):
        msg = f"token must be text, got something of {type(value)!r}; {remedy}"
        raise TypeError(msg)
    if not value.strip():
        msg = f"{source} is empty: {remedy}"
        raise ValueError(msg)
    if _UNSENDABLE.search(value):
        msg = f"{source} holds a line break or a control character (not shown); strip() what a file gave"
        raise ValueError(msg)
    if not value.isascii():
        msg = f"{source} holds characters beyond ASCII (not shown), which no key has; copy the key again"
        raise ValueError(msg)
    return value


def check_proxy(value: str | None) -> None:
    """Check the URL of a proxy. The error shows nothing of it, since it may hold a password."""
    remedy = "it should look like 'http://proxy.example:3128' or 'http://user:password@proxy.example:3128'"
    if not isinstance(value, (str, NoneType)):
        msg = f"proxy must be text, got something of {type(value)!r}; {remedy}"
        raise TypeError(msg)
    fault = None if value is None else _fault_of_proxy(value)
    if fault is not None:
        msg = f"proxy (not shown: it may hold a password) {fault}; {remedy}"
        raise ValueError(msg)


def _fault_of_proxy(value: str) -> str | None:
    if _UNSENDABLE.search(value) or any(character.isspace() for character in value):
        return "holds white space or a control character; a password has to be percent-encoded"
    if not value.lower().startswith(("https://", "http://")):
        return "does not begin with http:// or https://; no other kind of proxy is known"
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL; a password has to be percent-encoded"
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return "goes on after its port; a password has to be percent-encoded"
    return None if _HOST.fullmatch(host or "") else "names no host"


def _from_environment(names: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, str]:
    """Return where a value was found and the value; an empty variable, as CI systems set it, is none."""
    for name in names:
        if environment.get(name, "").strip():
            return f"the environment variable {name}", environment[name]
    return " or ".join(names), ""
