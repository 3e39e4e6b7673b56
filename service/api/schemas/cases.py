"""Cases, people and keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from service.api.schemas.common import In, Line, MaybeLine, Out
from service.store.keys import Scope


class NewCase(In):
    """A case to open."""

    name: Line = Field(examples=["Interview of 3 March"])
    reference: MaybeLine = ""
    """Your own file number."""
    retention_days: int | None = Field(default=None, ge=1, le=36_500)
    """Jobs and evidence are deleted so long after they were handed in; null takes the service's setting."""


class CaseChange(In):
    """What to change of a case; what is not named stays."""

    name: Line | None = None
    reference: MaybeLine | None = None
    retention_days: int | None = Field(default=None, ge=1, le=36_500)
    closed: bool | None = None
    """A closed case takes no new evidence."""


class Member(Out):
    """Somebody who works on a case."""

    person: str
    name: str
    since: datetime


class Case(Out):
    """A case."""

    id: str
    name: str
    reference: str
    retention_days: int | None
    created_at: datetime
    closed_at: datetime | None
    num_jobs: int | None = None
    """Not deleted ones; in lists only."""


class CaseView(Case):
    """A case, with its people and how complete it is."""

    members: list[Member]
    states: dict[str, int]
    """How many jobs ended in which state; `open` are those that have not ended."""


class NewMember(In):
    """Somebody to let in."""

    person: Annotated[str, Field(pattern=r"^person_[0-9a-f]{32}$")]


class NewPerson(In):
    """Somebody who may be given keys."""

    name: Line = Field(examples=["Ada Lovelace"])


class Person(Out):
    """Somebody who works with the service."""

    id: str
    name: str
    created_at: datetime


class NewKey(In):
    """A key to make."""

    person: Annotated[str, Field(pattern=r"^person_[0-9a-f]{32}$")]
    label: Line = Field(examples=["laptop"])
    scopes: list[Scope] = Field(min_length=1, max_length=4)
    days: int | None = Field(default=None, ge=1, le=3_650)
    """Valid for so long; null does not expire."""
    requests_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    quota_bytes: int | None = Field(default=None, ge=0, le=2**60)
    """Evidence in 24 hours."""


class Key(Out):
    """An API key, without its secret."""

    id: str
    person: str
    name: str
    label: str
    scopes: list[Scope]
    requests_per_minute: int
    quota_bytes: int
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class FreshKey(Key):
    """A key that was just made."""

    secret: str
    """Shown once."""


class Me(Out):
    """Who you are here."""

    person: str
    name: str
    scopes: list[Scope]
    via: Literal["key", "session", "identity_provider"]
    csrf_token: str | None = None
    """To be sent as `X-CSRF-Token` with changing requests of a browser's session."""
