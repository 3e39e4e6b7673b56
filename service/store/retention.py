"""What is not kept for ever: jobs whose time is over, and rows that have served."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, func, select, update

from service.store.queue import result_of
from service.store.row import AnyRow
from service.store.schema import (
    analyses,
    cases,
    deliveries,
    events,
    evidence,
    idempotency,
    jobs,
    notices,
    reads,
    sessions,
    uploads,
)

_DAY_SECONDS = 86_400.0
EVENT_DAYS = 90
"""Who comes back after so long to go on where he was will look at the list of jobs instead."""
_DELIVERY_DAYS = 30
"""What hooks were told, and what was given up, can be looked into for so long."""
_KEY_DAYS = 2
"""Of an `Idempotency-Key`, which counts for one (`service.store.jobs`)."""


def expired_jobs(db: Connection, days: int | None, limit: int, *, now: float) -> Sequence[str]:
    """Jobs whose time is over, the oldest first.

    Args:
        db: The database.
        days: Kept so long after they were asked for where the case says nothing else; None keeps them.
        limit: How many at most.
        now: The time.
    """
    kept = func.coalesce(cases.c.retention_days, days) * _DAY_SECONDS
    query = (
        select(jobs.c.id)
        .join(cases, cases.c.id == jobs.c.case_id)
        .where(jobs.c.deleted_at.is_(None), jobs.c.created_at < now - kept)
        .order_by(jobs.c.seq)
        .limit(limit)
    )
    return db.scalars(query).all()


def expired_job(db: Connection, job_id: str) -> AnyRow | None:
    """A job to be deleted, which nobody else deletes meanwhile; None where somebody has."""
    of = select(jobs.c.evidence_id).where(jobs.c.id == job_id).scalar_subquery()
    db.execute(select(evidence.c.id).where(evidence.c.id == of).with_for_update())
    return db.execute(
        select(jobs, evidence.c.sha256, analyses.c.result)
        .join(evidence, evidence.c.id == jobs.c.evidence_id)
        .join(analyses, analyses.c.seq == jobs.c.analysis_seq)
        .where(jobs.c.id == job_id, jobs.c.deleted_at.is_(None))
    ).first()


def forget_traces(db: Connection, job_id: str) -> None:
    """Remove what is elsewhere of a job that is deleted: its name, who has read it, and what was said of it."""
    db.execute(update(events).where(events.c.job_id == job_id, events.c.kind == "created").values(data="{}"))
    db.execute(update(uploads).where(uploads.c.job_id == job_id).values(filename=""))
    db.execute(delete(notices).where(notices.c.job_id == job_id))
    db.execute(delete(reads).where(reads.c.job_id == job_id))


def forget_rows(db: Connection, *, now: float) -> Mapping[str, int]:
    """Remove rows that have served; returns how many of what."""
    newest = select(func.max(events.c.seq)).scalar_subquery()  # stays: it says what number watchers may have seen
    done = {
        "sessions": delete(sessions).where(sessions.c.expires_at <= now),
        "idempotency keys": delete(idempotency).where(idempotency.c.created_at < now - _KEY_DAYS * _DAY_SECONDS),
        "events": delete(events).where(events.c.at < now - EVENT_DAYS * _DAY_SECONDS, events.c.seq < newest),
        "deliveries": delete(deliveries).where(
            deliveries.c.next_at.is_(None), deliveries.c.created_at < now - _DELIVERY_DAYS * _DAY_SECONDS
        ),
    }
    return {name: db.execute(statement).rowcount for name, statement in done.items()}


def unheld(db: Connection, digests: Collection[str]) -> set[str]:
    """Those of some digests that are no case's evidence."""
    held = select(evidence.c.sha256).where(evidence.c.sha256.in_(digests), evidence.c.purged_at.is_(None))
    return set(digests) - set(db.scalars(held))


def reports(db: Connection, first: int, last: int) -> set[str]:
    """Where the results of the examinations from one number to another lie, under the folder of results."""
    query = select(analyses.c.result).where(
        analyses.c.seq >= first, analyses.c.seq <= last, analyses.c.result.is_not(None)
    )  # fmt: skip
    found = (result_of(text).report for text in db.scalars(query))
    return {report for report in found if report is not None}
