"""Videos: tasks that say little at first, and which states are an end."""

import pytest

from meshapi_aio import MeshAPI, NotFoundError
from meshapi_aio.endpoints.videos import Video, Videos
from tests.faults.clock import Clock
from tests.faults.server import Connection, FaultServer
from tests.faults.wire import reply

from .answering import Answers


CONTENT = [{"type": "text", "text": "a cat"}]


async def test_a_task_has_an_id_and_no_more() -> None:
    """What was begun is not done."""
    gateway = Answers({"id": "v1"})
    video = await Videos(gateway).create(model="m", content=CONTENT, duration=5, generate_audio=False)
    sent = {"model": "m", "content": CONTENT, "duration": 5, "generate_audio": False}
    assert gateway.sent == [("POST", "/v1/video/generations", sent)]
    assert (video.id, video.status, video.is_done) == ("v1", None, False)


@pytest.mark.parametrize(
    ("status", "over"),
    [("queued", False), ("running", False), ("succeeded", True), ("failed", True), ("new", False)],
)
def test_which_states_are_an_end(status: str, over: bool) -> None:
    """Unknown ones are none."""
    assert Video(id="v1", status=status).is_done is over


async def test_a_video_that_was_made() -> None:
    """Where it is, what it is, and with what it was told under API version 2026-09."""
    video = await Videos(
        Answers(
            {
                "id": "v1",
                "status": "succeeded",
                "content": {"video_url": "https://x/v.mp4"},
                "framespersecond": 24,
                "duration": 5,
                "created_at": 1,
                "usage": {"completion_tokens": 3, "total_tokens": 3},
                "request_id": "req_1",
            }
        )
    ).get(id="v1")
    assert video.content is not None
    assert (video.content.video_url, video.content.last_frame_url) == ("https://x/v.mp4", None)
    assert (video.framespersecond, video.duration, video.extra) == (24, 5, {"request_id": "req_1"})


async def test_the_list_is_by_offset() -> None:
    """Through all its pages."""
    page = {"object": "list", "has_more": True, "total": 2, "limit": 1}
    gateway = Answers(
        {**page, "data": [{"id": "a"}], "offset": 0}, {**page, "data": [{"id": "b"}], "offset": 1}
    )
    assert [video.id async for video in Videos(gateway).list(status="failed", limit=1)] == ["a", "b"]
    assert gateway.sent[1][1] == "/v1/video/generations?limit=1&offset=1&status=failed"


async def test_waiting_for_a_video() -> None:
    """One that failed is returned, and says why; one that is unknown raises, also where the body is text."""
    answers = [
        reply({"id": "v1", "status": "queued"}),
        reply({"id": "v1", "status": "failed", "error": {"code": "provider_job_failed", "message": "no"}}),
        reply(b"Not Found", 404),
    ]

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(answers.pop(0))

    async with FaultServer(script) as server, MeshAPI(server.base_url, "rsk_x") as client:
        client._shared.courier.sleep = Clock().sleep
        video = await client.videos.wait("v1")
        assert video.error is not None
        assert (video.status, video.error.code) == ("failed", "provider_job_failed")
        with pytest.raises(NotFoundError):
            await client.videos.wait("v2")
