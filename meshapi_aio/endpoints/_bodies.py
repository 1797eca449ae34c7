"""Fields that the bodies and queries of several calls share, each group with its checks. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import attrs

from ..call import fields
from ..settings import Timeout
from ._shared import at_most_characters, between, positive


__all__ = [
    "Answered",
    "Body",
    "FromCursor",
    "FromOffset",
    "Prompted",
    "Streamable",
    "gateway_seconds",
    "unstreamed",
]

CallType = TypeVar("CallType")


@fields
class Body:
    """What every call with a body takes."""

    extra_body: Mapping[str, Any] | None = None
    """Body keys that this client does not know; they replace its own of the same name, but for ``stream``."""


@fields
class Streamable(Body):
    """What every call takes that is answered whole or streamed; these are read differently."""

    def __attrs_post_init__(self) -> None:
        call: Any = self
        extra = self.extra_body
        if extra is not None and extra.get("stream", call.stream) is not call.stream:
            msg = (
                f"{type(call).__name__}: extra_body sets stream to {extra['stream']!r}, and the answer could "
                "not be read then; use create(…, stream=True) for a stream, create(…) for a whole answer"
            )
            raise ValueError(msg)


@fields
class Prompted(Streamable):
    """What calls take that ask models for text."""

    temperature: float | None = attrs.field(default=None, validator=between(0, 2))
    template: str | None = None
    """Name or id of a stored template."""
    variables: Mapping[str, str] | None = None
    """What fills the template's placeholders."""


def gateway_seconds(value: float | None) -> float | None:
    """Tell the body field ``timeout`` (the gateway's wait for its upstream) from the client's own limits."""
    if isinstance(value, Timeout):
        msg = (
            "timeout= here is the gateway's own limit, a number of seconds; "
            "set the client's limits with client.with_options(timeout=Timeout(…))"
        )
        raise TypeError(msg)
    return value


@fields
class Answered(Prompted):
    """What calls take that ask one model, and may be answered by another one instead."""

    falls_back: ClassVar[bool] = True
    model: str | None = None
    """``provider/name``, or ``auto`` to let the gateway choose; None takes the key's default."""
    top_p: float | None = attrs.field(default=None, validator=between(0, 1))
    seed: int | None = None
    tool_choice: str | Mapping[str, Any] | None = None
    """``auto``, ``none``, ``required``, or of chat ``{"type": "function", "function": {"name": …}}``."""
    response_format: Mapping[str, Any] | None = None
    """``{"type": "json_schema", "json_schema": {"name", "schema"}}``; support differs per model."""
    user: str | None = attrs.field(default=None, validator=at_most_characters(256))
    """An id of the end user."""
    session_id: str | None = None
    timeout: float | None = attrs.field(default=None, converter=gateway_seconds, validator=positive)
    """
    Seconds that the GATEWAY waits for its upstream (300 by default).

    The client's own limits are set with ``client.with_options(timeout=Timeout(…))``.
    """


@fields
class FromCursor:
    """Where a page begins that follows the last item of another one, and how long it is."""

    after: str | None = None
    """The id of the item after which the page begins."""
    limit: int | None = None
    """How many to a page."""


@fields
class FromOffset:
    """Where a page begins that is counted from the first item, and how long it is."""

    limit: int | None = None
    """How many to a page."""
    offset: int | None = None
    """How many items come before it."""


def unstreamed(call: object, whole: Callable[..., CallType]) -> CallType:
    """Return the same request as a call of the kind that is answered at once."""
    own: Any = type(call)
    names = [field.name for field in attrs.fields(own) if field.name != "stream"]
    return whole(**{name: getattr(call, name) for name in names})
