"""What surrounds a request: proxies, ``.netrc``, the headers and credentials of a session."""

from urllib.parse import urlsplit

import aiohttp

from .._wire import Headers, Request


__all__ = ["authorized", "bare", "place"]


def place(url: str, proxy: str | None) -> str:
    """Return where a request goes, for errors: of the URL and of the proxy host and port alone."""
    gateway = urlsplit(url).netloc
    if proxy is None:
        return gateway
    parts = urlsplit(proxy)
    return f"{gateway} through the proxy {parts.hostname}{'' if parts.port is None else f':{parts.port}'}"


def authorized(request: Request) -> tuple[Request, list[aiohttp.ClientMiddlewareType]]:
    """
    Return a request without the token, and what adds it once aiohttp has looked into ``.netrc``.

    aiohttp refuses an Authorization header for a host that ``.netrc`` knows, too. The token is meant for the
    gateway, and the file perhaps for what else is on that host, so the token holds.
    """

    async def authorize(
        sent: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        sent.headers["Authorization"] = request.headers["Authorization"]
        return await handler(sent)

    others = {name: value for name, value in request.headers.items() if name != "Authorization"}
    bare_of_it = Request(request.method, request.url, Headers(others), request.body, request.parts)
    return bare_of_it, [authorize]


# What makes it HTTP; the rest is the request's own.
_NEEDED = frozenset({"host", "content-length", "transfer-encoding"})


def bare(request: Request) -> list[aiohttp.ClientMiddlewareType]:
    """
    Return what strips a request of all that is not its own, once aiohttp has put it together.

    aiohttp adds the headers, cookies and credentials of the session, which are meant for the gateway, those
    of ``.netrc``, and headers that a signature may not know. It also writes an address in its own way, and
    some signatures are over the address as it was.
    """
    kept = _NEEDED | {name.lower() for name in request.headers}

    async def strip(
        sent: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        for name in {name for name in sent.headers if name.lower() not in kept}:
            del sent.headers[name]
        sent.url = type(sent.url)(request.url, encoded=True)
        return await handler(sent)

    return [strip]
