"""
Lists that come in pages: awaited they are the first page, iterated they are every item, page after page.

Performs no I/O of its own: whoever sends calls is handed in.
"""

import inspect
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, ClassVar, Generic, ParamSpec, Protocol, Self, TypeVar

import attrs

from ._family import Method, Sender, as_method
from ._shape import Reply, shape
from .call import Call
from .errors import UnexpectedResponseError


__all__ = ["CursorPage", "ListCall", "OffsetPage", "Page", "Pages", "TokenPage", "list_method"]

P = ParamSpec("P")
ItemType = TypeVar("ItemType")
ItemType_co = TypeVar("ItemType_co", covariant=True)
PageType = TypeVar("PageType", bound="Page[Any]")
PageType_co = TypeVar("PageType_co", bound="Page[Any]", covariant=True)


@shape
class Page(Reply, Generic[ItemType]):
    """A part of a list, or all of it: it can be iterated, indexed and measured like a list."""

    _items_in: ClassVar[str] = "data"

    @property
    def _items(self) -> Sequence[ItemType]:
        items: Sequence[ItemType] = getattr(self, self._items_in)
        return items

    def __iter__(self) -> Iterator[ItemType]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> ItemType:
        return self._items[index]

    @classmethod
    def _given(cls, value: Any) -> Any:
        # Some lists come as a bare array, here and there also in an object.
        return {cls._items_in: value} if isinstance(value, list) else value

    def _after(self, call: Any) -> Any:  # noqa: ARG002 - pages that have successors want it
        """Return the call for the next page, None where this is the last."""
        return None


@shape
class CursorPage(Page[ItemType]):
    """A page that says whether there are more, which come ``after`` its last item."""

    object: str | None = None
    has_more: bool | None = None
    first_id: str | None = None
    last_id: str | None = None

    def _after(self, call: Any) -> Any:
        if not self.has_more or not self._items:
            return None
        last: Any = self._items[-1]
        return attrs.evolve(call, after=self.last_id or last.id)


@shape
class OffsetPage(Page[ItemType]):
    """A page that says how many items there are in all."""

    total: int | None = None
    limit: int | None = None
    offset: int | None = None

    def _after(self, call: Any) -> Any:
        seen = (self.offset or call.offset or 0) + len(self)
        return None if not len(self) or seen >= (self.total or 0) else attrs.evolve(call, offset=seen)


@shape
class TokenPage(Page[ItemType]):
    """A page that holds the token of the next one."""

    next_page_token: str | None = None

    def _after(self, call: Any) -> Any:
        token = self.next_page_token
        return attrs.evolve(call, next_page_token=token) if token else None


class ListCall(Call[PageType_co], Generic[PageType_co, ItemType_co]):
    """A request for a page (the first generic parameter) of items (the second)."""

    __slots__ = ()


class Pages(Generic[PageType, ItemType]):
    """
    A list that was asked for: await it for one page, or iterate it for every item.

    Nothing is sent before either. Iterating asks for a page when the one before is used up, and raises what
    any call raises; each iteration begins anew.
    """

    def __init__(self, sender: Sender, call: ListCall[PageType, ItemType]) -> None:
        self._sender = sender
        self._call = call

    def __repr__(self) -> str:
        return f"<pages of {self._call!r}>"

    def __await__(self) -> Generator[Any, None, PageType]:
        return self._sender.send(self._call).__await__()

    def __aiter__(self) -> "_Items[ItemType]":
        return _Items(self._sender, self._call)


class _Items(Generic[ItemType]):
    """One iteration over the items."""

    def __init__(self, sender: Sender, call: ListCall[Any, ItemType]) -> None:
        self._sender = sender
        self._next: ListCall[Any, ItemType] | None = call
        self._ready: Iterator[ItemType] = iter(())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ItemType:
        while True:
            for item in self._ready:
                return item
            if self._next is None:
                raise StopAsyncIteration
            call = self._next
            page = await self._sender.send(call)
            self._next = page._after(call)  # noqa: SLF001 - same room
            self._ready = iter(page)
            if self._next is not None and self._next == call:
                msg = f"the gateway named the same page as the next one again: {call!r}"
                raise UnexpectedResponseError(msg, status=page.meta.status, request_id=page.request_id)


class _ListBound(Protocol[P, PageType, ItemType]):
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Pages[PageType, ItemType]: ...


def list_method(
    call: Callable[P, ListCall[PageType, ItemType]],
) -> Method[_ListBound[P, PageType, ItemType]]:
    """Return a family's method that makes a list: awaited it is a page, iterated all items."""

    def pages(sender: Sender, *args: P.args, **kwargs: P.kwargs) -> Pages[PageType, ItemType]:
        return Pages(sender, call(*args, **kwargs))

    told = (
        "Awaited it is one page; ``async for`` goes through the items of all pages, each asked for in time."
    )
    doc = f"{inspect.getdoc(call)}\n\n{told}"
    made: Method[_ListBound[P, PageType, ItemType]] = as_method(pages, doc, inspect.signature(call), (call,))
    return made
