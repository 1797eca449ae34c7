"""Templates: stored, listed, fetched, changed and deleted."""

from typing import Any

import pytest

from meshapi_aio.endpoints._messages import Message
from meshapi_aio.endpoints.templates import Templates
from tests.endpoints.answering import Answers


WHOLE: dict[str, Any] = {
    "id": "0b0e8a1e-6a5e-4b5f-9a0e-0a0f6a5e4b5f",
    "name": "greeting",
    "owner": None,
    "is_global": False,
    "description": "greets",
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Hello {{ name }}", "new": None}],
    "model": "openai/gpt-4o-mini",
    "params": {"temperature": 0.5},
    "variables": ["name"],
    "created_at": "2026-08-01T00:00:00Z",
    "updated_at": "2026-08-02T00:00:00Z",
}


async def test_a_template_from_its_making_to_its_end() -> None:
    """Each call goes to its route, with what it says; what is deleted leaves an empty body."""
    gateway = Answers(WHOLE, WHOLE, WHOLE, b"{}")
    templates = Templates(gateway)
    made = await templates.create(
        name="greeting",
        description="greets",
        system="Be brief.",
        messages=[Message.user("Hello {{ name }}"), {"role": "user", "content": "?"}],
        model="openai/gpt-4o-mini",
        params={"temperature": 0.5, "stop": None},
        variables=["name"],
        team_id="t1",
        extra_body={"new": 1},
    )
    assert (made.id, made.name, made.params, made.owner) == (
        WHOLE["id"],
        "greeting",
        {"temperature": 0.5},
        None,
    )
    assert made.messages == WHOLE["messages"]
    fetched = await templates.get(id="greeting/one two")
    changed = await templates.update(id=made.id, description="")
    gone = await templates.delete(id=made.id)
    assert fetched == changed == made
    assert gone.to_dict() == {}
    assert gateway.sent == [
        (
            "POST",
            "/v1/templates",
            {
                "description": "greets",
                "system": "Be brief.",
                "messages": [
                    {"role": "user", "content": "Hello {{ name }}"},
                    {"role": "user", "content": "?"},
                ],
                "model": "openai/gpt-4o-mini",
                "params": {"temperature": 0.5, "stop": None},
                "variables": ["name"],
                "name": "greeting",
                "team_id": "t1",
                "new": 1,
            },
        ),
        ("GET", "/v1/templates/greeting%2Fone%20two", None),
        ("PATCH", f"/v1/templates/{made.id}", {"description": ""}),
        ("DELETE", f"/v1/templates/{made.id}", None),
    ]


SUMMARIES: list[dict[str, Any]] = [
    {"id": "tmpl_1", "name": "a", "messages": None, "params": None, "variables": None},
    {"id": "tmpl_2", "name": "b", "messages": None, "params": {"temperature": 0}},
    {"id": "tmpl_3", "name": "c"},
]


async def test_the_list_is_a_bare_array() -> None:
    """With nulls, with less than a template, and with ids of the other form; it is one page."""
    templates = Templates(Answers(SUMMARIES, SUMMARIES))
    page = await templates.list()
    assert [(item.name, item.params, item.is_global) for item in page] == [
        ("a", None, None),
        ("b", {"temperature": 0}, None),
        ("c", None, None),
    ]
    assert [item.id async for item in templates.list()] == ["tmpl_1", "tmpl_2", "tmpl_3"]


async def test_what_can_be_no_id() -> None:
    """Is refused: an empty one would list or delete something else."""
    templates = Templates(Answers())
    for wrong in ("", "..", "."):
        with pytest.raises(ValueError, match=r"^DeleteTemplate: id stands in the path and can't be "):
            await templates.delete(id=wrong)
