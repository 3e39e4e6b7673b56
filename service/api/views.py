"""Rows of the database as the interface gives them out."""

from __future__ import annotations

import json
from typing import get_args

from pipelines.telling import how_far
from service.api.schemas.common import maybe_moment, moment
from service.api.schemas.jobs import Finding, Job, Models, Outcome, Priority
from service.state import Service
from service.store.jobs import status_of
from service.store.queue import BATCH, LIVE, result_of
from service.store.row import AnyRow

PRIORITIES: dict[int, Priority] = {LIVE: "live", BATCH: "batch"}
NUMBERS = {word: number for number, word in PRIORITIES.items()}
assert set(NUMBERS) == set(get_args(Priority))  # noqa: S101 - two lists of the same thing


def job_view(service: Service, row: AnyRow) -> Job:
    """A job."""
    status = status_of(row)
    done = status == "done"
    result = result_of(row.result) if done and row.result is not None else None
    summary = result.summary if result is not None else {}
    return Job(
        id=row.id,
        case=row.case_id,
        person=row.person_id,
        person_name=row.person,
        filename=row.filename,
        sha256=row.sha256,
        num_bytes=row.num_bytes,
        evidence=row.evidence_id,
        priority=PRIORITIES[row.priority],
        status=status,
        state=row.state if done else None,
        reason=row.reason if done else None,
        message=row.message if done else "",
        flagged=done and row.flagged,
        llr=result.llr if result is not None else None,
        findings=[Finding(**finding) for finding in summary.get("findings", ())],
        media=summary.get("media"),
        duration_seconds=summary.get("duration_seconds"),
        progress=dict(how_far(service.settings.progress, row.analysis_seq)) if status == "running" else {},
        models=Models(tool=row.tool, config_digest=row.config_digest, checkpoints=json.loads(row.models)),
        supersedes=row.supersedes,
        superseded_by=row.superseded_by,
        created_at=moment(row.created_at),
        started_at=maybe_moment(row.started_at),
        finished_at=maybe_moment(row.finished_at) if done else None,
    )


def outcome_view(data: dict[str, object]) -> Outcome:
    """How an examination ended, out of an event or a notice."""
    return Outcome.model_validate(data)
