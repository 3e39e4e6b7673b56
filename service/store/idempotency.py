"""Idempotency keys: the same request again, or twice at a time, is one job (IETF draft, idempotency-key-header)."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from service.problems import Conflict
from service.store.schema import idempotency

KEPT_SECONDS = 86_400.0
"""A client that tries again tries within a day."""


def claim(db: Connection, person_id: str, key: str, fingerprint: str, job_id: str, *, now: float) -> str:
    """Put a job under a key, where there is none yet; returns the job that is there now.

    Of two that do so at a time, the second waits for the first.

    Raises:
        Conflict: something else was asked under it.
    """
    old = (idempotency.c.person_id == person_id, idempotency.c.key == key, idempotency.c.created_at <= _oldest(now))
    db.execute(delete(idempotency).where(*old))
    insert = sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
    row = insert(idempotency).values(
        person_id=person_id, key=key, fingerprint=fingerprint, job_id=job_id, created_at=now
    )  # fmt: skip
    db.execute(row.on_conflict_do_nothing())
    return remembered(db, person_id, key, fingerprint, now=now) or job_id


def remembered(db: Connection, person_id: str, key: str, fingerprint: str | None, *, now: float) -> str | None:
    """The job that was made under a key; None where it is new.

    Args:
        db: The database.
        person_id: Whose key.
        key: As sent.
        fingerprint: Of what is asked; None where that is not known yet.
        now: The time.

    Raises:
        Conflict: something else was asked under it.
    """
    row = db.execute(
        select(idempotency).where(
            idempotency.c.person_id == person_id,
            idempotency.c.key == key,
            idempotency.c.created_at > _oldest(now),
        )
    ).first()
    if row is None:
        return None
    if fingerprint is not None and row.fingerprint != fingerprint:
        raise Conflict("This Idempotency-Key was used for another request.")
    return str(row.job_id)


def _oldest(now: float) -> float:
    return now - KEPT_SECONDS
