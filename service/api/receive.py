"""From a client's bytes to evidence and a job: what all ways of handing something in have in common."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, func, insert, select, update

from service.audit.entry import Detail
from service.problems import Conflict, NotFound, Problem, TooLarge, TooMany
from service.state import Service
from service.store import cases, keys
from service.store import jobs as store
from service.store.ids import new_id
from service.store.keys import Caller
from service.store.row import AnyRow
from service.store.schema import uploads
from service.vault.errors import UploadUnknown
from service.vault.names import display_name
from service.vault.vault import Stored

_log = structlog.get_logger("unmask.uploads")
_QUOTA_RETRY_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a client wants to hand in."""

    case_id: str
    filename: str
    priority: int
    num_bytes: int | None
    """As announced."""
    sha256: str | None
    """As announced."""
    resumable: bool = False
    """Whether the client is told the id, and may go on another time."""


def begin(service: Service, caller: Caller, delivery: Delivery) -> str:
    """Open an upload; returns the id.

    Raises:
        NotFound, Conflict: the case is not there, or closed.
        TooLarge, TooMany: more than may be handed in.
        Unavailable: nobody has said yet how recordings are examined.
        VaultError: there is no room.
    """
    settings = service.settings
    if delivery.num_bytes is not None and delivery.num_bytes > settings.max_upload_bytes:
        raise TooLarge(f"A recording may have {settings.max_upload_bytes} bytes.")
    upload = new_id("upload")
    service.incoming.create(upload, delivery.num_bytes or 0)
    try:
        with service.store.write() as db:
            now = service.store.now(db)
            cases.open_case_of(db, delivery.case_id, caller.person_id)
            store.setup_now(db)  # before the bytes are taken: without it no job can be made of them
            service.check_queue(db, caller.person_id)
            _check_quota(db, caller, delivery.num_bytes or 1, now=now)
            service.vault.check_room(_owed_bytes(db) + (delivery.num_bytes or 0))
            db.execute(
                insert(uploads).values(
                    id=upload,
                    person_id=caller.person_id,
                    key_id=caller.key_id,
                    case_id=delivery.case_id,
                    filename=display_name(delivery.filename),
                    num_bytes=delivery.num_bytes,
                    received_bytes=0,
                    sha256=delivery.sha256,
                    priority=delivery.priority,
                    resumable=delivery.resumable,
                    state="open",
                    created_at=now,
                    expires_at=now + settings.upload_hours * 3600,
                )
            )
    except BaseException:
        service.incoming.discard(upload)
        raise
    return upload


def _check_quota(db: Connection, caller: Caller, num_bytes: int, *, now: float) -> None:
    if num_bytes > caller.quota_bytes - keys.received_bytes(db, caller.person_id, now=now):
        raise TooMany("You have handed in as much as you may today.", retry_after_seconds=_QUOTA_RETRY_SECONDS)


def _owed_bytes(db: Connection) -> int:
    """What open uploads have announced and not sent yet: room that is promised."""
    owed = func.sum(uploads.c.num_bytes - uploads.c.received_bytes)
    return int(db.scalar(select(func.coalesce(owed, 0)).where(uploads.c.state == "open")) or 0)


def finish(
    service: Service,
    caller: Caller,
    upload_id: str,
    *,
    expected_sha256: str | None,
    also: Callable[[Connection, str, str], None] | None = None,
) -> str:
    """Make evidence and a job of an upload that is whole; returns the job's id. Where it was cut off, call it again.

    Args:
        service: Whose.
        caller: Who hands in.
        upload_id: Of the upload.
        expected_sha256: As announced.
        also: What else to write in the same transaction; given the job's id and the SHA-256.

    Raises:
        VaultError: it is not what was announced, or cannot be stored.
        Problem: the job cannot be made; the upload stays.
    """
    made: list[str] = []
    with service.store.read() as db:  # once more below; here nothing has been sealed or stored yet
        _see_it_may_become_a_job(db, upload_id)

    def record(stored: Stored) -> None:
        def step(db: Connection) -> str:
            row = _see_it_may_become_a_job(db, upload_id)
            if row.job_id is not None:
                return str(row.job_id)
            now = service.store.now(db)
            evidence = store.add_evidence(db, row.case_id, stored.sha256, stored.num_bytes, now=now)
            asked = store.Asked(
                case_id=row.case_id,
                person_id=caller.person_id,
                evidence_id=evidence,
                filename=row.filename,
                priority=row.priority,
            )
            job = store.add_job(db, asked, now=now, hooks=service.settings.hooks_of)
            db.execute(
                update(uploads)
                .where(uploads.c.id == upload_id)
                .values(state="finished", job_id=job, received_bytes=stored.num_bytes, num_bytes=stored.num_bytes)
            )
            if also is not None:
                also(db, job, stored.sha256)
            details: dict[str, Detail] = {"sha256": stored.sha256, "num_bytes": stored.num_bytes, "job": job}
            service.record(db, caller, "upload", evidence, case_id=row.case_id, details=details)
            return job

        made.append(service.store.repeat(step))

    service.incoming.finish(upload_id, expected_sha256, record)
    return made[-1]


def _see_it_may_become_a_job(db: Connection, upload_id: str) -> AnyRow:
    """An upload that is open in an open case of its owner, or has become a job already."""
    row = db.execute(select(uploads).where(uploads.c.id == upload_id)).first()
    if row is None:
        raise NotFound("No such upload.")
    if row.state not in {"open", "finished"}:
        raise Conflict("The upload has ended.")
    if row.job_id is None:
        cases.open_case_of(db, row.case_id, row.person_id)
    return row


def note(service: Service, upload_id: str, received_bytes: int) -> float:
    """Write down how far an upload is, and keep it for longer; returns until when."""
    with service.store.write() as db:
        expires_at = service.store.now(db) + service.settings.upload_hours * 3600
        db.execute(
            update(uploads)
            .where(uploads.c.id == upload_id, uploads.c.state == "open")
            .values(received_bytes=received_bytes, expires_at=expires_at)
        )
    return expires_at


def note_on_the_way(service: Service, upload_id: str, received_bytes: int) -> None:
    """As `note`, while more arrives: where it cannot be written down now, the next note says it, or the end."""
    try:
        note(service, upload_id, received_bytes)
    except Problem as error:
        _log.warning("not noted", upload=upload_id, kind=type(error).__name__)


def discard(service: Service, upload_id: str, state: str, *, caller: Caller | None = None) -> bool:
    """Forget an upload and its bytes. Of one that could have been gone on with, the audit log keeps that it was there.

    Args:
        service: Whose.
        upload_id: Which.
        state: `terminated` or `expired`.
        caller: Who does it; None where the service does.

    Returns:
        Whether it was ended by this: not where it had ended before, or has become a job.

    Raises:
        Busy: somebody writes to it.
    """
    with suppress(UploadUnknown):  # its bytes are gone already: killed between the two
        service.incoming.discard(upload_id)
    with service.store.write() as db:
        row = db.execute(
            update(uploads)
            .where(uploads.c.id == upload_id, uploads.c.state == "open")
            .values(state=state)
            .returning(uploads.c.case_id, uploads.c.resumable)
        ).first()
        if row is not None and row.resumable:
            details: dict[str, Detail] = {"why": state}
            service.record(db, caller, "upload_terminated", upload_id, case_id=row.case_id, details=details)
    return row is not None
