"""A request's bytes as they arrive: how slowly they may, who may end them, and the way onto the disk."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request

from service.api import metrics
from service.problems import Conflict, Problem, TooLarge, Unavailable
from service.state import Service
from service.vault.writer import Writer

_BLOCK_BYTES = 1 << 20
"""Written at a time: the way into a thread and back is paid once for each."""
_NOTE_BYTES = 1 << 28
"""Between two notes of how far an upload is: at 1 GB/s, which few disks write, the database is told four times a
second."""
_NOTE_SECONDS = 600.0
"""Between two notes of one that arrives slowly: what arrives must not expire meanwhile, and its time is hours."""
_SLOWEST_BYTES_PER_SECOND = 500
"""Who sends less holds a place that others need (Apache HTTP Server, mod_reqtimeout, MinRate: the same number)."""
_DRAIN_SECONDS = 12.0
"""What still arrives so long after the service was told to end is ended, so that the client hears of it: less than
`service.serve` waits."""
_RESUMABLE_DRAIN_SECONDS = 2.0
"""Of an upload that goes on at the next start."""
_RETRY_SECONDS = 5


class TooSlow(Problem):
    """The client sends nothing, or next to nothing."""

    status, slug, title = 408, "too-slow", "The client was too slow"


class CutOff(Problem):
    """The client went away; nobody reads this answer, but the log and the numbers show what it was."""

    status, slug, title = 400, "cut-off", "The request was cut off"


class Superseded(Conflict):
    """The client goes on in another request."""


class Ending(Unavailable):
    """The service has been told to end."""


Interrupted = (TooSlow, CutOff, Superseded, Ending)
"""The body is not whole, and what came of it is good."""


class Body:
    """The body of one request.

    Args:
        request: Whose body nobody has read yet.
        service: Whose settings hold.
        resumable: Whether the client can go on later.
    """

    def __init__(self, request: Request, service: Service, *, resumable: bool) -> None:
        self._stream = request.stream()
        self._idle_seconds = service.settings.idle_seconds
        self._stopping = service.stopping
        self._drain_seconds = _RESUMABLE_DRAIN_SECONDS if resumable else _DRAIN_SECONDS
        self._stopped_at: float | None = None
        self._heard_at = time.monotonic()
        self._timeout: asyncio.Timeout | None = None
        self._ended = False

    async def blocks(self) -> AsyncIterator[bytes]:
        """Its bytes.

        Raises:
            TooSlow: none for so long, or hardly any.
            CutOff: the client is gone.
            Superseded: `end` was called.
            Ending: the service has been ending for a while.
        """
        waited, received = 0.0, 0
        while True:
            self._see_it_goes_on()
            if waited >= self._idle_seconds:
                if received < waited * _SLOWEST_BYTES_PER_SECOND:
                    raise TooSlow(f"{received} bytes arrived in {waited:.0f} s.")
                waited, received = 0.0, 0
            # Only the time that the client takes is counted: a disk may be slow, too.
            began = time.monotonic()
            try:
                async with asyncio.timeout(self._idle_seconds) as self._timeout:
                    block = await anext(self._stream)
            except StopAsyncIteration:
                return
            except ClientDisconnect:
                raise CutOff("The client went away.") from None
            except TimeoutError:
                self._see_it_goes_on()
                raise TooSlow(f"Nothing arrived for {self._idle_seconds:.0f} s.") from None
            finally:
                self._timeout = None
            self._heard_at = time.monotonic()
            waited += self._heard_at - began
            received += len(block)
            if block:
                yield block

    def is_silent(self, seconds: float) -> bool:
        """Whether the client is waited for, and has sent nothing for so long."""
        return self._timeout is not None and time.monotonic() - self._heard_at >= seconds

    def end(self) -> None:
        """Let nothing more arrive; for who runs in the same event loop."""
        self._ended = True
        if self._timeout is not None:
            self._timeout.reschedule(asyncio.get_running_loop().time())

    def _see_it_goes_on(self) -> None:
        if self._ended:
            raise Superseded("Another request goes on with this upload.")
        if self._stopping.is_set():
            self._stopped_at = self._stopped_at or time.monotonic()
            if time.monotonic() - self._stopped_at >= self._drain_seconds:
                raise Ending("The service is ending.", retry_after_seconds=_RETRY_SECONDS)


async def copy(blocks: AsyncIterator[bytes], writer: Writer, most: int, note: Callable[[int], object]) -> int:
    """Write what arrives; returns where the upload stands then, on the disk.

    Args:
        blocks: What arrives.
        writer: Where it goes; this closes it.
        most: Bytes that may arrive.
        note: Told now and then where the upload stands, in a thread.

    Raises:
        TooLarge: more arrives.
        Problem: the body was interrupted; what arrived before is on the disk, unless the piece has a checksum.
        VaultError: it cannot be written, or is not what was announced.
    """
    waiting, size, total = list[bytes](), 0, 0
    noted, noted_at = 0, time.monotonic()

    async def flush() -> None:
        nonlocal waiting, size, noted, noted_at
        block, waiting, size = b"".join(waiting), [], 0
        await run_sync(writer.write, block)
        metrics.received_bytes.inc(len(block))
        if total - noted >= _NOTE_BYTES or time.monotonic() - noted_at >= _NOTE_SECONDS:
            noted, noted_at = total, time.monotonic()
            await run_sync(note, writer.offset)

    try:
        try:
            async for block in blocks:
                total += len(block)
                if total > most:
                    raise TooLarge(f"More than {most} bytes arrive.")
                waiting.append(block)
                size += len(block)
                if size >= _BLOCK_BYTES:
                    await flush()
        except Interrupted:
            if size:
                await flush()
            raise
        if size:
            await flush()
        return await run_sync(writer.commit)
    finally:
        await run_sync(writer.close)


async def hash_of(blocks: AsyncIterator[bytes], most: int) -> str:
    """SHA-256 of what arrives, which is not kept.

    Raises:
        TooLarge: more than `most` bytes arrive.
    """
    digest, total = hashlib.sha256(), 0
    async for block in blocks:
        total += len(block)
        if total > most:
            raise TooLarge(f"More than {most} bytes arrive.")
        digest.update(block)
    return digest.hexdigest()


def announced(request: Request) -> int | None:
    """Bytes of the body, where the client says so."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() else None
