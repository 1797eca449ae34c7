"""Templates: ``client.templates``."""

from collections.abc import Mapping, Sequence
from typing import Any

from .._family import Family, method
from .._pages import ListCall, Page, list_method
from .._shape import Reply, shape
from ..call import Call, delete, fields, get, patch, post
from ._bodies import Body
from ._messages import Message


__all__ = [
    "CreateTemplate",
    "DeleteTemplate",
    "GetTemplate",
    "ListTemplates",
    "Template",
    "TemplatePage",
    "Templates",
    "UpdateTemplate",
]


@shape
class Template(Reply):
    """
    A stored beginning of conversations, which calls name as ``template`` and fill with ``variables``.

    ``id`` is a UUID, or begins with ``tmpl_``. Times are ISO texts. What a template does not set is None.
    """

    id: str
    name: str | None = None
    owner: str | None = None
    is_global: bool | None = None
    description: str | None = None
    system: str | None = None
    messages: list[dict[str, Any]] | None = None
    model: str | None = None
    params: dict[str, Any] | None = None
    variables: list[str] | None = None
    created_at: str | None = None
    updated_at: str | None = None


@shape
class TemplatePage(Page[Template]):
    """All templates: the gateway does not cut the list into pages."""

    data: list[Template]


@fields
class _TemplateFields(Body):
    description: str | None = None
    system: str | None = None
    """The instructions to the model."""
    messages: Sequence[Message | Mapping[str, Any]] | None = None
    """How conversations begin. ``{{ name }}`` in a text is where the variable of this name goes."""
    model: str | None = None
    params: Mapping[str, Any] | None = None
    """Fields of the call, such as ``temperature``."""
    variables: Sequence[str] | None = None
    """The names of the placeholders, for people to read; those in the texts count."""


@post("/v1/templates")
class CreateTemplate(_TemplateFields, Call[Template]):
    """Store a template, and return it; ``UnprocessableEntityError`` for a field that can't be read."""

    name: str
    team_id: str | None = None


@get("/v1/templates")
class ListTemplates(ListCall[TemplatePage, Template]):
    """Return all templates that the token may use: its own, and the global ones."""


@get("/v1/templates/{id}")
class GetTemplate(Call[Template]):
    """Fetch one template; ``NotFoundError`` where there is none, or none any more."""

    id: str


@patch("/v1/templates/{id}")
class UpdateTemplate(_TemplateFields, Call[Template]):
    """Change what is given of a template, and return all of it; None leaves a field as it is."""

    id: str
    name: str | None = None


@delete("/v1/templates/{id}")
class DeleteTemplate(Call[Reply]):
    """Delete a template; the reply is empty. ``NotFoundError`` where there is none."""

    id: str


class Templates(Family):
    """``client.templates``: beginnings of conversations, stored at the gateway."""

    create = method(CreateTemplate)
    list = list_method(ListTemplates)
    get = method(GetTemplate)
    update = method(UpdateTemplate)
    delete = method(DeleteTemplate)
