"""What happens beside the result when an examination begins and ends: watchers, readers and hooks are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Connection, select

from service.store.deliveries import add_delivery
from service.store.events import add_event, add_notice, readers
from service.store.row import AnyRow
from service.store.schema import analyses, jobs

Hooks = Callable[[str], Collection[str]]
"""Names of the hooks to call for a case."""


def began(db: Connection, seq: int, now: float) -> None:
    """An examination begins for the first time."""
    for job in _jobs(db, seq):
        add_event(db, "started", job.case_id, job.id, {}, now=now)


def ended(hooks: Hooks) -> Callable[[Connection, int, float], None]:
    """What to do when an examination ends.

    Args:
        hooks: Names of the hooks to call for a case.
    """

    def end(db: Connection, seq: int, now: float) -> None:
        analysis = db.execute(select(analyses).where(analyses.c.seq == seq)).one()
        for job in _jobs(db, seq):
            _tell(db, job, analysis, hooks, now=now)

    return end


def ended_before(db: Connection, job_id: str, hooks: Hooks, *, now: float) -> None:
    """Tell of a job whose examination had ended, for another job, before it was asked for."""
    job = db.execute(select(jobs).where(jobs.c.id == job_id)).one()
    analysis = db.execute(select(analyses).where(analyses.c.seq == job.analysis_seq)).one()
    _tell(db, job, analysis, hooks, now=now)


def outcome(analysis: AnyRow) -> dict[str, Any]:
    """What an event says of an examination that has ended."""
    return {"state": analysis.state, "reason": analysis.reason, "flagged": bool(analysis.flagged)}


def _tell(db: Connection, job: AnyRow, analysis: AnyRow, hooks: Hooks, *, now: float) -> None:
    add_event(db, "finished", job.case_id, job.id, outcome(analysis), now=now)
    if job.supersedes is not None:
        _tell_readers(db, job, analysis, now=now)
    for hook in hooks(job.case_id):
        payload = {"event": "job.finished", "at": now, "job": job.id, "case": job.case_id, **outcome(analysis)}
        add_delivery(db, hook, job.id, payload, now=now)


def _jobs(db: Connection, seq: int) -> list[AnyRow]:
    return list(
        db.execute(
            select(jobs).where(
                jobs.c.analysis_seq == seq, jobs.c.cancelled_at.is_(None), jobs.c.deleted_at.is_(None)
            )
        )
    )  # fmt: skip


def _tell_readers(db: Connection, job: AnyRow, now_is: AnyRow, *, now: float) -> None:
    """Whoever has read the earlier result learns that the new one says something else."""
    before = db.execute(
        select(analyses).join(jobs, jobs.c.analysis_seq == analyses.c.seq).where(jobs.c.id == job.supersedes)
    ).first()
    if before is None or _conclusions(before) == _conclusions(now_is):
        return
    data = {"earlier_job": job.supersedes, "was": outcome(before), "is": outcome(now_is)}
    for person in readers(db, job.supersedes):
        add_notice(db, "result_changed", person, job.case_id, job.id, data, now=now)


def _conclusions(analysis: AnyRow) -> Any:
    """What a reader takes home from a result: state, flag, and the words of each finding."""
    findings = json.loads(analysis.result or "{}").get("summary", {}).get("findings", [])
    return analysis.state, bool(analysis.flagged), [(f["subject"], f["status"], f["verbal"]) for f in findings]
