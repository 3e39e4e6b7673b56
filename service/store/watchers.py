"""What people who watch may see at this moment, asked for all of them at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from service.store.row import AnyRow
from service.store.schema import analyses, api_keys, jobs, members, sessions


def cases_of(db: Connection, person_id: str) -> frozenset[str]:
    """The cases that a person is a member of."""
    return frozenset(db.scalars(select(members.c.case_id).where(members.c.person_id == person_id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who may see what."""

    cases: Mapping[str, frozenset[str]]
    """Person to the cases that he is a member of."""
    keys: frozenset[str]
    """Those that are valid, of the ones asked about."""
    sessions: frozenset[str]
    """Likewise, by digest."""


def standing(
    db: Connection, people: Collection[str], keys: Collection[str], session_digests: Collection[str], *, now: float
) -> Standing:
    """How it stands with people, their keys and their sessions."""
    cases: dict[str, set[str]] = {person: set() for person in people}
    for row in db.execute(select(members.c.person_id, members.c.case_id).where(members.c.person_id.in_(people))):
        cases[row.person_id].add(row.case_id)
    valid = select(api_keys.c.id).where(
        api_keys.c.id.in_(keys),
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
    )
    begun = select(sessions.c.digest).where(sessions.c.digest.in_(session_digests), sessions.c.expires_at > now)
    return Standing(
        cases={person: frozenset(found) for person, found in cases.items()},
        keys=frozenset(db.scalars(valid)),
        sessions=frozenset(db.scalars(begun)),
    )


def running_jobs(db: Connection) -> list[AnyRow]:
    """Jobs that are being examined: `id`, `case_id`, `analysis_seq`."""
    return list(
        db.execute(
            select(jobs.c.id, jobs.c.case_id, jobs.c.analysis_seq)
            .join(analyses, analyses.c.seq == jobs.c.analysis_seq)
            .where(
                analyses.c.owner.is_not(None),
                analyses.c.state.is_(None),
                jobs.c.cancelled_at.is_(None),
                jobs.c.deleted_at.is_(None),
            )
        )
    )
