"""
Models: ``client.models``, what there is, what it can do, and what it costs.

The whole list is about 2.8 MB; it is read slice by slice, and ``search`` asks for less.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Literal

from .._family import Family, method
from .._pages import ListCall, OffsetPage, Page, list_method
from .._shape import Reply, Shape, shape, wire_names
from ..call import Call, get
from ._bodies import FromOffset
from ._shared import decimal


__all__ = [
    "GetModel",
    "ListFreeModels",
    "ListModels",
    "ListPaidModels",
    "Model",
    "ModelPage",
    "ModelPricing",
    "ModelSearchPage",
    "Models",
    "SearchModels",
]


@shape
class ModelPricing(Shape):
    """
    What a model costs, in USD.

    Every price is decimal text, for money is no float; :attr:`prices` has all of them as ``Decimal``. There
    are many more keys than these (``batch_…``, ``audio_…``, ``cache_read_…``): they are in ``extra``.
    """

    pricing_unit: str | None = None
    """What ``…_per_unit`` counts: ``per_1m_tokens``, ``per_second``, ``per_1k_chars``, ``per_image``, …"""
    prompt_usd_per_1m: str | None = None
    completion_usd_per_1m: str | None = None
    input_usd_per_unit: str | None = None
    output_usd_per_unit: str | None = None
    request_usd: str | None = None
    cache_hit_usd_per_1m: str | None = None
    image_input_usd_per_image: str | None = None
    image_output_usd_per_image: str | None = None
    image_output_size: str | None = None
    discount_pct: str | None = None
    effective_date: str | None = None
    deprecated_date: str | None = None
    notes: str | None = None
    source_url: str | None = None

    @property
    def prices(self) -> dict[str, Decimal]:
        """Every price that came, under its key; those that were null or no number are left out."""
        own: Any = type(self)
        came = {name: getattr(self, name) for name in wire_names(own)} | self.extra
        prices = {name: decimal(value) for name, value in came.items() if "usd" in name}
        return {name: price for name, price in prices.items() if price is not None}


@shape
class Model(Reply):
    """
    A model.

    Most keys may be missing. What is not said to be supported is not, but for system prompts, which almost
    every model takes. ``supports_thinking`` is not reliable: it is false for some that do think.
    """

    id: str
    name: str | None = None
    is_free: bool | None = None
    description: str | None = None
    brand: str | None = None
    provider: str | None = None
    model_type: str | None = None
    context_length: int | None = None
    context_window: int | None = None
    input_modalities: list[str] | None = None
    output_modalities: list[str] | None = None
    supports_thinking: bool = False
    supports_system_prompt: bool = True
    supports_completions_api: bool = False
    supports_responses_api: bool = False
    supports_realtime: bool = False
    supports_embeddings: bool = False
    supports_tools: bool = False
    supports_structured_output: bool = False
    supports_batching: bool = False
    supports_background_response: bool = False
    supports_video_generation: bool = False
    supports_image_edit: bool = False
    supports_image_inpaint: bool = False
    supports_image_outpaint: bool = False
    supports_image_mix: bool = False
    supports_image_reframe: bool = False
    supports_image_upscale: bool = False
    supports_image_remove_background: bool = False
    supports_image_reference: bool = False
    standard_context_threshold: int | None = None
    realtime_session_max_tokens: int | None = None
    realtime_max_concurrent_per_owner: int | None = None
    is_composite: bool | None = None
    composite_models: list[Any] | None = None
    pricing: ModelPricing | None = None

    @property
    def context(self) -> int | None:
        """How many tokens it can take in: some models tell it by one of two keys, and some not at all."""
        return self.context_length if self.context_length is not None else self.context_window


@shape
class ModelPage(Page[Model]):
    """All models that were asked for: this list comes in one page."""

    data: list[Model]


@shape
class ModelSearchPage(OffsetPage[Model]):
    """A page of the models that were found; ``brands`` and ``facets`` tell what else could be asked for."""

    _items_in: ClassVar[str] = "items"

    items: list[Model]
    brands: list[Any] | None = None
    facets: dict[str, Any] | None = None


@get("/v1/models")
class ListModels(ListCall[ModelPage, Model]):
    """List every model, or those of a type or a provider."""

    free: bool | None = None
    type: Literal["text", "embedding", "image", "audio", "video"] | None = None
    provider: str | None = None


@get("/v1/models/free")
class ListFreeModels(ListCall[ModelPage, Model]):
    """List the models that cost nothing."""


@get("/v1/models/paid")
class ListPaidModels(ListCall[ModelPage, Model]):
    """List the models that cost something."""


@get("/v1/models/search")
class SearchModels(FromOffset, ListCall[ModelSearchPage, Model]):
    """Find models, page by page, 20 to a page by default."""

    q: str | None = None
    """What to look for."""
    free: bool | None = None
    discounted: bool | None = None
    input_modality: Sequence[str] | None = None
    output_modality: Sequence[str] | None = None
    brand: Sequence[str] | None = None
    sort: Literal["brand", "name", "id", "context_length", "price"] | None = None
    """``price`` is not known to older deployments."""
    order: Literal["asc", "desc"] | None = None


@get("/v1/models/{id:path}")
class GetModel(Call[Model]):
    """Fetch one model by its id, such as ``openai/gpt-4o-mini``; ``NotFoundError`` where there is none."""

    id: str


class Models(Family):
    """``client.models``: what there is, what it can do, and what it costs."""

    list = list_method(ListModels)
    free = list_method(ListFreeModels)
    paid = list_method(ListPaidModels)
    search = list_method(SearchModels)
    get = method(GetModel)
