"""
``/v1/responses``: answers in the other form, whole, streamed, or made in the background.

Pure but for the memory of the service and new ids; this room performs no I/O. What the model says is what it
would say in a chat.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._admission import Asked, FamilyEndpoint, charge
from ._capabilities import thinks
from ._chat import complete
from ._json import Object, is_object
from ._prompt import prompt_tokens, tokens
from ._refusals import Refusal
from ._rules import new_ulid
from ._script import Answer
from ._service import AUTO, Service, paced
from ._shelf import Shelf, Thing, cursor_page, moved_on
from ._templates import filled


_STEPS = ("queued", "in_progress", "completed")
_LISTED = ("id", "object", "model", "provider", "status", "created_at", "completed_at", "usage_synced")


def _create(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/responses``; what runs in the background is queued first."""
    said = asked.said
    request = filled({"messages": _messages(said), **_named(said)}, service)
    if isinstance(request, Refusal):
        return request.answer(asked.request.request_id)
    made = _response(said, request, service)
    if said.get("background") or said.get("stream"):
        charge(asked, made, service)
    if said.get("background"):
        kept: Thing = {"status": "queued", "response": made, "is_job": True}
        _shelf(service).put(made["id"], kept)
        return Answer(body=_told(kept))
    if said.get("store") is not False:
        _shelf(service).put(made["id"], {"status": "completed", "response": made, "is_job": False})
    if not said.get("stream"):
        return Answer(body=made)
    return Answer(events=paced(list(_events(made)), service.pace))


def _named(said: Object) -> Object:
    """Return what names a template, and the model that counts more than its own."""
    return {name: said[name] for name in ("template", "variables", "model") if name in said}


def _response(said: Object, begun: Object, service: Service) -> dict[str, Any]:
    """Return the whole response to a conversation that has begun."""
    wanted: str | None = begun.get("model")
    model = service.default_model() if wanted is None or wanted == AUTO else wanted
    request = {"model": model, "messages": begun["messages"], "tools": _tools(said.get("tools") or [])}
    request |= {"max_tokens": said.get("max_output_tokens"), "tool_choice": _choice(said.get("tool_choice"))}
    completion = complete(
        request,
        completion_id=f"chatcmpl-{new_ulid()}",
        created=int(service.clock()),
        asked_tokens=prompt_tokens(request),
        thinks=thinks(service.catalogue.find(model), model),
    )
    usage = completion["usage"]
    return {
        "id": f"resp_{new_ulid()}",
        "object": "response",
        "created_at": completion["created"],
        "status": "completed",
        "model": model,
        "output": list(_output(completion["choices"][0]["message"])),
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "output_tokens": usage["completion_tokens"],
            "total_tokens": usage["total_tokens"],
        },
    }


def _messages(said: Object) -> list[dict[str, Any]]:
    """Return what was said as the messages of a chat."""
    begun = [{"role": "system", "content": said["instructions"]}] if said.get("instructions") else []
    given = said["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return [*begun, *(_message(item) for item in items if is_object(item))]


def _message(item: Object) -> dict[str, Any]:
    """Return one item of the input as a message."""
    if item.get("type") == "function_call_output":
        return {"role": "tool", "content": str(item.get("output", "")), "tool_call_id": item.get("call_id")}
    content = item.get("content") or ""
    if not isinstance(content, str):
        content = "".join(str(part.get("text", "")) for part in content if is_object(part))
    return {"role": item.get("role") or "assistant", "content": content}


def _tools(tools: Sequence[Object]) -> list[Object]:
    """Return the functions among flat tools as a chat has them."""
    return [
        {
            "type": "function",
            "function": {name: tool[name] for name in ("name", "parameters") if tool.get(name)},
        }
        for tool in tools
        if tool.get("type") == "function"
    ]


def _choice(choice: Any) -> Any:
    """Return a flat choice of a tool as a chat has it."""
    if is_object(choice) and "name" in choice:
        return {"type": "function", "function": {"name": choice["name"]}}
    return choice if choice in {"auto", "none", "required"} else None


def _output(message: Object) -> Iterator[Object]:
    """Yield what a message says as items of the output."""
    if message.get("reasoning_content"):
        summary = [{"type": "summary_text", "text": message["reasoning_content"]}]
        yield {"type": "reasoning", "id": f"rs_{new_ulid()}", "summary": summary}
    if message["content"] is not None:
        text = {"type": "output_text", "text": message["content"], "annotations": []}
        item = {"type": "message", "id": f"msg_{new_ulid()}", "role": "assistant", "status": "completed"}
        yield {**item, "content": [text]}
    for call in message.get("tool_calls") or ():
        item = {
            "type": "function_call",
            "id": f"fc_{new_ulid()}",
            "call_id": call["id"],
            "status": "completed",
        }
        yield {**item, **call["function"]}


def _events(made: Object) -> Iterator[Object]:
    """Yield the events of a response that is streamed."""
    begun = {**made, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    for index, item in enumerate(made["output"]):
        place = {"item_id": item["id"], "output_index": index}
        yield {"type": "response.output_item.added", "output_index": index, "item": _opening(item)}
        for kind, piece in _pieces(item):
            yield {"type": kind, **place, "content_index": 0, "delta": piece}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": made}


def _opening(item: Object) -> Object:
    """Return an item of the output as it is before anything was said."""
    empty = {"content": [], "arguments": "", "summary": []}
    return {name: empty.get(name, value) for name, value in item.items()}


def _pieces(item: Object) -> Iterator[tuple[str, str]]:
    """Yield the text of an item piece by piece, each with the kind of its event."""
    match item["type"]:
        case "message":
            kind, text = "response.output_text.delta", item["content"][0]["text"]
        case "reasoning":
            kind, text = "response.reasoning_summary_text.delta", item["summary"][0]["text"]
        case _:
            kind, text = "response.function_call_arguments.delta", item["arguments"]
    yield from ((kind, piece) for piece in tokens(text))


def _list(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/responses``: the jobs in the background."""
    jobs = [_told(kept) for kept in _shelf(service).newest_first() if kept["is_job"]]
    listed = [{name: job[name] for name in _LISTED if name in job} for job in jobs]
    return Answer(body=cursor_page(listed, asked.said))


def _get(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/responses/{id}``: what runs in the background is a step further each time."""

    def answer(kept: Thing) -> Answer:
        if kept["status"] in _STEPS[:-1]:
            moved_on(kept, _STEPS)
        return Answer(body=_told(kept))

    return asked.about(_shelf(service), "response", answer)


def _told(kept: Thing) -> Object:
    """Return a response as far as it is made."""
    if kept["status"] == "completed":
        return {**kept["response"]}
    return {**kept["response"], "status": kept["status"], "output": [], "usage": None}


ROUTES: Mapping[str, Mapping[str, FamilyEndpoint]] = {
    "/v1/responses": {"GET": _list, "POST": _create},
    "/v1/responses/{id}": {"GET": _get},
}


def _shelf(service: Service) -> Shelf:
    return service.shelves["responses"]
