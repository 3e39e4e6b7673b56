"""The audit log as it is given out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from service.api.schemas.common import Out


class AuditEntry(Out):
    """Who did what."""

    seq: int
    at: datetime | None
    person: str | None
    """Null: the service itself, or somebody who is not known."""
    person_name: str | None
    key: str | None
    action: str
    object: str
    """Id of what it was done to."""
    case: str | None
    details: dict[str, Any]
    digest: str
    damaged: str | None = None
    """Why what stands here is no entry, where it is none; then nothing else of it is known."""


class AuditPage(Out):
    """Some entries, the newest first."""

    entries: list[AuditEntry]
    next: str | None
    """To be sent as `cursor` for those that follow; null at the end."""


class AuditProblem(Out):
    """Something that is not as it was written."""

    kind: str
    entry: int | None
    """Number of the first entry concerned; null where it is a checkpoint that is wrong."""
    why: str


class AuditVerdict(Out):
    """What came of verifying the log."""

    good: bool
    """Nothing was found as far as it was looked at."""
    complete: bool
    """False where the time was up before the end."""
    log: str
    num_entries: int
    """Entries from the first on that are as they were written."""
    digest: str
    """Of the last of them: to be compared with a checkpoint that was kept elsewhere."""
    problems: list[AuditProblem]
    remarks: list[str]
    """What to know even where there is no problem."""
