"""Videos: ``client.videos``, which take minutes to make."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from .._family import Family, method
from .._pages import ListCall, OffsetPage, list_method
from .._polling import Job, wait_method
from .._shape import Shape, shape
from ..call import Call, get, post
from ._bodies import Body, FromOffset
from ._shared import Usage


__all__ = [
    "CreateVideo",
    "GetVideo",
    "ListVideos",
    "Video",
    "VideoContent",
    "VideoError",
    "VideoPage",
    "Videos",
]


@shape
class VideoError(Shape):
    """Why a video was not made."""

    code: str | int | None = None
    message: str | None = None


@shape
class VideoContent(Shape):
    """Where the video is, once it is made."""

    video_url: str | None = None
    last_frame_url: str | None = None


@shape
class Video(Job):
    """
    A video, or the task of making one.

    ``status`` is an open string: ``queued`` and ``running`` go on, ``succeeded`` and ``failed`` are the end.
    What ``create`` returns has an ``id`` and perhaps nothing else; from API version 2026-09 on, the id of the
    call that began it is ``extra["request_id"]``.
    """

    # The last two are evidenced by no source but an upstream's own words; neither can mean that it goes on.
    _final_states: ClassVar[frozenset[str]] = frozenset({"succeeded", "failed", "cancelled", "expired"})

    @classmethod
    def _is_data(cls, value: dict[str, Any]) -> bool:
        # The error of a task that failed stands where an answer that is an error has its own.
        return "id" in value and "status" in value

    id: str
    status: str | None = None
    model: str | None = None
    error: VideoError | None = None
    created_at: int | str | None = None
    updated_at: int | str | None = None
    content: VideoContent | None = None
    seed: int | None = None
    resolution: str | None = None
    ratio: str | None = None
    duration: float | None = None
    frames: int | None = None
    framespersecond: float | None = None
    """One word on the wire as well."""
    generate_audio: bool | None = None
    safety_identifier: str | None = None
    priority: int | str | None = None
    draft: bool | None = None
    draft_task_id: str | None = None
    service_tier: str | None = None
    execution_expires_after: int | None = None
    usage: Usage | None = None


@shape
class VideoPage(OffsetPage[Video]):
    """A page of videos."""

    object: str | None = None
    has_more: bool | None = None
    data: list[Video]


@post("/v1/video/generations")
class CreateVideo(Body, Call[Video]):
    """Begin to make a video, and return its id at once; ``videos.wait`` waits for the video."""

    model: str
    content: Sequence[Mapping[str, Any]]
    """
    What it is made of: ``{"type": "text", "text": …}``, and objects of the types ``image_url``,
    ``video_url``, ``audio_url`` and ``draft_task``, each under the key of that name, with a ``role`` or none.
    """
    callback_url: str | None = None
    return_last_frame: bool | None = None
    service_tier: str | None = None
    execution_expires_after: int | None = None
    generate_audio: bool | None = None
    draft: bool | None = None
    resolution: str | None = None
    ratio: str | None = None
    duration: float | None = None
    frames: int | None = None
    seed: int | None = None
    camera_fixed: bool | None = None
    watermark: bool | None = None
    safety_identifier: str | None = None
    priority: int | str | None = None


@get("/v1/video/generations")
class ListVideos(FromOffset, ListCall[VideoPage, Video]):
    """List videos, each as it was when somebody last asked for it by its id."""

    status: str | None = None
    model: str | None = None
    created_after: int | str | None = None
    created_before: int | str | None = None


@get("/v1/video/generations/{id}")
class GetVideo(Call[Video]):
    """
    Return a video as far as it is, and move it on by asking; ``NotFoundError`` where there is none.

    From API version 2026-09 on the ``request_id`` of the call that began it will do for the id.
    """

    id: str


class Videos(Family):
    """``client.videos``: videos, which take minutes to make."""

    create = method(CreateVideo)
    list = list_method(ListVideos)
    get = method(GetVideo)
    wait = wait_method(GetVideo)
