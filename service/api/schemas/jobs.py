"""Jobs, as they are asked for and given."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from detect.types import ItemState
from service.api.schemas.common import In, MaybeLine, Out
from service.store.jobs import JobStatus

Priority = Literal["live", "batch"]


class NewJob(In):
    """A job on evidence that is here already."""

    evidence: Annotated[str, Field(pattern=r"^evidence_[0-9a-f]{32}$")]
    filename: MaybeLine = ""
    """What to call it; empty takes the name it was handed in under."""
    priority: Priority = "live"


class Rescore(In):
    """A job on the evidence of another, with the checkpoints and settings of now."""

    priority: Priority = "live"


class Deletion(In):
    """Why a job is deleted."""

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class Finding(Out):
    """What was found on one question."""

    subject: str
    """`face`, `voice` or `recording`."""
    status: str
    """`calibrated`, `uncalibrated` or `not_scored`."""
    llr: float | None
    """Natural log of the likelihood ratio; positive supports manipulation."""
    verbal: str | None
    flagged: bool


class Models(Out):
    """What a result was, or will be, made with."""

    tool: str
    config_digest: str
    checkpoints: dict[str, str]
    """Name to SHA-256."""


class Job(Out):
    """A recording that was handed in, and what became of it."""

    id: str
    case: str
    person: str
    """Who asked."""
    person_name: str
    filename: str
    sha256: str
    num_bytes: int
    evidence: str
    priority: Priority
    status: JobStatus
    state: ItemState | None
    """How the examination ended; null until it has."""
    reason: str | None
    message: str
    """One sentence for a person."""
    flagged: bool
    llr: float | None
    """Of the whole recording."""
    findings: list[Finding]
    media: str | None
    duration_seconds: float | None
    progress: dict[str, float]
    """While it runs: branch to the fraction that is done."""
    models: Models
    supersedes: str | None
    """The job whose result this one is the newer of."""
    superseded_by: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobPage(Out):
    """Some jobs, the newest first."""

    jobs: list[Job]
    next: str | None
    """To be sent as `cursor` for those that follow; null at the end."""


class Notice(Out):
    """Something that you are to know."""

    id: str
    kind: Literal["result_changed"]
    case: str
    job: str
    earlier_job: str
    was: Outcome
    now: Outcome
    at: datetime
    seen_at: datetime | None


class Outcome(Out):
    """How an examination ended."""

    state: ItemState
    reason: str | None
    flagged: bool


Notice.model_rebuild()
