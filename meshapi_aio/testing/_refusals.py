"""
Error answers in the gateway's envelope, in both of their forms.

Pure values; this room performs no I/O.
"""

from collections.abc import Mapping, Sequence

import attrs

from ._json import Object
from ._rules import envelope
from ._script import Answer


@attrs.frozen
class Refusal:
    """
    Why a request is not served.

    ``fields``: further members of the error. ``headers``: go with the answer.
    ``upstream``: whether it is the model's provider that refuses; such a refusal has two forms on the wire,
    an error status and, where a stream was asked for, a 200 whose first event is the error.
    """

    status: int
    code: str
    message: str
    fields: Object = attrs.field(factory=dict, kw_only=True)
    headers: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    upstream: bool = attrs.field(default=False, kw_only=True)

    def answer(
        self, request_id: str, *, streamed: bool = False, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer; ``headers`` are added to those of the refusal."""
        body = envelope(request_id, self.code, self.message, **self.fields)
        merged = {**(headers or {}), **self.headers}
        if streamed and self.upstream:
            return Answer(events=[body], headers=merged)
        return Answer(self.status, body=body, headers=merged)


def invalid(problems: Sequence[Object]) -> Refusal:
    """Return the refusal of a request that is not valid, with the list of what is wrong."""
    return Refusal(422, "validation_error", "the request is not valid", fields={"details": problems})
