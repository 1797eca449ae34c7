"""
``POST /v1/embeddings``: vectors that are the same for the same text, and near for texts with common words.

Pure functions; this room performs no I/O.
"""

import base64
import hashlib
import json
import math
import re
import struct
from collections.abc import Mapping
from typing import Any

from ._admission import Asked, FamilyEndpoint
from ._json import is_object
from ._script import Answer
from ._service import Service


DEFAULT_EMBEDDING_MODEL = "openai/text-embedding-3-small"
_DIMENSIONS = 1536  # of the vectors of that model
_PLACES = 8  # in which a word is seen; its hash has room for that many
_WORD = re.compile(r"\w+")


def create_embeddings(asked: Asked, service: Service) -> Answer:
    """Answer ``POST /v1/embeddings``; a model that the catalogue says can't embed is refused."""
    model: str = asked.said.get("model") or DEFAULT_EMBEDDING_MODEL
    entry = service.catalogue.find(model) if service.catalogue.is_given else None
    if entry is not None and entry.get("supports_embeddings") is False:
        return asked.refused(400, "model_capability_not_supported", f"{model} makes no embeddings")
    dimensions = asked.said.get("dimensions") or _DIMENSIONS
    in_base64 = asked.said.get("encoding_format") == "base64"
    data = []
    for index, text in enumerate(_inputs(asked.said["input"])):
        packed = struct.pack(f"<{dimensions}f", *_vector(text, dimensions))
        vector: Any = (
            base64.b64encode(packed).decode() if in_base64 else list(struct.unpack(f"<{dimensions}f", packed))
        )
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": asked.tokens, "total_tokens": asked.tokens}
    return Answer(body={"object": "list", "data": data, "model": model, "usage": usage})


def _inputs(given: Any) -> list[str]:
    """Return each of the inputs as a text; a list of numbers is one."""
    if isinstance(given, str) or (given and isinstance(given[0], int)):
        return [given if isinstance(given, str) else json.dumps(given)]
    return [_text(item) for item in given]


def _text(item: Any) -> str:
    """Return one input of several as a text."""
    if isinstance(item, str):
        return item
    return str(item["text"]) if is_object(item) and "text" in item else json.dumps(item, sort_keys=True)


def _vector(text: str, dimensions: int) -> list[float]:
    """Return a vector of length 1 that each word of a text has moved in a few of its dimensions."""
    vector = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [text]:
        digest = hashlib.sha256(word.encode(errors="replace")).digest()
        for number in struct.unpack(f"<{_PLACES}I", digest):
            vector[number // 2 % dimensions] += 1.0 if number % 2 else -1.0
    length = math.hypot(*vector)
    return [value / length for value in vector] if length else [1.0, *vector[1:]]


ROUTES: Mapping[str, Mapping[str, FamilyEndpoint]] = {"/v1/embeddings": {"POST": create_embeddings}}
