"""What happened to jobs, in order, for whoever watches; and what people are told of when they look next."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, select, text, update

from service.problems import NotFound
from service.store.ids import new_id
from service.store.row import AnyRow
from service.store.schema import events, members, notices, reads

EventKind = Literal["created", "started", "finished", "cancelled", "deleted", "reviewed"]
NoticeKind = Literal["result_changed"]
_WRITES = 7246920121
"""PostgreSQL's advisory lock, shared, of transactions that bring events; the number behind that of the audit log."""


def add_event(
    db: Connection, kind: EventKind, case_id: str, job_id: str, data: Mapping[str, Any], *, now: float
) -> None:
    """Say that something happened.

    PostgreSQL gives out numbers before it is known who commits first: whoever reads events in order must see that
    somebody holds a lower number still (`writers`). The lock is shared, so that nobody waits for it.
    """
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock_shared(:number)"), {"number": _WRITES})
    db.execute(
        insert(events).values(case_id=case_id, job_id=job_id, kind=kind, data=json.dumps(data), at=now)
    )  # fmt: skip


def writers(db: Connection) -> frozenset[str]:
    """Transactions that have brought, or are about to bring, an event, and have not ended; none where numbers tell."""
    if db.dialect.name != "postgresql":
        return frozenset()
    query = text(
        "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND mode = 'ShareLock' "
        "AND classid::bigint = :high AND objid::bigint = :low "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return frozenset(db.scalars(query, {"high": _WRITES >> 32, "low": _WRITES & 0xFFFFFFFF}))


def events_after(db: Connection, last: int, limit: int) -> Sequence[AnyRow]:
    """The next events after the number `last`."""
    return db.execute(select(events).where(events.c.seq > last).order_by(events.c.seq).limit(limit)).all()


def events_between(
    db: Connection, last: int, until: int, limit: int, *, person_id: str, job_id: str | None, case_id: str | None
) -> Sequence[AnyRow]:
    """The next events after the number `last` and up to `until` that a person may see: of a job, a case, or all."""
    query = (
        select(events)
        .join(members, members.c.case_id == events.c.case_id)
        .where(members.c.person_id == person_id, events.c.seq > last, events.c.seq <= until)
        .order_by(events.c.seq)
        .limit(limit)
    )
    if job_id is not None:
        query = query.where(events.c.job_id == job_id)
    if case_id is not None:
        query = query.where(events.c.case_id == case_id)
    return db.execute(query).all()


def last_event(db: Connection) -> int:
    """Number of the newest event; 0 where there is none."""
    return int(db.scalar(select(func.coalesce(func.max(events.c.seq), 0))) or 0)


def present(db: Connection, *, now: float) -> int:
    """A number to begin with for who wants what happens from now on: nothing that is not there yet comes before it.

    Where somebody may still bring a lower number it is that of a minute ago, and some that are there come again.
    """
    last = last_event(db)
    if not writers(db):
        return last
    earlier = select(events.c.seq).where(events.c.at < now - _MINUTE_SECONDS).order_by(events.c.seq.desc()).limit(1)
    return int(db.scalar(earlier) or 0)


_MINUTE_SECONDS = 60.0
"""No transaction here takes nearly as long."""


def mark_read(db: Connection, job_id: str, person_id: str, *, now: float) -> None:
    """A person has seen a job's result; he will be told when it changes."""
    known = select(reads.c.at).where(reads.c.job_id == job_id, reads.c.person_id == person_id)
    if db.execute(known).first() is None:
        db.execute(insert(reads).values(job_id=job_id, person_id=person_id, at=now))


def readers(db: Connection, job_id: str) -> list[str]:
    """Who has seen a job's result."""
    return list(db.scalars(select(reads.c.person_id).where(reads.c.job_id == job_id).order_by(reads.c.at)))


def add_notice(
    db: Connection, kind: NoticeKind, person_id: str, case_id: str, job_id: str, data: Mapping[str, Any], *, now: float
) -> None:
    """Leave word for a person."""
    db.execute(
        insert(notices).values(
            id=new_id("notice"),
            person_id=person_id,
            case_id=case_id,
            job_id=job_id,
            kind=kind,
            data=json.dumps(data),
            at=now,
        )
    )


def list_notices(db: Connection, person_id: str, case_ids: Collection[str], *, unseen: bool) -> Sequence[AnyRow]:
    """A person's notices of the cases that are still his, the newest first."""
    query = (
        select(notices)
        .where(notices.c.person_id == person_id, notices.c.case_id.in_(case_ids))
        .order_by(notices.c.seq.desc())
        .limit(_MAX_NOTICES)
    )
    return db.execute(query.where(notices.c.seen_at.is_(None)) if unseen else query).all()


_MAX_NOTICES = 200


def mark_seen(db: Connection, notice_id: str, person_id: str, *, now: float) -> None:
    """A person has taken note.

    Raises:
        NotFound: it is not his, or there is none.
    """
    changed = db.execute(
        update(notices)
        .where(notices.c.id == notice_id, notices.c.person_id == person_id)
        .values(seen_at=func.coalesce(notices.c.seen_at, now))
    )
    if not changed.rowcount:
        raise NotFound("No such notice.")
