"""Lists in pages: one of them by await, all items by iterating, whatever tells where the next page is."""

from typing import Any, ClassVar

import pytest

from meshapi_aio import UnexpectedResponseError
from meshapi_aio._codec import structurer
from meshapi_aio._family import Family
from meshapi_aio._pages import CursorPage, ListCall, OffsetPage, Page, Pages, TokenPage, list_method
from meshapi_aio._shape import Shape, shape
from meshapi_aio.call import CALLS, get


@shape
class Book(Shape):
    """An item."""

    id: str


@shape
class Shelf(Page[Book]):
    """All the books there are."""

    data: list[Book]


@shape
class BooksAfter(CursorPage[Book]):
    """Books by cursor."""

    data: list[Book]


@shape
class BooksFrom(OffsetPage[Book]):
    """Books by offset."""

    _items_in: ClassVar[str] = "books"

    books: list[Book]


@shape
class BooksByToken(TokenPage[Book]):
    """Books by token."""

    data: list[Book]


@get("/v1/shelf")
class ListShelf(ListCall[Shelf, Book]):
    """List all books."""


@get("/v1/after")
class ListAfter(ListCall[BooksAfter, Book]):
    """List books, a cursor at a time."""

    after: str | None = None
    limit: int | None = None


@get("/v1/from")
class ListFrom(ListCall[BooksFrom, Book]):
    """List books, an offset at a time."""

    offset: int | None = None
    limit: int | None = None


@get("/v1/token")
class ListByToken(ListCall[BooksByToken, Book]):
    """List books, a token at a time."""

    next_page_token: str | None = None


# What goes through every call of the package must not meet these.
for _name in ("ListShelf", "ListAfter", "ListFrom", "ListByToken"):
    CALLS.pop(_name)


class Books(Family):
    """``client.books``."""

    shelf = list_method(ListShelf)
    after = list_method(ListAfter)
    offset = list_method(ListFrom)
    token = list_method(ListByToken)


class Client:
    """A client that gives these answers, one after the other, and notes what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    async def send(self, call: Any) -> Any:
        """Return the next answer."""
        self.asked.append(call.body())
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        reply: Any = call.reply
        return structurer(reply)(reply._given(answer))

    def stream(self, call: Any) -> Any:
        """Never asked for."""
        raise NotImplementedError


def books(*names: str) -> list[dict[str, str]]:
    """Return items as they are on the wire."""
    return [{"id": name} for name in names]


async def ids(pages: Pages[Any, Book]) -> list[str]:
    """Return the ids of all items."""
    return [book.id async for book in pages]


async def test_a_page_is_awaited() -> None:
    """``await`` gives one page, which is like a list and keeps what came with it."""
    client = Client({"object": "list", "data": books("a", "b"), "has_more": True, "last_id": "b", "new": 1})
    page = await Books(client).after(limit=2)
    assert [book.id for book in page] == ["a", "b"]
    assert (len(page), page[1].id, page.has_more, page.extra) == (2, "b", True, {"new": 1})
    assert client.asked == [{"limit": 2}]


async def test_a_bare_array_is_a_page() -> None:
    """Some lists have no envelope."""
    page = await Books(Client(books("a"))).shelf()
    assert [book.id for book in page] == ["a"]
    assert await ids(Books(Client(books("a", "b"))).shelf()) == ["a", "b"]
    assert await ids(Books(Client([])).shelf()) == []


async def test_cursors() -> None:
    """The next page comes after the last id that was told, else after the last item."""
    client = Client(
        {"data": books("a", "b"), "has_more": True, "last_id": "B"},
        {"data": books("c"), "has_more": True},
        {"data": books("d"), "has_more": False, "last_id": "d"},
    )
    assert await ids(Books(client).after(limit=2)) == ["a", "b", "c", "d"]
    assert client.asked == [{"limit": 2}, {"limit": 2, "after": "B"}, {"limit": 2, "after": "c"}]


async def test_an_empty_page_ends_a_list() -> None:
    """Whatever it says of more: there is nothing that the next page could come after."""
    assert await ids(Books(Client({"data": [], "has_more": True})).after()) == []
    assert await ids(Books(Client({"books": [], "total": 7, "offset": 0})).offset()) == []


async def test_offsets() -> None:
    """They go on from what the page says, else from what was asked, until the total is reached."""
    client = Client({"books": books("c", "d"), "total": 5, "offset": 2}, {"books": books("e"), "total": 5})
    assert await ids(Books(client).offset(offset=2)) == ["c", "d", "e"]
    assert client.asked == [{"offset": 2}, {"offset": 4}]


async def test_tokens() -> None:
    """As long as there is one."""
    client = Client({"data": books("a"), "next_page_token": "t"}, {"data": books("b"), "next_page_token": ""})
    assert await ids(Books(client).token()) == ["a", "b"]
    assert client.asked == [{}, {"next_page_token": "t"}]


async def test_pages_are_asked_for_in_time() -> None:
    """Nothing is sent before the first step, and no page before the one before it is used up."""
    client = Client({"data": books("a", "b"), "has_more": True}, {"data": books("c")})
    pages = Books(client).after()
    assert client.asked == []
    seen = []
    async for book in pages:
        seen.append((book.id, len(client.asked)))
    assert seen == [("a", 1), ("b", 1), ("c", 2)]


async def test_an_error_on_the_way_is_raised() -> None:
    """After the items that came before it."""
    client = Client({"data": books("a"), "has_more": True}, OSError("broken"))
    items = aiter(Books(client).after())
    assert (await anext(items)).id == "a"
    with pytest.raises(OSError, match="broken"):
        await anext(items)


async def test_a_gateway_that_names_the_same_page_again() -> None:
    """The list would never end: told, after the items."""
    again = {"data": books("a"), "has_more": True, "last_id": "a"}
    items = aiter(Books(Client(again, again)).after())
    assert (await anext(items)).id == "a"
    with pytest.raises(UnexpectedResponseError, match=r"the same page .* ListAfter\(after='a'\)$"):
        await anext(items)


async def test_each_iteration_begins_anew() -> None:
    """Like a list, it can be gone through twice."""
    client = Client(books("a"), books("a"))
    pages = Books(client).shelf()
    assert await ids(pages) == await ids(pages) == ["a"]
    assert repr(pages) == "<pages of ListShelf()>"
