"""The bytes of a connection on their way to aiohttp: the head of an answer before its body."""

from aiohttp.client_proto import ResponseHandler


__all__ = ["HeadFirst"]

_END = b"\r\n\r\n"


class HeadFirst(ResponseHandler):
    """
    Hands over the head of an answer by itself.

    Where a body can't be read (its framing or its packing breaks) in the very packet of the head, aiohttp's
    parser forgets head and body: the gateway's id of the call would be lost, and the chunks before the break.
    """

    _seen: bytes | None = None

    def expect_head(self) -> None:
        """Note that an answer begins with the next bytes."""
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        """Take bytes of the connection."""
        seen = self._seen
        if seen is not None:
            end = (seen + data).find(_END)
            if end >= 0:
                self._seen = None
                body = end + len(_END) - len(seen)
                super().data_received(data[:body])
                data = data[body:]
                if not data or not self.is_connected():
                    return
            else:
                self._seen = (seen + data)[1 - len(_END) :]
        super().data_received(data)
