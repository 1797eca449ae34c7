"""
What a chat request says: its texts, the last thing the user said, and what all that costs in tokens.

Pure functions over plain dicts; this room performs no I/O.
"""

import json
import re
from typing import Any

from ._json import Object, is_object


_TOKEN = re.compile(r"\s*\w{1,6}|\s*[^\w\s]|\s+")
_MESSAGE_TOKENS = 4  # what the frame of one message costs in the counts of the common tokenizers


def tokens(text: str) -> list[str]:
    """Return the text in token-sized pieces; joined they are the text."""
    return _TOKEN.findall(text)


def parts(message: Object) -> list[Object]:
    """Return the parts of a message whose content is a list; a text alone and a null have none."""
    content = message.get("content")
    return [part for part in content if is_object(part)] if isinstance(content, list) else []


def content_text(message: Object) -> str:
    """Return the text of a message, whose content may be a text, a list of parts, or null."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in parts(message) if part.get("type") == "text")


def prompt(request: Object) -> str:
    """Return the text of the last message of the user."""
    said = (content_text(message) for message in reversed(request["messages"]) if message["role"] == "user")
    return next(said, "")


def tool_answer(request: Object) -> str | None:
    """Return the text of the last message where it is a tool's answer, else None."""
    messages: list[Any] = request["messages"]
    return content_text(messages[-1]) if messages and messages[-1]["role"] == "tool" else None


def prompt_tokens(request: Object) -> int:
    """Return what the messages and the tools cost."""
    messages = sum(len(tokens(content_text(message))) + _MESSAGE_TOKENS for message in request["messages"])
    tools = request.get("tools")
    return messages + (len(tokens(json.dumps(tools))) if tools else 0)
