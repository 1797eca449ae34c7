"""Web search: what is asked, and what was found."""

from typing import Any

import pytest

from meshapi_aio._meta import Meta
from meshapi_aio.endpoints.web import SearchWeb, Web, WebSearch
from tests.endpoints.answering import Answers, refusal


async def test_a_search() -> None:
    """Goes out as the documentation has it; the answer and the scores may be null, and the provider any."""
    asked: dict[str, Any] = {
        "query": "capital of France",
        "model": "m",
        "provider": "tinyfish",
        "max_results": 20,
        "search_depth": "advanced",
        "include_domains": ["a.example"],
        "exclude_domains": [],
        "include_answer": True,
        "include_page_content": False,
    }
    gateway = Answers(
        {
            "query": "capital of France",
            "answer": None,
            "results": [
                {"title": "Paris", "url": "https://a.example/", "content": "Paris is …", "score": None},
                {
                    "title": "Lyon",
                    "page_content": "…",
                    "page_content_truncated": True,
                    "published_date": None,
                },
            ],
            "provider": "another",
            "request_id": "req_body",
        }
    )
    found = await Web(gateway).search(**asked)
    assert gateway.sent == [("POST", "/v1/web/search", asked)]
    assert [result.title for result in found] == ["Paris", "Lyon"]
    assert (found.answer, found.provider, found[0].score) == (None, "another", None)
    assert found[1].page_content_truncated is True


@pytest.mark.parametrize(
    ("header", "body", "told"),
    [("req_h", "req_b", "req_h"), (None, "req_b", "req_b"), (None, "", None), ("req_h", "", "req_h")],
)
def test_the_request_id(header: str | None, body: str, told: str | None) -> None:
    """Is the header's, or where there is none the body's, which may be empty and is kept as it came."""
    found = WebSearch(results=[], extra={"request_id": body}, meta=Meta(status=200, request_id=header))
    assert (found.request_id, found.to_dict()["request_id"]) == (told, body)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"query": ""}, "query must be from 1 to 2000 characters, got 0"),
        ({"query": "x" * 2001}, "query must be from 1 to 2000 characters, got 2001"),
        ({"provider": "x"}, "provider must be 'native' or 'tavily' or 'tinyfish' or None"),
        ({"max_results": 21}, "max_results must be from 1 to 20, got 21"),
        ({"search_depth": "deep"}, "search_depth must be 'basic' or 'advanced' or None"),
    ],
)
def test_what_the_gateway_would_refuse(arguments: dict[str, Any], told: str) -> None:
    """Is refused when the call is made."""
    assert refusal(SearchWeb, **{"query": "a", **arguments}).startswith(f"SearchWeb: {told}")


def test_extra_body() -> None:
    """Brings what the client does not know."""
    call = SearchWeb(query="a", extra_body={"topic": "news"})
    assert call.body() == {"query": "a", "topic": "news"}
