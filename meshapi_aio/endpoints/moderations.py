"""
Moderations: ``client.moderations``.

The wire facts are those of the gateway's documentation of ``POST /v1/moderations``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from .._family import Family, method
from .._pages import Page
from .._shape import Shape, shape
from ..call import Call, post


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
class CreateModeration(Call[ModerationList]):
    """
    Look for harmful content in texts and pictures, and return what was found, category by category.

    A text that is flagged is no error, and no errors are particular.
    """

    input: str | Sequence[str] | Sequence[Mapping[str, Any]]
    """A text, texts, or parts as in chat: ``{"type": "text", …}`` and ``{"type": "image_url", …}``."""
    model: str | None = None
    """By default ``omni-moderation-latest``."""
    extra_body: Mapping[str, Any] | None = None
    """Body keys that this client does not know; they replace its own of the same name."""


class Moderations(Family):
    """``client.moderations``: what is harmful in a text or a picture."""

    create = method(CreateModeration)
