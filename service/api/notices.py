"""Notices: what a person is to know that happened while he was not looking."""

from __future__ import annotations

import json

from fastapi import APIRouter

from service.api.access import Reader
from service.api.answers import refusals
from service.api.schemas.common import NoticeId, maybe_moment, moment
from service.api.schemas.jobs import Notice
from service.api.strict import StrictRoute
from service.api.views import outcome_view
from service.state import TheService
from service.store import events as store
from service.store.row import AnyRow
from service.store.watchers import cases_of

router = APIRouter(prefix="/v1/notices", tags=["watching"], route_class=StrictRoute)


@router.get("", responses=refusals())
def list_notices(service: TheService, caller: Reader, unseen: bool = False) -> list[Notice]:
    """List what you are to know, the newest first: results that you had read, and that now say something else."""
    with service.store.read() as db:
        rows = store.list_notices(db, caller.person_id, cases_of(db, caller.person_id), unseen=unseen)
    return [_view(row) for row in rows]


@router.post("/{notice}/seen", status_code=204, responses=refusals(404))
def mark_seen(service: TheService, caller: Reader, notice: NoticeId) -> None:
    """Say that you have taken note."""
    with service.store.write() as db:
        store.mark_seen(db, notice, caller.person_id, now=service.store.now(db))


def _view(row: AnyRow) -> Notice:
    data = json.loads(row.data)
    return Notice(
        id=row.id,
        kind=row.kind,
        case=row.case_id,
        job=row.job_id,
        earlier_job=data["earlier_job"],
        was=outcome_view(data["was"]),
        now=outcome_view(data["is"]),
        at=moment(row.at),
        seen_at=maybe_moment(row.seen_at),
    )
