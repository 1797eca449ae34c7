"""
What every call but a chat goes through before it is answered: is it valid, and may the key make it.

Pure but for the memory of the service; this room performs no I/O.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import attrs

from ._calls import AnyCall, read_request
from ._chat import DEFAULT_MODEL
from ._json import Object, is_array, is_object, json_bytes
from ._prompt import tokens
from ._received import ReceivedRequest
from ._refusals import Refusal, invalid
from ._rules import new_ulid
from ._script import Answer
from ._service import AUTO, Service
from ._shelf import Shelf, Thing


_ASKING = ("content", "input", "instructions", "messages", "prompt", "query", "requests")
"""The fields whose texts cost tokens."""


@attrs.frozen
class Asked:
    """
    A call that is valid and may be made.

    ``said`` holds its fields by name, those in the path included, without the ones that are null; ``tokens``
    is what its texts cost.
    """

    request: ReceivedRequest
    call: AnyCall
    said: Object
    tokens: int

    def refused(self, status: int, code: str, message: str) -> Answer:
        """Return a refusal in the gateway's envelope."""
        return Refusal(status, code, message).answer(self.request.request_id)

    def implied(self, path: str, body: Object) -> ReceivedRequest:
        """Return a request to another endpoint that this one implies; it has its own id."""
        return attrs.evolve(
            self.request,
            method="POST",
            target=path,
            path=path,
            query={},
            headers={"Content-Type": "application/json"},
            body=json_bytes(body),
            request_id=f"req_{new_ulid()}",
        )

    def about(
        self, shelf: Shelf, what: str, answer: Callable[[Thing], Answer], *, name: str | None = None
    ) -> Answer:
        """Return the answer about the thing that the path names, or 404 where it is not there."""
        wanted: str = name or self.said["id"]
        thing = shelf.find(wanted)
        return (
            self.refused(404, "not_found", f"there is no {what} {wanted!r}")
            if thing is None
            else answer(thing)
        )


FamilyEndpoint: TypeAlias = Callable[[Asked, Service], Answer]


def admitting(endpoint: FamilyEndpoint) -> Callable[[ReceivedRequest, Service], Answer]:
    """
    Return an endpoint that is asked for valid calls only, and tells of the limits.

    A call may be refused, in this order: as not valid (422), for want of money (402; what only reads is
    free), for coming too fast (429), and for its model (404, 403).
    """

    def answer(request: ReceivedRequest, service: Service) -> Answer:
        content_type = request.headers.get("Content-Type", "")
        call = read_request(request.method, request.target, request.body, content_type)
        if call is None:
            return Answer(404, body={"detail": "Not Found"})
        if isinstance(call, list):
            return invalid(call).answer(request.request_id)
        places = {name: getattr(call, name) for name in call.route.fields}
        said = {name: value for name, value in {**call.body(), **places}.items() if value is not None}
        asked = Asked(
            request,
            call,
            said,
            sum(len(tokens(text)) for text in _texts([said.get(name) for name in _ASKING])),
        )
        refusal = _refusal(asked, service)
        if refusal is not None:
            return refusal.answer(request.request_id, headers=service.limits.headers())
        made = endpoint(asked, service)
        charge(asked, made.body, service)
        return attrs.evolve(made, headers={**service.limits.headers(), **made.headers})

    return answer


def _refusal(asked: Asked, service: Service) -> Refusal | None:
    """Return why the key may not make a call, None where it may."""
    reads = asked.request.method in {"GET", "DELETE"}
    refusal = (None if reads else service.ledger.admit()) or service.limits.admit(asked.tokens)
    model = asked.said.get("model")
    if refusal is not None or reads or not isinstance(model, str) or model == AUTO:
        return refusal
    return service.model_refusal(model)


def charge(asked: Asked, body: object, service: Service) -> None:
    """Take in what a reply costs that says how many tokens it took; what streams has to be told by itself."""
    if asked.request.method != "POST" or not is_object(body) or not is_object(body.get("usage")):
        return
    usage: Object = body["usage"]
    prompt = usage.get("prompt_tokens") or usage.get("input_tokens") or 0
    completion = usage.get("completion_tokens") or usage.get("output_tokens") or 0
    counts = {"prompt_tokens": prompt, "completion_tokens": completion}
    model = str(body.get("model") or asked.said.get("model") or DEFAULT_MODEL)
    service.ledger.charge(asked.request.request_id, model, counts, service.catalogue.cost(model, counts))
    service.limits.add_tokens(completion)


def _texts(value: object) -> Iterator[str]:
    """Yield the texts of a value, as deep as they are."""
    if isinstance(value, str):
        yield "" if value.startswith("data:") else value  # a picture is no text
    elif is_object(value):
        for member in value.values():
            yield from _texts(member)
    elif is_array(value):
        for member in value:
            yield from _texts(member)
