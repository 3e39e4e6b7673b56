"""Deleting: the row of a job stays as the record, its result and evidence go when nobody else holds them."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from service.state import Service
from service.store import jobs as store
from service.store import retention
from service.store.keys import Caller
from service.store.queue import result_of
from service.store.row import AnyRow
from service.vault.errors import NotStored

RETENTION = "retention"
"""Who deletes, where nobody does."""


@dataclass(slots=True)
class _Leftovers:
    """What is to be removed from the disk once the database says that it is gone."""

    folders: list[Path] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)


def delete_job(service: Service, caller: Caller, job_id: str, *, reason: str) -> None:
    """Delete a job that a person may see.

    Raises:
        NotFound, Gone: it is not there.
    """
    with service.store.write() as db:
        row = store.job_of(db, job_id, caller.person_id)
        leftovers = _delete(service, db, row, caller.person_id, reason)
        details = {"reason": reason[:500], "sha256": row.sha256, "purged": bool(leftovers.digests)}
        service.record(db, caller, "job_deleted", job_id, case_id=row.case_id, details=details)
    _remove(service, leftovers)


def delete_expired_job(service: Service, job_id: str) -> bool:
    """Delete a job whose time is over; False where somebody has deleted it meanwhile."""

    def step(db: Connection) -> _Leftovers | None:
        row = retention.expired_job(db, job_id)
        if row is None:
            return None
        leftovers = _delete(service, db, row, RETENTION, "its time is over")
        details = {"by": RETENTION, "sha256": row.sha256, "purged": bool(leftovers.digests)}
        service.record(db, None, "job_deleted", job_id, case_id=row.case_id, details=details)
        return leftovers

    leftovers = service.store.repeat(step)
    if leftovers is None:
        return False
    _remove(service, leftovers)
    return True


def remove_unheld(service: Service, sha256: str) -> bool:
    """Remove bytes that are no case's evidence; False where they are, or are gone."""
    removed = _remove_bytes(service, sha256)
    if removed:
        with service.store.write() as db:
            service.record(db, None, "evidence_purged", sha256, details={"by": RETENTION})
    return removed


def _delete(service: Service, db: Connection, row: AnyRow, by: str, reason: str) -> _Leftovers:
    leftovers = _Leftovers()
    now = service.store.now(db)
    if store.mark_deleted(db, row, by, reason, now=now):
        result = result_of(row.result) if row.result is not None else None
        if result is not None and result.report is not None:
            leftovers.folders.append(service.settings.results / result.report)
        store.forget_result(db, row.analysis_seq, now=now)
    retention.forget_traces(db, row.id)
    sha256 = store.purge_evidence(db, row.evidence_id, now=now)
    if sha256 is not None:
        leftovers.digests.append(sha256)
    return leftovers


def _remove(service: Service, leftovers: _Leftovers) -> None:
    """Nothing is lost where this is cut off: housekeeping finds what nobody holds."""
    for folder in leftovers.folders:
        shutil.rmtree(folder, ignore_errors=True)
    for digest in leftovers.digests:
        with suppress(NotStored):
            _remove_bytes(service, digest)


def _remove_bytes(service: Service, sha256: str) -> bool:
    """Remove bytes, unless a case has handed them in (again meanwhile)."""

    def is_held() -> bool:
        with service.store.read() as db:
            return not retention.unheld(db, [sha256])

    return service.vault.remove(sha256, unless=is_held)
