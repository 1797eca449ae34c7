"""
Videos and documents: work that takes its time, and is further each time when it is asked for.

Pure but for the memory of the service and new ids; this room performs no I/O.
"""

from collections.abc import Mapping

from ._account import read_time
from ._admission import Asked, FamilyEndpoint
from ._json import Object
from ._rules import api_version, new_ulid
from ._script import Answer
from ._service import Service
from ._shelf import Shelf, Thing, iso, moved_on, offset_page


_TASK_FIELDS = (
    *("seed", "resolution", "ratio", "duration", "frames", "generate_audio", "safety_identifier"),
    *("priority", "draft", "service_tier", "execution_expires_after"),
)
_BY_REQUEST = "2026-09"  # the version from which on a task is found by the id of its request too
_DOCUMENT_MODEL = "google/gemini-2.5-flash-lite"


def _create_video(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/video/generations``."""
    now = int(service.clock())
    task: Thing = {"id": f"cgt-{new_ulid()}", "status": "queued", "model": asked.said["model"]}
    task |= {"created_at": now, "updated_at": now, "request_id": asked.request.request_id}
    task |= {name: asked.said[name] for name in _TASK_FIELDS if name in asked.said}
    task["_frame"] = asked.said.get("return_last_frame")
    _videos(service).put(task["id"], task)
    return Answer(body={"id": task["id"]})


def _get_video(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/video/generations/{id}``, which asks the provider, so that the task is further."""
    wanted = asked.said["id"]
    newest = api_version(asked.request.headers) == _BY_REQUEST
    same = (task["id"] for task in _videos(service).newest_first() if newest and task["request_id"] == wanted)

    def answer(task: Thing) -> Answer:
        if moved_on(task, ("queued", "running", "succeeded")) == "succeeded":
            address = f"https://example.com/{task['id']}"
            task["content"] = {"video_url": f"{address}.mp4"}
            if task["_frame"]:
                task["content"]["last_frame_url"] = f"{address}.png"
            task["usage"] = {"completion_tokens": 1000, "total_tokens": 1000}
        task["updated_at"] = int(service.clock())
        return Answer(body=_told(task, newest=newest))

    return asked.about(_videos(service), "video task", answer, name=next(same, wanted))


def _list_videos(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/video/generations``: what is stored, no provider is asked."""
    newest = api_version(asked.request.headers) == _BY_REQUEST
    tasks = [
        _told(task, newest=newest)
        for task in _videos(service).newest_first()
        if all(task[name] == asked.said[name] for name in ("status", "model") if name in asked.said)
        and _is_between(task["created_at"], asked.said)
    ]
    page = offset_page("data", tasks, asked.said, most=20)
    has_more = page["offset"] + len(page["data"]) < page["total"]
    return Answer(body={"object": "list", **page, "has_more": has_more})


def _told(task: Thing, *, newest: bool) -> Object:
    """Return a task as it is told in a version."""
    return {
        name: value for name, value in task.items() if name != "_frame" and (newest or name != "request_id")
    }


def _is_between(created: int, said: Object) -> bool:
    """Return whether a time is within those of a query."""
    after, before = (said.get(name) for name in ("created_after", "created_before"))
    return (after is None or created >= read_time(after)) and (before is None or created <= read_time(before))


def _create_document(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/documents/generate``."""
    now = iso(service.clock())
    document: Thing = {
        "document_id": f"doc_{new_ulid()}",
        "status": "pending",
        "format": asked.said["format"],
    }
    document |= {"model": asked.said.get("model") or _DOCUMENT_MODEL, "created_at": now, "updated_at": now}
    document["_prompt"] = asked.said["prompt"]
    _documents(service).put(document["document_id"], document)
    return Answer(body=_shown(document))


def _get_document(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/documents/{id}``: pending as it was made, then completed."""

    def answer(document: Thing) -> Answer:
        if moved_on(document, ("pending", "completed")) == "completed" and "title" not in document:
            name = f"{document['document_id']}.{document['format']}"
            document |= {"title": document["_prompt"][:50], "size_bytes": 1000}
            document |= {
                "download_url": f"https://example.com/{name}",
                "expires_at": iso(service.clock() + 3600),
            }
            document |= {"prompt_tokens": 10, "completion_tokens": 100, "total_tokens": 110}
            document["updated_at"] = iso(service.clock())
        return Answer(body=_shown(document))

    return asked.about(_documents(service), "document", answer)


def _list_documents(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/documents``."""
    documents = [_shown(document) for document in _documents(service).newest_first()]
    return Answer(body=offset_page("documents", documents, asked.said))


def _shown(document: Thing) -> Object:
    """Return a document as it is told."""
    return {name: value for name, value in document.items() if name != "_prompt"}


def _videos(service: Service) -> Shelf:
    return service.shelves["videos"]


def _documents(service: Service) -> Shelf:
    return service.shelves["documents"]


ROUTES: Mapping[str, Mapping[str, FamilyEndpoint]] = {
    "/v1/video/generations": {"GET": _list_videos, "POST": _create_video},
    "/v1/video/generations/{id}": {"GET": _get_video},
    "/v1/documents": {"GET": _list_documents},
    "/v1/documents/generate": {"POST": _create_document},
    "/v1/documents/{id}": {"GET": _get_document},
}
