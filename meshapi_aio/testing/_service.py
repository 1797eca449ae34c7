"""
What the gateway's own answers are made from: its options, and what it remembers between requests.

Joins the catalogue, the limits, the ledger and the cache of one key; this room performs no I/O.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

from ._cache import ResponseCache
from ._capabilities import provider_refusal
from ._catalogue import Catalogue
from ._chat import DEFAULT_MODEL
from ._given import check_seconds, check_token
from ._json import Object
from ._ledger import Ledger
from ._limits import RateLimits
from ._refusals import Refusal
from ._script import Event, Pause
from ._shelf import Shelf


AUTO = "auto"
"""The name that leaves the choice of the model to the gateway."""


@attrs.frozen
class Choice:
    """The model that answers, after how many attempts, and whether the choice was the gateway's."""

    model: str
    attempts: int = attrs.field(kw_only=True)
    is_auto: bool = attrs.field(kw_only=True)


class Service:
    """
    One key and its rights; the options are those of ``FakeGateway``, where they are explained.

    Raises ``TypeError`` or ``ValueError`` for an option that could not be served.
    """

    def __init__(
        self,
        *,
        token: str,
        pace: float,
        catalogue: Sequence[Mapping[str, Any]] | None,
        allowed_models: Collection[str] | None,
        requests_per_minute: int | None,
        tokens_per_minute: int | None,
        spend_limit: str | Decimal | None,
        cache: bool,
        routing: bool,
        clock: Callable[[], float],
    ) -> None:
        if isinstance(allowed_models, str):
            msg = f"allowed_models takes several names, not the text {allowed_models!r}"
            raise TypeError(msg)
        check_token(token)
        check_seconds("pace", pace)
        self.token = token
        self.pace = pace
        self.clock = clock
        self.routing = routing
        self.catalogue = Catalogue(catalogue)
        self.limits = RateLimits(requests_per_minute, tokens_per_minute, clock)
        self.ledger = Ledger(spend_limit, clock)
        self.shelves: Mapping[str, Shelf] = defaultdict(Shelf)
        self.cache = ResponseCache(clock) if cache else None
        self._allowed = None if allowed_models is None else tuple(allowed_models)

    def choose(self, request: Object, asked_tokens: int) -> Choice | Refusal:
        """
        Return the first of the models that the request names which can answer it.

        Where none can, return why the first could not. ``asked_tokens``: what the prompt costs.
        """
        asked: str | None = request.get("model")
        others: list[str] = request.get("models") or []
        first = asked if asked and asked != AUTO else self.default_model()
        names = [first, *others] if asked or not others else others
        refusals: list[Refusal] = []
        for model in names:
            refusal = self._refusal(model, request, asked_tokens)
            if refusal is None:
                return Choice(model, attempts=len(refusals) + 1, is_auto=asked == AUTO)
            refusals.append(refusal)
        return refusals[0]

    def default_model(self) -> str:
        """Return the key's default: the first model of a given catalogue that it may use for chat."""
        listed = self.catalogue.models if self.catalogue.is_given else []
        names = [model["id"] for model in listed if model["model_type"] == "text"]
        usable = names if self._allowed is None else [name for name in names if name in self._allowed]
        return next(iter([*usable, *(self._allowed or ())]), DEFAULT_MODEL)

    def _refusal(self, model: str, request: Object, asked_tokens: int) -> Refusal | None:
        """Return why a model does not answer a chat request, None where it does."""
        refusal = self.model_refusal(model)
        entry = self.catalogue.find(model) if self.catalogue.is_given else None
        if refusal is not None or entry is None:
            return refusal
        return provider_refusal(entry, request, asked_tokens)

    def model_refusal(self, model: str) -> Refusal | None:
        """Return why the key can't use a model, None where it can."""
        if self.catalogue.is_given and self.catalogue.find(model) is None:
            return Refusal(404, "model_not_found", f"there is no model {model!r}")
        if self._allowed is not None and model not in self._allowed:
            return Refusal(403, "forbidden", f"this key may not use the model {model!r}")
        return None


def paced(events: Sequence[Event], pace: float) -> Sequence[Event]:
    """Return the events of a stream with a pause before each but the first."""
    if not pace:
        return events
    return [step for event in events for step in (Pause(pace), event)][1:]
