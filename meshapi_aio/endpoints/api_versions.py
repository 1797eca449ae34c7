"""API versions: ``client.api_versions``, what ``MeshAPI(api_version=…)`` may be."""

from .._family import Family
from .._pages import ListCall, Page, list_method
from .._shape import Shape, shape
from ..call import get


__all__ = ["APIVersion", "APIVersionPage", "APIVersions", "ListAPIVersions"]


@shape
class APIVersion(Shape):
    """A version that the gateway serves."""

    label: str
    """Such as ``2026-08``."""
    status: str | None = None
    baseline: bool | None = None
    """Whether it is what callers get who ask for none."""
    latest: bool | None = None
    sunset_on: str | None = None
    """When it will be served no longer, None while that is not decided."""
    notes_url: str | None = None
    capabilities: list[str] | None = None
    """What it can do and the one before it could not, such as ``video.poll_by_request_id``."""


@shape
class APIVersionPage(Page[APIVersion]):
    """All versions: this list comes in one page."""

    data: list[APIVersion]


@get("/v1/api-versions")
class ListAPIVersions(ListCall[APIVersionPage, APIVersion]):
    """List the versions that the gateway serves; ``NotFoundError`` from deployments that have but one."""


class APIVersions(Family):
    """``client.api_versions``: what the gateway serves."""

    list = list_method(ListAPIVersions)
