"""Moderations: ``client.moderations``."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from .._family import Family, method
from .._pages import Page
from .._shape import Shape, shape
from ..call import Call, post
from ._bodies import Body


__all__ = ["CreateModeration", "Moderation", "ModerationList", "Moderations"]


@shape
class Moderation(Shape):
    """What was found in one input: by category whether it is in it, and how surely, from 0 to 1."""

    flagged: bool | None = None
    categories: dict[str, Any] = attrs.field(factory=dict)
    category_scores: dict[str, Any] = attrs.field(factory=dict)


@shape
class ModerationList(Page[Moderation]):
    """What was found in all inputs, in their order; it can be iterated and indexed itself."""

    _items_in: ClassVar[str] = "results"

    id: str | None = None
    model: str | None = None
    results: list[Moderation]


@post("/v1/moderations")
class CreateModeration(Body, Call[ModerationList]):
    """Look for harmful content in texts and pictures, and return what was found, which is no error."""

    input: str | Sequence[str] | Sequence[Mapping[str, Any]]
    """A text, texts, or parts as in chat: ``{"type": "text", …}`` and ``{"type": "image_url", …}``."""
    model: str | None = None
    """By default ``omni-moderation-latest``."""


class Moderations(Family):
    """``client.moderations``: what is harmful in a text or a picture."""

    create = method(CreateModeration)
