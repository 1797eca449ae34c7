"""What the tests that do no I/O ask for, and the beginnings of answers to it."""

from meshapi_aio import CreateChatCompletion, StreamChatCompletion
from meshapi_aio._answer import Answer
from meshapi_aio.settings import Settings


__all__ = [
    "ANSWERS",
    "CREATE",
    "EVENT_STREAM",
    "JSON_ANSWER",
    "NO_TYPE",
    "SETTINGS",
    "STREAM",
    "TOKEN",
]

TOKEN = "rsk_01JSECRETSECRETSECRETSECRE"
SETTINGS = Settings(base_url="https://gateway.example", token=TOKEN)
CREATE = CreateChatCompletion(model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "Hé"}])
STREAM = StreamChatCompletion(model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "Hé"}])
JSON_ANSWER = Answer(200, {"content-type": "application/json", "x-request-id": "req_header"})
EVENT_STREAM = Answer(200, {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_header"})
NO_TYPE = Answer(200, {"x-request-id": "req_header"})
ANSWERS = [EVENT_STREAM, JSON_ANSWER, NO_TYPE]
