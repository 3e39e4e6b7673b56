"""Uploads that take more than one request: where one stands, whose turn it is, and what becomes of those that are left.

An upload is `open` until its last byte is there; then it becomes evidence and a job, in the same request or, where that
one was cut off, in the next that asks for it, or in `expire_uploads`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog
from anyio.to_thread import run_sync
from sqlalchemy import select

from service.api import receive
from service.api.arriving import Body
from service.problems import Gone, NotFound, Problem
from service.state import Service
from service.store.keys import Caller
from service.store.row import AnyRow
from service.store.schema import uploads
from service.vault.errors import Busy, ChecksumMismatch, UploadUnknown, VaultError
from service.vault.incoming import Upload

T = TypeVar("T")

_log = structlog.get_logger("unmask.uploads")
_PATIENCE_SECONDS = 3.0
"""How long a request waits for another that writes to its upload: longer than it takes to see that one is dead."""
_SILENT_SECONDS = 1.0
"""Who waits for a client that has sent nothing for so long gives way to another request of the same client."""
_AGAIN_SECONDS = 0.05
_LEFT_SECONDS = 3600.0
"""What has no row, or no client that could go on, is left if nothing came to it for so long: within that time each
request either goes on or is ended."""

_arriving: dict[str, Body] = {}
"""What this process is receiving now, by upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an upload stands."""

    row: AnyRow
    offset: int
    """On the disk for certain."""
    job: str | None
    """Once it is whole."""
    expires_at: float | None
    """Until when it can be gone on with; None once it is whole."""


def own_upload(service: Service, caller: Caller, upload_id: str) -> AnyRow:
    """A person's own upload.

    Raises:
        NotFound: there is none, or it is of others: nobody can tell which.
        Gone: it was ended, or is too old.
    """
    own = (uploads.c.id == upload_id, uploads.c.person_id == caller.person_id, uploads.c.resumable)
    with service.store.read() as db:
        row = db.execute(select(uploads).where(*own)).first()
        now = service.store.now(db)
    if row is None:
        raise NotFound("No such upload.")
    if row.state not in {"open", "finished"} or (row.job_id is None and row.expires_at <= now):
        raise Gone("The upload was ended, or waited too long to be gone on with.")
    return row


def look(service: Service, caller: Caller, upload_id: str, *, touched: bool) -> Standing:
    """Where an upload stands; one that is whole is finished by this, if it was not before.

    Args:
        service: Whose.
        caller: Who asks.
        upload_id: Which.
        touched: Keep it for longer.

    Raises:
        Problem: as `own_upload`; or no job can be made of it.
        VaultError: somebody writes to it, it is not what was announced, or the disk cannot be used.
    """
    with suppress(UploadUnknown):  # somebody else finished or ended it just now
        return _look(service, caller, upload_id, touched=touched)
    return _look(service, caller, upload_id, touched=touched)


def _look(service: Service, caller: Caller, upload_id: str, *, touched: bool) -> Standing:
    row = own_upload(service, caller, upload_id)
    job: str | None = row.job_id
    if job is None:
        offset = service.incoming.offset(upload_id)
        if offset < row.num_bytes:
            expires_at = receive.note(service, upload_id, offset) if touched else row.expires_at
            return Standing(row=row, offset=offset, job=None, expires_at=expires_at)
        job = _finish(service, caller, row)
    return Standing(row=row, offset=row.num_bytes, job=job, expires_at=None)


def _finish(service: Service, caller: Caller, row: AnyRow) -> str:
    try:
        return receive.finish(service, caller, row.id, expected_sha256=row.sha256)
    except ChecksumMismatch:
        # It never will be what was announced, and nothing can be taken back: the client has to begin anew.
        receive.discard(service, row.id, "terminated", caller=caller)
        raise


def note_what_is_there(service: Service, upload_id: str) -> None:
    """Write down how far an upload is that was interrupted; where another goes on with it already, he does."""
    with suppress(Busy, UploadUnknown):
        receive.note(service, upload_id, service.incoming.offset(upload_id))


@contextmanager
def receiving(upload_id: str, body: Body) -> Iterator[None]:
    """Let others know, while the block runs, who is sending."""
    _arriving[upload_id] = body
    try:
        yield
    finally:
        del _arriving[upload_id]


async def in_turn(upload_id: str, step: Callable[[], T], *, at_once: bool = False) -> T:
    """Do something, in a thread, that nobody else may be doing to an upload.

    A request that waits for a client who sends nothing is ended: the client is gone and has come back, and its old
    connection does not know.

    Args:
        upload_id: Of the upload.
        step: What to do.
        at_once: End the other request also where its client sends.

    Raises:
        Busy: somebody else is doing it, and goes on.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return await run_sync(step)
        except Busy:
            other = _arriving.get(upload_id)
            if other is not None and (at_once or other.is_silent(_SILENT_SECONDS)):
                other.end()
            if time.monotonic() >= until:
                raise
        await asyncio.sleep(_AGAIN_SECONDS)


def expire_uploads(service: Service) -> int:
    """Finish what is whole, and end what nobody will go on with; to be run at the start, and now and then.

    1. Uploads that are whole become jobs: their last request was cut off.
    2. Uploads are ended whose time is over, that were cut off and have no client who could go on, or whose bytes are
       gone.
    3. Bytes go that belong to no upload, or to one that has ended.

    What somebody writes to is left alone, and what fails is told in the log and tried again the next time.

    Returns:
        How many were ended or finished.
    """
    parts = {part.id: part for part in service.incoming.uploads()}
    with service.store.read() as db:
        now = service.store.now(db)
        rows = {row.id: row for row in db.execute(select(uploads).where(uploads.c.state == "open"))}
        for upload_id in parts.keys() - rows.keys():
            row = db.execute(select(uploads).where(uploads.c.id == upload_id)).first()
            if row is not None:
                rows[upload_id] = row
    steps: list[Callable[[], object]] = []
    for upload_id, row in rows.items():
        step = _step(service, row, parts.get(upload_id), now=now)
        if step is not None:
            steps.append(step)
    steps += [
        partial(service.incoming.discard, part.id)
        for part in parts.values()
        if part.id not in rows and part.changed_at < now - _LEFT_SECONDS
    ]
    return sum(map(_tried, steps))


def _step(service: Service, row: AnyRow, part: Upload | None, *, now: float) -> Callable[[], object] | None:
    """What is to be done about an upload; None where it can wait."""
    is_open = row.state == "open"
    heard_at = max(row.created_at, part.changed_at if part is not None else 0.0)
    is_left = heard_at < now - _LEFT_SECONDS
    if part is not None and (
        row.state == "finished" or (is_open and row.resumable and part.num_bytes == row.num_bytes)
    ):
        if not is_open or row.expires_at > now:
            return partial(_finish, service, _uploader(row), row)
    elif not is_open or (is_left and (part is None or not row.resumable)):
        return partial(receive.discard, service, row.id, "terminated")
    return partial(receive.discard, service, row.id, "expired") if row.expires_at <= now else None


def _uploader(row: AnyRow) -> Caller:
    """Who began an upload; nothing is asked of his rights any more but to be in the case."""
    return Caller(
        person_id=row.person_id,
        name="",
        scopes=frozenset(),
        key_id=row.key_id,
        requests_per_minute=0,
        quota_bytes=0,
    )


def _tried(step: Callable[[], object]) -> bool:
    """Whether a step could be done."""
    try:
        step()
    except (Busy, UploadUnknown):  # somebody else is at it, or was
        return False
    except (Problem, VaultError) as error:
        _log.warning("upload left", kind=type(error).__name__, error=str(error))
        return False
    return True
