"""
Templates: ``client.templates``.

The wire facts are those of the gateway's documentation of ``/v1/templates`` and of its clients' tests where
these differ; such places say so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .._family import Family, method
from .._pages import ListCall, Page, list_method
from .._shape import Reply, shape
from ..call import Call, delete, fields, get, patch, post
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
class _TemplateFields:
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
    extra_body: Mapping[str, Any] | None = None
    """Body keys that this client does not know; they replace its own of the same name."""


@post("/v1/templates")
class CreateTemplate(_TemplateFields, Call[Template]):
    """
    Store a template, and return it with its id.

    Particular errors: ``UnprocessableEntityError`` (a field that the gateway can't read).
    """

    name: str
    team_id: str | None = None


@get("/v1/templates")
class ListTemplates(ListCall[TemplatePage, Template]):
    """Return all templates that the token may use: its own, and the global ones."""


@get("/v1/templates/{id}")
class GetTemplate(Call[Template]):
    """
    Return one template.

    Particular errors: ``NotFoundError``, also once it was deleted.
    """

    id: str


@patch("/v1/templates/{id}")
class UpdateTemplate(_TemplateFields, Call[Template]):
    """
    Change what is given of a template, and return all of it.

    None leaves a field as it is. Particular errors: ``NotFoundError``.
    """

    id: str
    name: str | None = None


@delete("/v1/templates/{id}")
class DeleteTemplate(Call[Reply]):
    """
    Delete a template; the reply is empty.

    Particular errors: ``NotFoundError``.
    """

    id: str


class Templates(Family):
    """``client.templates``: beginnings of conversations, stored at the gateway."""

    create = method(CreateTemplate)
    list = list_method(ListTemplates)
    get = method(GetTemplate)
    update = method(UpdateTemplate)
    delete = method(DeleteTemplate)
