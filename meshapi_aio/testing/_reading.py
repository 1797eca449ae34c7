"""
The reading of a request from its connection, to the end of its body.

The only room that reads what a client sends.
"""

import time

from aiohttp import web

from ._received import ReceivedRequest
from ._rules import request_id


_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def read_request(http: web.BaseRequest) -> ReceivedRequest:
    """
    Read a request to its end; a client that waits for leave to send its body gets it.

    Its number is for whoever counts: it is 0.
    """
    if http.headers.get("Expect", "").lower() == "100-continue":
        await http.writer.write(_CONTINUE)
    body = await http.content.read()
    return ReceivedRequest(
        number=0,
        method=http.method,
        target=http.raw_path,
        path=http.path,
        query=http.rel_url.query,
        headers=http.headers,
        body=body,
        received_at=time.monotonic(),
        request_id=request_id(http.headers.get("X-Request-Id")),
    )
