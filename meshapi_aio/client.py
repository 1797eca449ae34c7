"""The client: carries calls to the gateway, and tries again what may be tried again."""

import functools
import os
import ssl
import traceback
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, overload

from ._bytes import ByteStream
from ._download import Download
from ._meta import Event, Statistics
from ._options import Options
from ._origin import place_for_warning, place_of_caller
from ._resolve import check_proxy, resolve_base_url, resolve_token
from ._scope import Scope
from ._sharing import Shared
from ._transport import Session, Transport
from .call import Call, StreamCall
from .endpoints import Families
from .errors import ClientClosedError
from .settings import Limits, Retry, Settings, Timeout


if TYPE_CHECKING:
    from ._carrying import AnyCall
    from ._polling import Job
    from .fanout import FanOut, Row
    from .fanout import Options as FanOutOptions


__all__ = ["MeshAPI"]

Result = TypeVar("Result")
StreamType = TypeVar("StreamType")
JobType = TypeVar("JobType", bound="Job")


class MeshAPI(Families):
    """
    A client of one Mesh API gateway with one token.

    Making it does no I/O and needs no event loop; its connections belong to the loop of its first call. Use
    it as ``async with MeshAPI(…) as client``, or ``await client.close()`` at the end. One client serves any
    number of calls at a time.

    ``base_url`` and ``token`` default to ``MESHAPI_BASE_URL`` (else the production gateway) and
    ``MESHAPI_API_KEY`` (else ``MESHAPI_TOKEN``). ``timeout``, ``retry`` and ``limits`` bound every call.
    ``api_version`` is sent as ``X-Mesh-Version``; None sends none. ``headers`` go with every request.
    ``on_malformed="skip"`` counts events that are no chunks in ``stream.skipped`` where ``"raise"`` raises.
    ``on_event`` is called with each :class:`~meshapi_aio.Event` as it happens, in the event loop; what it
    raises is logged and does not disturb the call. The logger ``meshapi_aio`` gets the same, at DEBUG.

    ``max_connections`` bounds the calls that are under way at once (by default 1000, or what the limit on
    descriptors allows); further ones queue, and only ``Timeout.total`` counts that time. ``session`` is an
    ``aiohttp.ClientSession`` of your own, which is neither changed nor closed; without it the client makes
    one, without cookies, redirects or a proxy from the environment (``trust_env=True`` takes proxies from
    there, and their passwords from ``.netrc``; ``proxy`` names one, as ``http://user:password@host:port``).
    ``ssl_context`` replaces the default one: for a private authority, or a certificate of the client.
    """

    def __init__(
        self,
        base_url: str | None = None,
        token: str | None = None,
        *,
        timeout: Timeout | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        max_connections: int | None = None,
        api_version: str | None = "2026-08",
        headers: Mapping[str, str] | None = None,
        session: Session | None = None,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        trust_env: bool = False,
        on_malformed: Literal["raise", "skip"] = "raise",
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        try:
            check_proxy(proxy)
            self._settings = Settings(
                base_url=resolve_base_url(base_url, os.environ),
                token=resolve_token(token, os.environ),
                timeout=timeout if timeout is not None else Timeout(),
                retry=retry if retry is not None else Retry(),
                limits=limits if limits is not None else Limits(),
                api_version=api_version,
                headers=headers or {},
                on_malformed=on_malformed,
                on_event=on_event,
            )
            transport = Transport(
                session=session,
                max_connections=max_connections,
                proxy=proxy,
                ssl_context=ssl_context,
                trust_env=trust_env,
                created_at=place_of_caller(),
            )
        except Exception as error:
            # Tracebacks may be shown with the locals of their frames, and these hold secrets.
            traceback.clear_frames(error.__traceback__)
            raise
        finally:
            del base_url, token, headers, proxy
        self._owner = True
        self._shared = Shared(transport)

    def __repr__(self) -> str:
        if not hasattr(self, "_shared"):
            return f"<{type(self).__name__} that could not be made>"  # as tracebacks show their locals
        state = " closed" if self.closed else ""
        return f"<{type(self).__name__} {self._settings.base_url}{state}>"

    @property
    def base_url(self) -> str:
        """Where the gateway is, without ``/v1`` and without a trailing slash."""
        return self._settings.base_url

    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
        return self._shared.closed

    def stats(self) -> Statistics:
        """Return how many connections are open, in use and waited for."""
        return self._shared.transport.statistics()

    def with_options(self, **options: Unpack[Options]) -> Self:
        """
        Return a client with other settings that shares this one's connections and limits.

        It takes ``timeout``, ``retry``, ``limits``, ``api_version``, ``headers`` (added to those that are
        there), ``on_malformed``, ``on_event``, and four that are only here: ``fallback``, the models that
        are asked when one fails; ``request_id``, sent as ``X-Request-Id`` (1 to 64 letters, digits, ``.``,
        ``_``, ``:``, ``-``); ``cache=False``, which goes round the gateway's response cache; and ``limit``,
        one of ``meshapi_aio.fanout`` that each attempt waits for, shared with fan-outs, whose calls let these
        go first. Closing it closes nothing.
        """
        unknown = options.keys() - Options.__annotations__.keys()
        if unknown:
            msg = (
                f"with_options() takes {', '.join(Options.__annotations__)}; not {', '.join(sorted(unknown))}"
            )
            raise TypeError(msg)
        other = object.__new__(type(self))
        try:
            other._settings = self._settings.evolve(**options)
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # as in __init__
            del options
            raise
        other._owner = False
        other._shared = self._shared
        return other

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, *, grace: float = 0.0) -> None:
        """
        Close every connection, after waiting up to ``grace`` seconds for what is under way. Idempotent.

        Calls that are under way then, and all later ones, raise ``ClientClosedError``; streams raise
        ``StreamClosedError``. An injected session is left as it is.
        """
        if not self._owner:
            return
        await self._shared.close(grace)

    async def send(self, call: Call[Result]) -> Result:
        """
        Send a call and return its reply.

        Raises ``APIConnectionError`` where nothing usable came back (``APITimeoutError`` where that was for
        lack of time), ``APIStatusError`` for an unhappy answer, ``UnexpectedResponseError``,
        ``ResponseTooLargeError`` or ``DecodeError`` for one that is no reply, ``ClientClosedError`` where the
        client was closed.
        """
        if not isinstance(call, Call):
            msg = f"send() takes a call such as CreateChatCompletion(…), got {call!r}; streams go to stream()"
            raise TypeError(msg)

        reply, _meta = await self._shared.send(call, self._settings)
        return reply

    def stream(self, call: StreamCall[StreamType]) -> StreamType:
        """
        Return the stream of a call; nothing is sent before its first step.

        It is iterated with ``async for``, entered with ``async with``, or awaited to open it early.
        """
        if not isinstance(call, StreamCall):
            msg = f"stream() takes a call such as StreamChatCompletion(…), got {call!r}; others go to send()"
            raise TypeError(msg)
        made: StreamType = call.reply(
            call,
            functools.partial(self._shared.open_stream, call, self._settings, None),
            self._settings.timeout.total,
            place_for_warning(),
        )
        return made

    @overload
    def fan_out(
        self,
        calls: Iterable[Call[Result]] | AsyncIterable[Call[Result]],
        **options: "Unpack[FanOutOptions]",
    ) -> "FanOut[Call[Result], Result]": ...
    @overload
    def fan_out(
        self,
        calls: "Iterable[AnyCall | Row] | AsyncIterable[AnyCall | Row]",
        **options: "Unpack[FanOutOptions]",
    ) -> "FanOut[Any, Any]": ...
    def fan_out(
        self, calls: Iterable[Any] | AsyncIterable[Any], **options: "Unpack[FanOutOptions]"
    ) -> "FanOut[Any, Any]":
        """
        Return a fan-out of calls: many at once, within limits, each with its outcome.

        ``async with client.fan_out(calls, limit=64) as outcomes: async for outcome in outcomes: …``.
        ``calls`` is any iterable or async iterable of calls, or of rows of a file
        (:func:`~meshapi_aio.fanout.read_rows`), and is read as they are wanted. A stream is read to its end,
        and its outcome holds the whole. This client's retries, time limits and fallback hold for each call;
        each attempt waits for the limits. :class:`~meshapi_aio.fanout.Options` explains ``limit``, ``lane``,
        ``repeat``, ``ordered``, ``buffer``, ``check``, ``budget``, ``journal``, ``retry_errors``,
        ``deadline`` and ``total``; :class:`~meshapi_aio.fanout.FanOut` what comes of it.
        """
        # Imported on demand, 22 ms: most programs do without.
        carrying = import_module("._carrying", __package__)
        made: FanOut[Any, Any] = carrying.fan_out(calls, self._settings, self._shared, **options)
        return made

    def download(self, url: str) -> ByteStream:
        """
        Return the stream of a file at an address that the gateway handed out, such as that of an image.

        ``await client.download(image.url).save("image.png")``. Nothing of ours goes there, neither the token
        nor headers, and redirects are not followed. The address may be signed, so no error shows its query.
        """
        return self.stream(Download(url=url))

    async def wait(
        self,
        call: Call[JobType],
        *,
        interval: float = 1.0,
        growth: float = 1.5,
        longest: float = 30.0,
        total: float | None = None,
        on_update: Callable[[JobType], object] | None = None,
    ) -> JobType:
        """
        Send a call such as ``GetBatch(id=…)`` until the job that it returns is done, and return that job.

        A job that failed is returned as well; its state tells. The first question is sent at once, the next
        after ``interval`` seconds, and each pause is ``growth`` times the one before, up to ``longest``
        seconds (or ``interval``, where that is longer). ``total`` bounds the whole in seconds; when it is
        over ``APITimeoutError`` names the last state, and its ``.partial`` is the job as it was last seen.
        None waits for as long as the work takes.

        Each question is a call of its own, with its own retries and time limits. What goes wrong with it and
        passes by (connections that fail or stall, statuses that are retried) does not end the waiting, and a
        ``Retry-After`` is the least that is waited; other errors are raised. ``on_update`` is called with
        each answer that differs from the one before; what it raises ends the waiting.
        """
        polling = import_module("._polling", __package__)  # on demand, 1 ms
        asks = isinstance(call, Call) and call.route.method == "GET"
        if not asks or not issubclass(call.reply, polling.Job):
            msg = f"wait() takes a call that asks for a job, such as GetBatch(id=…), got {call!r}"
            raise TypeError(msg)
        patience = polling.Patience(interval=interval, growth=growth, longest=longest, total=total)
        scope = self._shared.begin(call, Scope(total), ClientClosedError)
        try:
            job: JobType = await polling.wait_until_done(
                call,
                send=self.send,
                sleep=self._shared.courier.sleep,
                scope=scope,
                patience=patience,
                retry=self._settings.retry,
                on_update=on_update,
            )
        finally:
            self._shared.end(scope)
        return job
