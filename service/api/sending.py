"""Answers larger than memory: a file of the vault from an open descriptor, and what a writer makes while it is sent.

Both end when the client is gone, close what they opened in every case, and hold no thread of the common pool while a
slow client reads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from typing import BinaryIO, Protocol, Self

from anyio.to_thread import run_sync
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.api.conditional import Part

_CHUNK_BYTES = 1 << 18
"""Read at a time: with what the server buffers, all that a download of any size takes."""
_MAX_WRITERS = 8
"""Answers that are made at the same time; they wait for slow clients, and others' requests must not wait along."""
_QUEUED = 4
"""Chunks that a writer is ahead of its client."""
_LOOK_SECONDS = 0.5
"""Between two looks of a waiting writer whether its client is still there."""

_pool = ThreadPoolExecutor(_MAX_WRITERS, thread_name_prefix="writer")


class Target(Protocol):
    """What a writer writes to."""

    def write(self, data: bytes, /) -> int:
        """Take bytes; waits for the client."""
        ...

    def flush(self) -> None:
        """Do nothing: what is held back is sent soon enough."""
        ...


class FileResponse(StreamingResponse):
    """A part of an open file; it is closed when the answer has ended, however.

    Args:
        file: At any position.
        part: Which bytes.
        status_code: 200 or 206.
        headers: All that are sent, `Content-Type` among them.
    """

    def __init__(self, file: BinaryIO, part: Part, status_code: int, headers: Mapping[str, str]) -> None:
        self._file = file
        super().__init__(self._chunks(part), status_code, {**headers, "Content-Length": str(part.end - part.start)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `StreamingResponse`."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()

    async def _chunks(self, part: Part) -> AsyncIterator[bytes]:
        await run_sync(self._file.seek, part.start)
        left = part.end - part.start
        while left:
            chunk = await run_sync(self._file.read, min(left, _CHUNK_BYTES))
            if not chunk:
                raise EOFError("the file is shorter than it was")  # the connection ends before what was announced
            left -= len(chunk)
            yield chunk


class WriterResponse(StreamingResponse):
    """What a writer makes, sent while it is made. Where it fails midway the client sees an answer without an end."""

    def __init__(self, pipe: _Pipe, first: bytes | None, headers: Mapping[str, str]) -> None:
        self._pipe = pipe
        super().__init__(pipe.chunks(first), 200, headers)

    @classmethod
    async def begin(cls, write: Callable[[Target], None], headers: Mapping[str, str], *, idle_seconds: float) -> Self:
        """Start writing, and wait for the first bytes: until then a failure is still a proper answer.

        Args:
            write: Writes everything, in a thread of its own.
            headers: All that are sent, `Content-Type` among them.
            idle_seconds: A client that takes nothing for so long is given up.
        """
        pipe = _Pipe(asyncio.get_running_loop(), idle_seconds)
        _pool.submit(pipe.run, write)
        try:
            return cls(pipe, await pipe.next(), headers)
        except BaseException:
            pipe.abandon()
            raise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `StreamingResponse`."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._pipe.abandon()


class _Abandoned(OSError):
    """Nobody takes what is written any more."""


class _Pipe:
    """From a thread that writes to a coroutine that sends."""

    def __init__(self, loop: asyncio.AbstractEventLoop, idle_seconds: float) -> None:
        self._loop, self._idle_seconds = loop, idle_seconds
        self._queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(_QUEUED)
        self._held = bytearray()
        self._abandoned = False

    def run(self, write: Callable[[Target], None]) -> None:
        """The thread: write, and say how it ended."""
        end: BaseException | None = None
        try:
            if not self._abandoned:
                write(self)
                self._pass_on()
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            end = error
        with suppress(_Abandoned):
            self._put(end)

    def write(self, data: bytes, /) -> int:
        """See `Target`."""
        self._held += data
        if len(self._held) >= _CHUNK_BYTES:
            self._pass_on()
        return len(data)

    def flush(self) -> None:
        """See `Target`."""

    def abandon(self) -> None:
        """Nobody waits any more; the writer learns it at its next write."""
        self._abandoned = True

    async def next(self) -> bytes | None:
        """What comes next; None at the end. Raises what the writer raised."""
        item = await self._queue.get()
        if isinstance(item, BaseException):
            raise item
        return item

    async def chunks(self, first: bytes | None) -> AsyncIterator[bytes]:
        """Everything."""
        chunk = first
        while chunk is not None:
            yield chunk
            chunk = await self.next()

    def _pass_on(self) -> None:
        if self._held:
            held, self._held = bytes(self._held), bytearray()
            self._put(held)

    def _put(self, item: bytes | BaseException | None) -> None:
        if self._abandoned or self._loop.is_closed():
            raise _Abandoned("nobody waits for it")
        passing = asyncio.run_coroutine_threadsafe(self._queue.put(item), self._loop)
        until = time.monotonic() + self._idle_seconds
        while True:
            try:
                passing.result(_LOOK_SECONDS)
            except CancelledError as error:
                raise _Abandoned("the service is ending") from error
            except NotYet as error:
                if self._abandoned or time.monotonic() >= until:
                    passing.cancel()
                    raise _Abandoned("nobody takes it") from error
            else:
                return
