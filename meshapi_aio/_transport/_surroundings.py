"""What stands between the client and the gateway: proxies, and the ``.netrc`` of the environment."""

from urllib.parse import urlsplit

import aiohttp

from .._wire import Headers, Request


__all__ = ["authorized", "place"]


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
    return Request(request.method, request.url, Headers(others), request.body), [authorize]
