"""A job's result as people get to read it: from the disk, under the job's own file name, and never unrecorded.

The report on the disk has a neutral name, for several people may have handed the same bytes in under names of their
own. It is read before the log says that somebody read it, and delivered after.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection

from detect.report import Report
from detect.version import VERSION
from service.audit.entry import Detail
from service.problems import Conflict, NotFound, Unavailable
from service.state import Service
from service.store.events import mark_read
from service.store.jobs import job_of, status_of
from service.store.keys import Caller
from service.store.queue import result_of
from service.store.row import AnyRow

ReadAction = Literal["read_report", "export", "media"]

_log = structlog.get_logger("unmask.api")
_RETRY_SECONDS = 60
"""Somebody has to see to the disk; sooner it makes no sense to come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A report in somebody's hands."""

    row: AnyRow
    """The job's, as of `service.store.jobs.job_query`."""
    report: Report
    """Under the job's file name."""
    tag: str
    """Changes with anything that is delivered of it."""


def ended_job(db: Connection, job_id: str, person_id: str) -> AnyRow:
    """A job whose examination has ended.

    Raises:
        NotFound, Gone: it is not there.
        Conflict: it has not ended, or was cancelled.
    """
    row = job_of(db, job_id, person_id)
    status = status_of(row)
    if status == "cancelled":
        raise Conflict("The job was cancelled: it has no result.")
    if status != "done":
        raise Conflict("The job has not ended yet; `GET /v1/jobs/{job}` says how far it is, and waits with `?wait=`.")
    return row


def read_report(service: Service, caller: Caller, job_id: str) -> Reading:
    """Read the report of a job; `record_look` is to follow before anything of it is delivered.

    Raises:
        NotFound, Gone: the job is not there, or ended without a report.
        Conflict: it has not ended.
        Unavailable: the report is not at its place, or is not the one of this recording.
    """
    with service.store.read() as db:
        row = ended_job(db, job_id, caller.person_id)
    return report_of(service, row)


def report_of(service: Service, row: AnyRow) -> Reading:
    """The report of a job that has ended; raises as `read_report`."""
    place = result_of(row.result).report if row.result is not None else None
    if place is None:
        raise NotFound("The job ended without a report; the job itself says why.")
    try:
        data = (service.settings.results / place / "report.json").read_bytes()
        report = Report.model_validate_json(data)
    except (OSError, ValidationError) as error:
        _log.error("report lost", analysis=row.analysis_seq, kind=type(error).__name__)
        raise Unavailable("The report cannot be read from its place.", retry_after_seconds=_RETRY_SECONDS) from error
    if report.body.recording.sha256 != row.sha256:
        _log.error("report of another recording", analysis=row.analysis_seq)
        raise Unavailable("What lies at the report's place is not it.", retry_after_seconds=_RETRY_SECONDS)
    recording = report.body.recording.model_copy(update={"name": row.filename, "chain": row.filename})
    named = report.model_copy(update={"body": report.body.model_copy(update={"recording": recording})})
    parts = (hashlib.sha256(data).digest(), row.filename.encode("utf-8", "surrogatepass"), VERSION.encode())
    return Reading(row=row, report=named, tag=hashlib.sha256(b"\0".join(parts)).hexdigest())


def record_look(
    service: Service,
    caller: Caller,
    row: AnyRow,
    action: ReadAction,
    form: str,
    *,
    details: Mapping[str, Detail] | None = None,
    lasting: bool = False,
    of_result: bool = True,
) -> None:
    """Write down that a person reads a job's result or recording, before he does.

    Args:
        service: Whose.
        caller: Who reads.
        row: The job.
        action: What the audit log calls it.
        form: What of it: `json`, `pdf`, `exhibit`, ...
        details: What else is to be known.
        lasting: Whether what is asked for in pieces is one look (`service.looks`).
        of_result: Whether he learns the result: he will be told when it changes.

    Raises:
        NotFound, Gone: the job is not there any more.
    """
    look = (caller.person_id, caller.key_id, row.id, action, form)
    if lasting and service.looks.goes_on(*look):
        return

    def step(db: Connection) -> None:
        job_of(db, row.id, caller.person_id)
        if of_result:
            mark_read(db, row.id, caller.person_id, now=service.store.now(db))
        service.record(db, caller, action, row.id, case_id=row.case_id, details={"form": form, **(details or {})})

    service.store.repeat(step)
    service.looks.recorded(*look)
