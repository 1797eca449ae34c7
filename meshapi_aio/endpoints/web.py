"""Web search: ``client.web``."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs

from .._family import Family, method
from .._pages import Page
from .._shape import Shape, shape
from ..call import Call, post
from ._bodies import Body
from ._shared import between, sized


__all__ = ["SearchWeb", "Web", "WebSearch", "WebSearchResult"]


@shape
class WebSearchResult(Shape):
    """One page that was found."""

    title: str | None = None
    url: str | None = None
    content: str | None = None
    """The part of the page that fits the query."""
    score: float | None = None
    published_date: str | None = None
    page_content: str | None = None
    page_content_truncated: bool | None = None


@shape
class WebSearch(Page[WebSearchResult]):
    """What a search found, the best first; it can be iterated and indexed itself."""

    _items_in: ClassVar[str] = "results"

    query: str | None = None
    answer: str | None = None
    """What the pages say, in short; may be None although it was asked for."""
    results: list[WebSearchResult]
    provider: str | None = None

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the call, of the headers or else of the body, which may hold an empty one."""
        return self.meta.request_id or self.extra.get("request_id") or None


@post("/v1/web/search")
class SearchWeb(Body, Call[WebSearch]):
    """Search the web; ``PermissionDeniedError`` or ``NotFoundError`` where the gateway does not do that."""

    query: str = attrs.field(validator=sized(1, 2000))
    model: str | None = None
    provider: Literal["native", "tavily", "tinyfish"] | None = None
    max_results: int | None = attrs.field(default=None, validator=between(1, 20))
    """5 by default."""
    search_depth: Literal["basic", "advanced"] | None = None
    include_domains: Sequence[str] | None = None
    exclude_domains: Sequence[str] | None = None
    include_answer: bool | None = None
    """Whether to sum up the pages in ``answer``."""
    include_page_content: bool | None = None


class Web(Family):
    """``client.web``: the web, searched by the gateway."""

    search = method(SearchWeb)
