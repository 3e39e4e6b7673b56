"""The audit log over HTTP: pages for people, the whole of it as a file, a signed checkpoint, and its verification.

Administrators see all of it, members of a case what belongs to the case. Whoever reads is in the log, too.
"""

from __future__ import annotations

import errno
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from service.api.access import Administrator, Reader
from service.api.answers import refusals
from service.api.conditional import Part, disposition
from service.api.cursors import cursor_of, number_of
from service.api.schemas.audit import AuditEntry, AuditPage, AuditProblem, AuditVerdict
from service.api.schemas.common import CaseId, moment
from service.api.sending import FileResponse
from service.audit import log
from service.audit.actions import Action
from service.audit.checkpoint import make_checkpoint
from service.audit.entry import Damaged, Detail, Entry, begins
from service.audit.export import export
from service.audit.verify import verify
from service.problems import StorageFull, Unavailable
from service.state import Service, TheService
from service.store.cases import case_of
from service.store.keys import Caller, list_people

router = APIRouter(prefix="/v1", tags=["audit"])

_LINES = "application/x-ndjson"
_DEFAULT_SECONDS, _MAX_SECONDS = 30, 300
"""Verifying a million entries takes some 25 seconds, measured on one core; proxies wait a minute (nginx's default)."""
_RETRY_SECONDS = 60

Cursor = Annotated[str | None, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=500)]
T = TypeVar("T")


@router.get("/audit", responses=refusals())
def list_entries(
    service: TheService,
    caller: Administrator,
    case: Annotated[str | None, Query(pattern="^case_[0-9a-f]{32}$")] = None,
    person: Annotated[str | None, Query(pattern="^person_[0-9a-f]{32}$")] = None,
    action: Action | Literal["log_created"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> AuditPage:
    """List who did what, the newest first."""
    wanted = log.Wanted(case_id=case, person_id=person, action=action)
    asked: dict[str, Detail] = {"case": case, "person": person, "action": action}
    return _page(service, caller, wanted, cursor, limit, {name: value for name, value in asked.items() if value})


@router.get("/cases/{case}/audit", responses=refusals(404))
def list_entries_of_case(
    service: TheService, caller: Reader, case: CaseId, cursor: Cursor = None, limit: Limit = 100
) -> AuditPage:
    """List who did what in a case, the newest first; for its members."""
    return _page(service, caller, log.Wanted(case_id=case), cursor, limit, {}, case_id=case)


@router.get(
    "/audit.jsonl",
    response_class=Response,
    responses={
        200: {"description": "The log", "content": {_LINES: {"schema": {"type": "string", "format": "binary"}}}},
        **refusals(507),
    },
)
def export_log(service: TheService, caller: Administrator) -> Response:
    """Give the whole log, one entry a line, for `unmask audit verify FILE`."""
    _record(service, caller, {"form": "export"})
    with ExitStack() as stack:
        # By way of the disk: a client that reads slowly must not hold a transaction open, under which nothing that
        # is written to the database can be folded into it (SQLite, "Write-Ahead Logging", 6).
        file = stack.enter_context(tempfile.TemporaryFile(dir=service.settings.data))
        try:
            with service.store.read() as db:
                file.writelines(export(db))
            num_bytes = file.tell()
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFull("No room for the export.", retry_after_seconds=_RETRY_SECONDS) from error
            raise
        headers = {"Content-Type": _LINES, "Content-Disposition": disposition("attachment", "audit.jsonl")}
        response = FileResponse(file, Part(0, num_bytes), 200, headers)
        stack.pop_all()  # the answer closes it
        return response


@router.get(
    "/audit/checkpoint",
    response_class=Response,
    responses={200: {"description": "The checkpoint", "content": {"text/plain": {}}}, **refusals()},
)
def give_checkpoint(service: TheService, caller: Administrator) -> Response:
    """Sign where the log stands. Keep it where nobody who can write to the database can write."""

    def step(db: Connection) -> tuple[bytes, int]:
        service.record(db, caller, "checkpoint", service.signing_key.fingerprint)
        first, last = log.first(db), log.head(db)
        if not isinstance(first, Entry) or not begins(first) or not isinstance(last, Entry):
            raise Unavailable("The log has no beginning, or no end.", retry_after_seconds=_RETRY_SECONDS)
        mark = make_checkpoint(first.object, last, service.signing_key, now=service.store.now(db))
        return mark.encode(), mark.seq

    # Delivered when it is committed: one of an entry that came to nothing would speak against the log for ever.
    data, seq = service.store.repeat(step)
    shown = disposition("attachment", f"audit-{seq}.checkpoint")
    return Response(data, headers={"Content-Disposition": shown}, media_type="text/plain; charset=utf-8")


@router.get("/audit/verify", responses=refusals())
def verify_log(
    service: TheService,
    caller: Administrator,
    seconds: Annotated[int, Query(ge=1, le=_MAX_SECONDS)] = _DEFAULT_SECONDS,
) -> AuditVerdict:
    """Follow the log from its beginning, for so long at most, and say whether it is what was written.

    What was cut off at its end, or made anew as a whole, only a checkpoint that was kept elsewhere shows:
    `unmask audit verify --checkpoint`. Neither can a service that somebody has changed be asked about itself.
    """
    _record(service, caller, {"form": "verify"})
    with service.store.read() as db:
        within = Within(seconds)
        verdict = verify(within.take(log.entries(db)))
    return AuditVerdict(
        good=verdict.good,
        complete=not within.time_is_up,
        log=verdict.log,
        num_entries=verdict.num_entries,
        digest=verdict.digest,
        problems=[
            AuditProblem(kind=problem.kind, entry=problem.index, why=problem.why) for problem in verdict.problems
        ],
        remarks=list(verdict.remarks),
    )


class Within:
    """Gives out what there is until the time is up."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.time_is_up = False

    def take(self, items: Iterable[T]) -> Iterator[T]:
        """Each of them, in time."""
        for item in items:
            if time.monotonic() >= self._until:
                self.time_is_up = True
                return
            yield item


def _record(service: Service, caller: Caller, details: dict[str, Detail], *, case_id: str | None = None) -> None:
    """Write down that somebody reads the log, before he does."""
    service.store.repeat(
        lambda db: service.record(db, caller, "audit_read", case_id or "log", case_id=case_id, details=details)
    )


def _page(
    service: Service,
    caller: Caller,
    wanted: log.Wanted,
    cursor: str | None,
    limit: int,
    asked: dict[str, Detail],
    *,
    case_id: str | None = None,
) -> AuditPage:
    before = None if cursor is None else number_of(cursor)

    with service.store.read() as db:
        if case_id is not None:
            case_of(db, case_id, caller.person_id)
        found = log.newest(db, wanted, before=before, limit=limit + 1)
        names = {row.id: row.name for row in list_people(db)}
    _record(service, caller, asked, case_id=case_id)
    page = found[:limit]
    return AuditPage(
        entries=[_entry(seq, line, names) for seq, line in page],
        next=cursor_of(page[-1][0]) if len(found) > limit else None,
    )


def _entry(seq: int, line: Entry | Damaged, names: dict[str, str]) -> AuditEntry:
    if isinstance(line, Damaged):
        return AuditEntry(
            seq=seq, at=None, person=None, person_name=None, key=None, action="", object="", case=None, details={},
            digest="", damaged=line.why,
        )  # fmt: skip
    return AuditEntry(
        seq=seq,
        at=_moment(line.at),
        person=line.person_id,
        person_name=names.get(line.person_id or ""),
        key=line.key_id,
        action=line.action,
        object=line.object,
        case=line.case_id,
        details=line.facts,
        digest=line.digest,
    )


def _moment(seconds: float) -> datetime | None:
    """A time, unless whoever put it there chose one that no calendar has."""
    try:
        return moment(seconds)
    except (OverflowError, ValueError):
        return None
