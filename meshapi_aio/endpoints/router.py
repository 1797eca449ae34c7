"""Routing: ``client.router``."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from .._family import Family, method
from .._shape import Reply, Shape, shape
from ..call import Call, post
from ._bodies import Body
from ._messages import Message
from ._shared import sized


__all__ = ["AutoRouter", "Router", "SelectModel", "Selection"]


@shape
class AutoRouter(Shape):
    """How a model was chosen."""

    fallback_used: bool | None = None
    """Whether none could be chosen, and the default was taken, be it excluded or not."""
    fallback_reason: str | None = None


@shape
class Selection(Reply):
    """The model that was chosen."""

    model: str
    auto_router: AutoRouter | None = None
    reasoning_effort: str | None = None
    """What to give to the model beside the messages; None where it takes none."""


@post("/v1/router/select")
class SelectModel(Body, Call[Selection]):
    """
    Choose the model that fits a conversation, and return its name; no model is asked.

    Particular errors: ``PermissionDeniedError``, ``NotFoundError`` or ``InternalServerError`` (501) where the
    gateway has it switched off.
    """

    messages: Sequence[Message | Mapping[str, Any]] = attrs.field(validator=sized(1))
    api_type: Literal["completions", "responses", "embeddings"] | None = None
    """What the model is for; ``completions`` by default."""
    exclude_models: Sequence[str] | None = None


class Router(Family):
    """``client.router``: which model fits a conversation."""

    select = method(SelectModel)
