"""
``/v1/files``: uploaded by a signed address, embedded, and searched by their words.

Pure but for the memory of the service and new ids; this room performs no I/O.
"""

import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ._admission import Asked, FamilyEndpoint
from ._json import Object
from ._received import ReceivedRequest
from ._rules import new_ulid
from ._script import Answer
from ._service import Service
from ._shelf import Shelf, Thing, iso, offset_page


STORAGE = "/_fake/storage/"
"""Where the signed addresses lead: the storage, which is another service, with other rules."""

_VALID = 900.0  # seconds that a signed address can be used
_KEPT = 100_000  # characters of a file that are searched
_TOKENS = 4  # characters to a token, about
_WORD = re.compile(r"\w+")


def _begin(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/files``: the file is announced, and where its bytes go."""
    name: str = asked.said["file_name"]
    now = service.clock()
    file: Thing = {
        "file_id": f"file_{new_ulid()}",
        "upload_status": "pending",
        "file_name": name,
        "file_type": PurePosixPath(name).suffix.removeprefix(".") or "bin",
        "mime_type": asked.said["mime_type"],
        "size_bytes": None,
        "embedding_status": "pending",
        "created_at": iso(now),
        "updated_at": iso(now),
    }
    signature, expires = secrets.token_urlsafe(), now + _VALID
    hidden = {"signature": signature, "expires": expires, "created": int(now), "text": ""}
    embed = asked.said.get("embed") is not False
    hidden |= {"embed": embed, "metadata": asked.said.get("metadata") or {}}
    _shelf(service).put(file["file_id"], {"file": file, **hidden})
    host = asked.request.headers.get("Host", "")
    signed = f"http://{host}{STORAGE}{file['file_id']}?signature={signature}"
    return Answer(body={"file_id": file["file_id"], "signed_url": signed, "expires_at": iso(expires)})


def store(request: ReceivedRequest, service: Service) -> Answer:
    """Answer what is sent to a signed address: its signature is all the credential that it takes."""
    entry = _shelf(service).find(request.path.removeprefix(STORAGE))
    signature = request.query.get("signature", "")
    if request.method != "PUT":
        return _storage_error(405, "MethodNotAllowed", "only PUT is allowed here")
    if entry is None or not hmac.compare_digest(entry["signature"].encode(), signature.encode()):
        return _storage_error(403, "SignatureDoesNotMatch", "the signature does not fit the address")
    if service.clock() > entry["expires"]:
        return _storage_error(403, "AccessDenied", "the address has expired")
    if "Authorization" in request.headers:
        return _storage_error(400, "InvalidArgument", "only one way of authentication is allowed")
    file: Thing = entry["file"]
    if request.headers.get("Content-Type") != file["mime_type"]:
        return _storage_error(403, "SignatureDoesNotMatch", f"the type was signed as {file['mime_type']}")
    entry["text"] = request.body.decode(errors="replace")[:_KEPT]
    file |= {"upload_status": "ready", "size_bytes": len(request.body)}
    file |= {
        "embedding_status": "queued" if entry["embed"] else "pending",
        "updated_at": iso(service.clock()),
    }
    return Answer(200)


def _storage_error(status: int, code: str, message: str) -> Answer:
    """Return an error as storage services write it."""
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{error}'
    return Answer(status, body=body, headers={"Content-Type": "application/xml"})


def _list(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/files``."""
    files = [entry["file"] for entry in _shelf(service).newest_first()]
    return Answer(body=offset_page("files", files, asked.said))


def _get(asked: Asked, service: Service) -> Answer:
    """Answer ``GET /v1/files/{id}``; an embedding that was queued is ready when it is asked for again."""

    def answer(entry: Thing) -> Answer:
        told = dict(entry["file"])
        if told["embedding_status"] == "queued":
            _embedded(entry)
        return Answer(body=told)

    return asked.about(_shelf(service), "file", answer)


def _embedded(entry: Thing) -> None:
    """Take note that the embedding of a file is made."""
    tokens = len(entry["text"]) // _TOKENS
    cost = tokens * 2e-8  # the price of the built-in model; a number here, where others are text
    entry["file"] |= {"embedding_status": "ready", "total_tokens": tokens, "total_cost_usd": cost}


def _embed(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/files/embed``: what can't be embedded says so in its own place."""
    results = []
    for file_id in asked.said["file_ids"]:
        entry = _shelf(service).find(file_id)
        error = _not_embeddable(entry)
        if entry is None or error is not None:
            results.append({"file_id": file_id, "embedding_status": "failed", "error": error})
            continue
        entry["file"]["embedding_status"] = "queued"
        if asked.said.get("wait"):
            _embedded(entry)
        status = entry["file"]["embedding_status"]
        results.append(
            {
                "file_id": file_id,
                "embedding_status": status,
                "chunk_count": len(_chunks(entry)),
                "error": None,
            }
        )
    return Answer(body={"results": results})


def _not_embeddable(entry: Thing | None) -> str | None:
    """Return why a file can't be embedded now, None where it can."""
    if entry is None:
        return "there is no such file"
    file = entry["file"]
    if file["upload_status"] != "ready":
        return "the file is not uploaded yet"
    if file["embedding_status"] not in {"pending", "failed"}:
        return f"the embedding is {file['embedding_status']} already"
    return None


def _search(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/files/search``: the parts of files that share most words with the query."""
    words = set(_WORD.findall(asked.said["query"].lower()))
    found = [
        result
        for entry in _shelf(service).newest_first()
        if _is_searched(entry, asked.said)
        for result in _hits(entry, words)
    ]
    found.sort(key=lambda result: -result["score"])
    return Answer(body={"results": found[: asked.said.get("top_k") or 5]})


def _is_searched(entry: Thing, said: Object) -> bool:
    """Return whether a search looks into a file."""
    file, wanted = entry["file"], said.get("file_ids")
    return (
        file["embedding_status"] == "ready"
        and (wanted is None or file["file_id"] in wanted)
        and (said.get("filter") or {}).items() <= entry["metadata"].items()
        and said.get("date_from", 0) <= entry["created"] <= said.get("date_to", entry["created"])
    )


def _hits(entry: Thing, words: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a file that have words of the query, with the share that they have."""
    file = entry["file"]
    for index, text in enumerate(_chunks(entry)):
        common = words & set(_WORD.findall(text.lower()))
        if common:
            named = {name: file[name] for name in ("file_id", "file_name", "file_type", "mime_type")}
            place = {"chunk_index": index, "created_at": entry["created"], "metadata": entry["metadata"]}
            score = len(common) / len(words)
            yield {"score": score, "text": text, "parent_text": entry["text"], **named, **place}


def _chunks(entry: Thing) -> list[str]:
    """Return the paragraphs of a file."""
    return [text.strip() for text in re.split(r"\n\s*\n", entry["text"]) if text.strip()]


ROUTES: Mapping[str, Mapping[str, FamilyEndpoint]] = {
    "/v1/files": {"GET": _list, "POST": _begin},
    "/v1/files/embed": {"POST": _embed},
    "/v1/files/search": {"POST": _search},
    "/v1/files/{id}": {"GET": _get},
}


def _shelf(service: Service) -> Shelf:
    return service.shelves["files"]
