"""Jobs: list, watch, cancel, delete, and score again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from detect.types import ItemState
from service.api import waiting
from service.api.access import Reader, Submitter
from service.api.answers import refusals
from service.api.cursors import cursor_of, number_of
from service.api.schemas.common import JobId
from service.api.schemas.jobs import Deletion, Job, JobPage, NewJob, Priority, Rescore
from service.api.strict import StrictRoute
from service.api.views import NUMBERS, job_view
from service.deletion import delete_job
from service.problems import Conflict, NotFound
from service.state import Service, TheService
from service.store import cases
from service.store import jobs as store
from service.store.keys import Caller
from service.store.row import AnyRow
from service.vault.names import display_name

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictRoute)


@router.get("", responses=refusals(404))
def list_jobs(
    service: TheService,
    caller: Reader,
    case: Annotated[str | None, Query(pattern="^case_[0-9a-f]{32}$")] = None,
    status: store.JobStatus | None = None,
    state: ItemState | None = None,
    flagged: bool | None = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobPage:
    """List jobs of your cases, the newest first."""
    wanted = store.Filter(case_id=case, status=status, state=state, flagged=flagged)
    before = None if cursor is None else number_of(cursor)
    with service.store.read() as db:
        if case is not None:
            cases.case_of(db, case, caller.person_id)
        rows = store.list_jobs(db, caller.person_id, wanted, before=before, limit=limit + 1)
    page = rows[:limit]
    more = len(rows) > limit
    return JobPage(jobs=[job_view(service, row) for row in page], next=cursor_of(page[-1].seq) if more else None)


@router.post("", status_code=202, responses=refusals(404, 409, 410))
def make_job(service: TheService, caller: Submitter, asked: NewJob, response: Response) -> Job:
    """Ask for another examination of evidence that is here."""
    with service.store.write() as db:
        row = store.newest_of_evidence(db, asked.evidence, caller.person_id)
        if row.purged_at is not None:
            raise NotFound("The evidence was deleted.")
        name = display_name(asked.filename) if asked.filename else row.filename
        job = _make(service, db, caller, row, filename=name, priority=asked.priority)
        service.record(db, caller, "job_created", job, case_id=row.case_id, details={"evidence": asked.evidence})
    response.headers["Location"] = f"/v1/jobs/{job}"
    return _view(service, caller, job)


@router.get("/{job}", responses=refusals(404, 410))
async def read_job(
    service: TheService, caller: Reader, job: JobId, wait: Annotated[int, Query(ge=0, le=3600)] = 0
) -> Job:
    """Show a job; with `wait` when it has ended, or after so many seconds, whichever is first."""
    return await waiting.ended(service, caller, job, wait)


@router.post("/{job}/cancel", responses=refusals(404, 409, 410))
def cancel_job(service: TheService, caller: Submitter, job: JobId) -> Job:
    """End a job that has not ended."""
    with service.store.write() as db:
        row = store.job_of(db, job, caller.person_id)
        store.cancel(db, row, now=service.store.now(db))
        service.record(db, caller, "job_cancelled", job, case_id=row.case_id)
    return _view(service, caller, job)


@router.post("/{job}/rescore", status_code=202, responses=refusals(404, 409, 410))
def score_again(service: TheService, caller: Submitter, job: JobId, asked: Rescore, response: Response) -> Job:
    """Examine the evidence again with the checkpoints and settings of now; the earlier result stays."""
    with service.store.write() as db:
        row = store.job_of(db, job, caller.person_id)
        setup = store.setup_now(db)
        if store.status_of(row) != "done":
            raise Conflict("The job has not ended yet.")
        if row.setup_id == setup.id:
            raise Conflict("The result is of the checkpoints and settings of now already.")
        if row.purged_at is not None:
            raise NotFound("The evidence was deleted.")
        new = _make(service, db, caller, row, filename=row.filename, priority=asked.priority, supersedes=job)
        service.record(db, caller, "rescored", new, case_id=row.case_id, details={"earlier_job": job})
    response.headers["Location"] = f"/v1/jobs/{new}"
    return _view(service, caller, new)


@router.post("/{job}/delete", status_code=204, responses=refusals(404, 410))
def delete(service: TheService, caller: Submitter, job: JobId, asked: Deletion) -> None:
    """Delete a job and its result, and the evidence where no other job holds it; the audit log keeps the record."""
    delete_job(service, caller, job, reason=asked.reason)


def _make(
    service: Service,
    db: Connection,
    caller: Caller,
    row: AnyRow,
    *,
    filename: str,
    priority: Priority,
    supersedes: str | None = None,
) -> str:
    cases.open_case_of(db, row.case_id, caller.person_id)
    service.check_queue(db, caller.person_id)
    asked = store.Asked(
        case_id=row.case_id,
        person_id=caller.person_id,
        evidence_id=row.evidence_id,
        filename=filename,
        priority=NUMBERS[priority],
        supersedes=supersedes,
    )
    return store.add_job(db, asked, now=service.store.now(db), hooks=service.settings.hooks_of)


def _view(service: Service, caller: Caller, job: str) -> Job:
    with service.store.read() as db:
        return job_view(service, store.job_of(db, job, caller.person_id))
