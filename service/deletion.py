"""Deleting: the row of a job stays as the record, its result and evidence go when nobody else holds them."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, select

from service.state import Service
from service.store import jobs as store
from service.store.keys import Caller
from service.store.queue import result_of
from service.store.row import AnyRow
from service.store.schema import evidence
from service.vault.errors import NotStored


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
    leftovers = _Leftovers()
    with service.store.write() as db:
        row = store.job_of(db, job_id, caller.person_id)
        _delete(service, db, row, caller.person_id, reason, leftovers)
        details = {"reason": reason[:500], "sha256": row.sha256, "purged": bool(leftovers.digests)}
        service.record(db, caller, "job_deleted", job_id, case_id=row.case_id, details=details)
    _remove(service, leftovers)


def _delete(service: Service, db: Connection, row: AnyRow, by: str, reason: str, leftovers: _Leftovers) -> None:
    now = service.store.now(db)
    if store.mark_deleted(db, row, by, reason, now=now):
        result = result_of(row.result) if row.result is not None else None
        if result is not None and result.report is not None:
            leftovers.folders.append(service.settings.results / result.report)
        store.forget_result(db, row.analysis_seq, now=now)
    sha256 = store.purge_evidence(db, row.evidence_id, now=now)
    if sha256 is not None:
        leftovers.digests.append(sha256)


def _remove(service: Service, leftovers: _Leftovers) -> None:
    """Nothing is lost where this is cut off: the next purge finds what nobody holds."""
    for folder in leftovers.folders:
        shutil.rmtree(folder, ignore_errors=True)
    for digest in leftovers.digests:
        with suppress(NotStored):
            service.vault.remove(digest, unless=lambda digest=digest: _held(service, digest))  # type: ignore[misc]


def _held(service: Service, sha256: str) -> bool:
    """Whether a case has handed the same in again meanwhile."""
    with service.store.read() as db:
        query = select(evidence.c.id).where(evidence.c.sha256 == sha256, evidence.c.purged_at.is_(None))
        return db.execute(query.limit(1)).first() is not None
