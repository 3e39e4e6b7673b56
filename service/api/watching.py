"""Watching jobs and cases: server-sent events (HTML Living Standard, 9.2).

Each event has the number that it has in the database as its `id`. Whoever comes back with the last one he saw, in the
header `Last-Event-ID` as browsers do or in `last_event_id`, gets what followed, once. `progress` comes without a
number: it is true at the moment, and nothing is missed with it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import anyio
import structlog
from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request
from fastapi.sse import format_sse_event
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.access import COOKIE, Reader
from service.api.answers import answer_problem, refusals
from service.api.schemas.common import JobId, moment
from service.api.streams import Progress, Stream, Streams
from service.problems import Malformed, Problem, TooMany
from service.state import Service, TheService
from service.store import cases, jobs
from service.store.events import last_event, present
from service.store.keys import Caller, digest
from service.store.row import AnyRow
from service.store.watchers import cases_of

_log = structlog.get_logger("unmask.api")
router = APIRouter(prefix="/v1", tags=["watching"])

_BEAT_SECONDS = 15.0
"""Silence after which a comment is sent: proxies end what is silent (HTML Living Standard, 9.2.7, names 15 s)."""
_LONGEST_SECONDS = 900.0
"""A stream ends after so long, and the client comes back: who it is is then looked up anew, also where an identity
provider vouches, and a proxy has nothing that is open for days."""
_RETRY_MILLISECONDS = 3000
"""When to come back."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Not to be kept, nor held back until there is more of it (nginx, `proxy_buffering`)."""
_NUMBER = r"^[0-9]{1,18}$"

LastSeen = Annotated[
    str | None, Header(alias="Last-Event-ID", pattern=_NUMBER, description="Id of the last event that was seen.")
]
LastSeenQuery = Annotated[
    str | None,
    Query(alias="last_event_id", pattern=_NUMBER, description="The same, for clients that cannot send the header."),
]
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events as they happen: `created`, `started`, `finished`, `cancelled`, `deleted`, `reviewed`, "
        "each with a JSON object of `job`, `case`, `at` and what belongs to it, and `progress`. It ends when the "
        "service does, when you may not look any more, and now and then.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get("/jobs/{job}/events", response_class=Response, responses=_ANSWER | refusals(404, 410))
async def watch_job(
    service: TheService,
    caller: Reader,
    request: Request,
    job: JobId,
    header: LastSeen = None,
    last_event_id: LastSeenQuery = None,
) -> Response:
    """Watch a job: what has happened to it so far, and what happens from now on."""
    sent = int(header or last_event_id or 0)
    return await _stream(service, caller, request, sent, job=job)


@router.get("/events", response_class=Response, responses=_ANSWER | refusals(404))
async def watch_cases(
    service: TheService,
    caller: Reader,
    request: Request,
    case: Annotated[str | None, Query(pattern="^case_[0-9a-f]{32}$")] = None,
    header: LastSeen = None,
    last_event_id: LastSeenQuery = None,
) -> Response:
    """Watch a case, or all of your cases: from now on, or from an event on; 0 begins at the beginning."""
    last = header or last_event_id
    return await _stream(service, caller, request, None if last is None else int(last), case=case)


async def _stream(
    service: Service,
    caller: Caller,
    request: Request,
    sent: int | None,
    *,
    job: str | None = None,
    case: str | None = None,
) -> Response:
    def open_stream() -> Stream:
        with service.store.read() as db:
            of = case if job is None else jobs.job_of(db, job, caller.person_id).case_id
            if of is not None:
                cases.case_of(db, of, caller.person_id)
            begin = present(db, now=service.store.now(db)) if sent is None else sent
            if begin > last_event(db):
                raise Malformed("There is no event of that number yet.")
            mine = cases_of(db, caller.person_id)
        cookie = request.cookies.get(COOKIE) if caller.csrf is not None else None
        session = None if cookie is None else digest(cookie)
        return Stream(caller=caller, session=session, job=job, case=of, cases=mine, sent=begin)

    stream = await run_sync(open_stream)
    streams = request.app.state.streams
    assert isinstance(streams, Streams)  # noqa: S101 - put there by `service.api.app`
    return EventStream(streams, stream, stall_seconds=service.settings.idle_seconds)


class EventStream(Response):
    """An answer that goes on: ended by the client's going, by its not reading, or when there is nothing more for it."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, stream: Stream, *, stall_seconds: float) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._streams, self._stream, self._stall_seconds = streams, stream, stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        try:
            self._streams.add(self._stream)
        except TooMany as problem:
            await answer_problem(problem)(scope, receive, send)
            return
        try:
            async with anyio.create_task_group() as tasks:

                async def see_it_go() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    tasks.cancel_scope.cancel()

                tasks.start_soon(see_it_go)
                await self._send(send)
                tasks.cancel_scope.cancel()
        finally:
            self._streams.remove(self._stream)

    async def _send(self, send: Send) -> None:
        """Uvicorn waits in `send` once 64 KiB are not taken; then the client is waited for, but not for ever."""
        try:
            async with asyncio.timeout(self._stall_seconds):
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with aclosing(frames(self._streams, self._stream)) as blocks:
                async for block in blocks:
                    async with asyncio.timeout(self._stall_seconds):
                        await send({"type": "http.response.body", "body": block, "more_body": True})
            async with asyncio.timeout(self._stall_seconds):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            _log.info("a client does not read its events", sent=self._stream.sent)


async def frames(
    streams: Streams, stream: Stream, *, beat_seconds: float = _BEAT_SECONDS, longest_seconds: float = _LONGEST_SECONDS
) -> AsyncGenerator[bytes]:
    """What a stream sends, some events at a time, with comments between where nothing happens."""
    until = time.monotonic() + longest_seconds
    # With where it begins, so that who is cut off before the first event misses nothing.
    yield format_sse_event(comment="unmask", retry=_RETRY_MILLISECONDS, id=str(stream.sent))
    next_beat = time.monotonic() + beat_seconds
    while True:
        turn = streams.turn()
        try:
            rows = await streams.next(stream)
        except Problem:  # the database is away; the client will come back, as to any other server
            stream.over = True
            rows = []
        block = b"".join(map(_event, rows)) + b"".join(map(_progress, streams.progress_of(stream)))
        if block:
            yield block
            next_beat = time.monotonic() + beat_seconds
        if stream.over or time.monotonic() >= until:
            yield format_sse_event(retry=_RETRY_MILLISECONDS)
            return
        if rows:
            continue
        try:
            async with asyncio.timeout(max(0.0, min(next_beat, until) - time.monotonic())):
                await turn.wait()
        except TimeoutError:
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + beat_seconds
                yield format_sse_event(comment="still here")


def _event(row: AnyRow) -> bytes:
    facts = {"job": row.job_id, "case": row.case_id, "at": moment(row.at).isoformat()}
    return format_sse_event(data_str=json.dumps(facts | json.loads(row.data)), event=row.kind, id=str(row.seq))


def _progress(progress: Progress) -> bytes:
    facts = {"job": progress.job, "case": progress.case, "progress": dict(progress.done)}
    return format_sse_event(data_str=json.dumps(facts), event="progress")
