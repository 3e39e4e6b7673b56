"""Jobs: what people ask for. Several jobs may share one examination; each keeps its own name, owner and history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import Connection, Select, func, insert, literal, select, update

from detect.types import ItemState
from service.problems import Conflict, Gone, NotFound, TooMany, Unavailable
from service.store import setups
from service.store.endings import Hooks, ended_before
from service.store.events import add_event
from service.store.ids import new_id
from service.store.row import AnyRow
from service.store.schema import analyses, evidence, jobs, members, people, uploads
from service.store.schema import setups as setup_table

JobStatus = Literal["queued", "running", "done", "cancelled"]
_AGAIN = ("cancelled", "timeout", "crashed")
"""States that another try may better: asking for the same anew examines anew."""
RETRY_SECONDS = 30
"""A hint for clients that were turned away: some examinations end in that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A job, as asked for."""

    case_id: str
    person_id: str
    evidence_id: str
    filename: str
    priority: int
    supersedes: str | None = None


def add_evidence(db: Connection, case_id: str, sha256: str, num_bytes: int, *, now: float) -> str:
    """The evidence of a case with these bytes, new or known; returns the id."""
    row = db.execute(
        select(evidence.c.id, evidence.c.purged_at)
        .where(evidence.c.case_id == case_id, evidence.c.sha256 == sha256)
        .with_for_update()
    ).first()
    if row is not None:
        if row.purged_at is not None:  # handed in again after it was deleted
            db.execute(update(evidence).where(evidence.c.id == row.id).values(purged_at=None, received_at=now))
        return str(row.id)
    new = new_id("evidence")
    db.execute(
        insert(evidence).values(id=new, case_id=case_id, sha256=sha256, num_bytes=num_bytes, received_at=now)
    )  # fmt: skip
    return new


def check_room(db: Connection, person_id: str, *, max_open: int, max_open_per_person: int) -> None:
    """Turn work away before its bytes are taken. An upload that is open has a place in the queue.

    Raises:
        TooMany: the queue is full, or the person has enough in it.
    """
    arriving = select(func.count()).select_from(uploads).where(uploads.c.state == "open")
    waiting = select(func.count()).select_from(analyses).where(analyses.c.state.is_(None))
    if (db.scalar(waiting) or 0) + (db.scalar(arriving) or 0) >= max_open:
        raise TooMany("The queue is full.", retry_after_seconds=RETRY_SECONDS)
    own = (
        select(func.count())
        .select_from(jobs.join(analyses, analyses.c.seq == jobs.c.analysis_seq))
        .where(analyses.c.state.is_(None), jobs.c.person_id == person_id, jobs.c.cancelled_at.is_(None))
    )
    own_arriving = arriving.where(uploads.c.person_id == person_id)
    if (db.scalar(own) or 0) + (db.scalar(own_arriving) or 0) >= max_open_per_person:
        raise TooMany("You have as many jobs in the queue as you may.", retry_after_seconds=RETRY_SECONDS)


def setup_now(db: Connection) -> AnyRow:
    """What new jobs are asked of.

    Raises:
        Unavailable: no dispatcher has announced itself yet, so that nobody knows.
    """
    setup = setups.current(db)
    if setup is None:
        raise Unavailable("No dispatcher has been here yet.", retry_after_seconds=RETRY_SECONDS)
    return setup


def add_job(db: Connection, asked: Asked, *, now: float, hooks: Hooks = lambda _case: ()) -> str:
    """A new job; returns the id. The same bytes and setup in the same case are examined once.

    Raises:
        Unavailable: as `setup_now`.
        NotFound: the evidence was deleted meanwhile.
    """
    if _hold_evidence(db, asked.evidence_id).purged_at is not None:
        raise NotFound("The evidence was deleted.")
    analysis = _analysis(db, asked, setup_now(db).id, now=now)
    job = new_id("job")
    db.execute(
        insert(jobs).values(
            id=job,
            case_id=asked.case_id,
            person_id=asked.person_id,
            evidence_id=asked.evidence_id,
            analysis_seq=analysis.seq,
            filename=asked.filename,
            priority=asked.priority,
            supersedes=asked.supersedes,
            created_at=now,
        )
    )
    add_event(db, "created", asked.case_id, job, {"filename": asked.filename}, now=now)
    if analysis.state is not None:  # examined before, for another job
        ended_before(db, job, hooks, now=now)
    return job


def _analysis(db: Connection, asked: Asked, setup_id: str, *, now: float) -> AnyRow:
    query = select(analyses).where(analyses.c.evidence_id == asked.evidence_id, analyses.c.setup_id == setup_id)
    row = db.execute(query.with_for_update()).first()
    if row is None:
        db.execute(
            insert(analyses).values(
                evidence_id=asked.evidence_id,
                setup_id=setup_id,
                priority=asked.priority,
                message="",
                flagged=False,
                leases=0,
                charged=0,
                orphaned=0,
                created_at=now,
            )
        )
    elif row.state in _AGAIN:
        db.execute(
            update(analyses)
            .where(analyses.c.seq == row.seq)
            .values(
                state=None, reason=None, message="", flagged=False, result=None, priority=asked.priority, charged=0,
                orphaned=0, started_at=None, finished_at=None,
            )
        )  # fmt: skip
    elif row.state is None and row.priority > asked.priority:
        db.execute(update(analyses).where(analyses.c.seq == row.seq).values(priority=asked.priority))
    else:
        return row
    return db.execute(query).one()


@cache
def job_query() -> Select[Any]:
    """Jobs with what belongs to them, once for each member of their cases: a condition on `members` is to follow."""
    later = jobs.alias("later")
    superseded_by = (
        select(later.c.id)
        .where(later.c.supersedes == jobs.c.id, later.c.deleted_at.is_(None))
        .order_by(later.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            jobs,
            superseded_by.label("superseded_by"),
            people.c.name.label("person"),
            evidence.c.sha256,
            evidence.c.num_bytes,
            evidence.c.purged_at,
            analyses.c.state,
            analyses.c.reason,
            analyses.c.message,
            analyses.c.flagged,
            analyses.c.result,
            analyses.c.owner,
            analyses.c.started_at,
            analyses.c.finished_at,
            analyses.c.setup_id,
            setup_table.c.tool,
            setup_table.c.config_digest,
            setup_table.c.models,
        )
        .join(evidence, evidence.c.id == jobs.c.evidence_id)
        .join(analyses, analyses.c.seq == jobs.c.analysis_seq)
        .join(setup_table, setup_table.c.id == analyses.c.setup_id)
        .join(people, people.c.id == jobs.c.person_id)
        .join(members, members.c.case_id == jobs.c.case_id)
    )


def status_of(row: AnyRow) -> JobStatus:
    """Where a job stands."""
    if row.cancelled_at is not None:
        return "cancelled"
    if row.state is not None:
        return "done"
    return "running" if row.owner is not None else "queued"


def job_of(db: Connection, job_id: str, person_id: str) -> AnyRow:
    """A job, for a member of its case.

    Raises:
        NotFound: there is none, or it is of others: nobody can tell which.
        Gone: it was deleted.
    """
    row = db.execute(job_query().where(jobs.c.id == job_id, members.c.person_id == person_id)).first()
    if row is None:
        raise NotFound("No such job.")
    if row.deleted_at is not None:
        raise Gone("The job was deleted; the audit log has the record.")
    return row


def newest_of_evidence(db: Connection, evidence_id: str, person_id: str) -> AnyRow:
    """The newest job on a piece of evidence, for a member of its case.

    Raises:
        NotFound: there is none, or it is of others.
    """
    row = db.execute(
        job_query()
        .where(jobs.c.evidence_id == evidence_id, members.c.person_id == person_id, jobs.c.deleted_at.is_(None))
        .order_by(jobs.c.seq.desc())
        .limit(1)
    ).first()
    if row is None:
        raise NotFound("No such evidence.")
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which jobs to list."""

    case_id: str | None = None
    status: JobStatus | None = None
    state: ItemState | None = None
    flagged: bool | None = None


def list_jobs(db: Connection, person_id: str, wanted: Filter, *, before: int | None, limit: int) -> Sequence[AnyRow]:
    """A person's jobs, the newest first, from the one before the number `before` on.

    The page is found first, and what belongs to its jobs looked up then: a database would look it up for every job that
    there is, and throw all but the page away.
    """
    his = select(members.c.case_id).where(members.c.person_id == person_id)
    query = (
        select(jobs.c.seq)
        .join(analyses, analyses.c.seq == jobs.c.analysis_seq)
        .where(jobs.c.case_id.in_(his), jobs.c.deleted_at.is_(None))
    )
    if wanted.case_id is not None:
        query = query.where(jobs.c.case_id == wanted.case_id)
    if wanted.state is not None:
        query = query.where(analyses.c.state == wanted.state.value)
    if wanted.flagged is not None:
        query = query.where(analyses.c.flagged == wanted.flagged)
    if wanted.status is not None:
        cancelled = jobs.c.cancelled_at.is_not(None)
        query = query.where(
            {
                "cancelled": cancelled,
                "done": ~cancelled & analyses.c.state.is_not(None),
                "running": ~cancelled & analyses.c.state.is_(None) & analyses.c.owner.is_not(None),
                "queued": ~cancelled & analyses.c.state.is_(None) & analyses.c.owner.is_(None),
            }[wanted.status]
        )
    if before is not None:
        query = query.where(jobs.c.seq < before)
    page = db.scalars(query.order_by(jobs.c.seq.desc()).limit(limit)).all()
    whole = job_query().where(jobs.c.seq.in_(page), members.c.person_id == person_id)
    return db.execute(whole.order_by(jobs.c.seq.desc())).all()


def cancel(db: Connection, row: AnyRow, *, now: float) -> None:
    """End a job that has not ended; its examination goes on only where another job wants it.

    Raises:
        Conflict: it has ended.
    """
    if status_of(row) not in {"queued", "running"}:
        raise Conflict("The job has ended already.")
    _hold(db, row)
    db.execute(update(jobs).where(jobs.c.id == row.id).values(cancelled_at=now))
    add_event(db, "cancelled", row.case_id, row.id, {}, now=now)
    if not _wanted(db, row.analysis_seq):
        _end_unwanted(db, row.analysis_seq, now=now)


def mark_deleted(db: Connection, row: AnyRow, by: str, reason: str, *, now: float) -> bool:
    """Delete a job: its row stays as the record.

    Returns:
        Whether its examination belongs to no other job, so that the result can go, too.
    """
    _hold(db, row)
    db.execute(
        update(jobs)
        .where(jobs.c.id == row.id)
        .values(deleted_at=now, deleted_by=by, delete_reason=reason, filename="")
    )  # fmt: skip
    add_event(db, "deleted", row.case_id, row.id, {}, now=now)
    if not _wanted(db, row.analysis_seq):
        _end_unwanted(db, row.analysis_seq, now=now)
    return not _wanted(db, row.analysis_seq, cancelled_too=True)


def forget_result(db: Connection, analysis_seq: int, *, now: float) -> None:
    """Empty an examination whose last job was deleted; asked for again, it is done again."""
    db.execute(
        update(analyses)
        .where(analyses.c.seq == analysis_seq)
        .values(
            state=ItemState.CANCELLED.value, reason="deleted", message="", flagged=False, result=None, owner=None,
            due=None, finished_at=func.coalesce(analyses.c.finished_at, now),
        )
    )  # fmt: skip


def purge_evidence(db: Connection, evidence_id: str, *, now: float) -> str | None:
    """Note that a case's evidence is gone, where no job of the case holds it any more.

    Returns:
        The SHA-256 of bytes that no case holds any more: they can be removed.
    """
    held = select(literal(1)).where(jobs.c.evidence_id == evidence_id, jobs.c.deleted_at.is_(None))
    if db.execute(held.limit(1)).first() is not None:
        return None
    db.execute(update(evidence).where(evidence.c.id == evidence_id).values(purged_at=now))
    sha256 = db.scalar(select(evidence.c.sha256).where(evidence.c.id == evidence_id))
    elsewhere = select(literal(1)).where(evidence.c.sha256 == sha256, evidence.c.purged_at.is_(None))
    return None if db.execute(elsewhere.limit(1)).first() is not None else sha256


def _hold(db: Connection, row: AnyRow) -> None:
    """Keep others from a job's evidence and examination until this transaction ends, everybody in the same order.

    Whoever asks for the same at the same moment then either comes before, and is seen, or after, and sees.
    """
    _hold_evidence(db, row.evidence_id)
    db.execute(select(analyses.c.seq).where(analyses.c.seq == row.analysis_seq).with_for_update())


def _hold_evidence(db: Connection, evidence_id: str) -> AnyRow:
    return db.execute(select(evidence.c.purged_at).where(evidence.c.id == evidence_id).with_for_update()).one()


def _end_unwanted(db: Connection, analysis_seq: int, *, now: float) -> None:
    db.execute(
        update(analyses)
        .where(analyses.c.seq == analysis_seq, analyses.c.state.is_(None))
        .values(
            state=ItemState.CANCELLED.value, reason="by_request", message="Nobody wants it any more.", owner=None,
            due=None, finished_at=now,
        )
    )  # fmt: skip


def _wanted(db: Connection, analysis_seq: int, *, cancelled_too: bool = False) -> bool:
    """Whether a job that was not deleted (nor cancelled) holds the examination."""
    query = select(literal(1)).where(jobs.c.analysis_seq == analysis_seq, jobs.c.deleted_at.is_(None))
    if not cancelled_too:
        query = query.where(jobs.c.cancelled_at.is_(None))
    return db.execute(query.limit(1)).first() is not None
