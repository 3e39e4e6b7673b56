"""Cases and their members: every object belongs to a case, a case to people, and to nobody else it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from service.problems import Conflict, NotFound
from service.store.ids import new_id
from service.store.row import AnyRow
from service.store.schema import analyses, cases, jobs, members, people


def add_case(
    db: Connection, name: str, reference: str, *, created_by: str, retention_days: int | None, now: float
) -> str:
    """A new case with its first member; returns the id."""
    case = new_id("case")
    db.execute(
        insert(cases).values(
            id=case,
            name=name,
            reference=reference,
            retention_days=retention_days,
            created_by=created_by,
            created_at=now,
        )
    )
    db.execute(insert(members).values(case_id=case, person_id=created_by, added_at=now))
    return case


def list_cases(db: Connection, person_id: str) -> Sequence[AnyRow]:
    """A person's cases, the newest first, each with the number of its jobs."""
    count = select(func.count()).where(jobs.c.case_id == cases.c.id, jobs.c.deleted_at.is_(None)).scalar_subquery()
    return db.execute(
        select(cases, count.label("num_jobs"))
        .join(members, members.c.case_id == cases.c.id)
        .where(members.c.person_id == person_id)
        .order_by(cases.c.created_at.desc(), cases.c.id)
    ).all()


def case_of(db: Connection, case_id: str, person_id: str) -> AnyRow:
    """A case, for one of its members.

    Raises:
        NotFound: there is none, or it is of others: nobody can tell which.
    """
    row = db.execute(
        select(cases)
        .join(members, members.c.case_id == cases.c.id)
        .where(cases.c.id == case_id, members.c.person_id == person_id)
    ).first()
    if row is None:
        raise NotFound("No such case.")
    return row


def open_case_of(db: Connection, case_id: str, person_id: str) -> AnyRow:
    """A case that takes new evidence.

    Raises:
        NotFound: as `case_of`.
        Conflict: it is closed.
    """
    row = case_of(db, case_id, person_id)
    if row.closed_at is not None:
        raise Conflict("The case is closed.")
    return row


def change_case(db: Connection, case_id: str, values: dict[str, Any]) -> None:
    """Set columns of a case."""
    db.execute(update(cases).where(cases.c.id == case_id).values(**values))


def list_members(db: Connection, case_id: str) -> Sequence[AnyRow]:
    """A case's people: `id`, `name`, `added_at`."""
    return db.execute(
        select(people.c.id, people.c.name, members.c.added_at)
        .join(members, members.c.person_id == people.c.id)
        .where(members.c.case_id == case_id)
        .order_by(members.c.added_at, people.c.id)
    ).all()


def add_member(db: Connection, case_id: str, person_id: str, *, now: float) -> None:
    """Let a person in.

    Raises:
        NotFound: there is no such person.
        Conflict: he is a member already.
    """
    if db.scalar(select(people.c.id).where(people.c.id == person_id)) is None:
        raise NotFound("No such person.")
    if _is_member(db, case_id, person_id):
        raise Conflict("Already a member of the case.")
    db.execute(insert(members).values(case_id=case_id, person_id=person_id, added_at=now))


def remove_member(db: Connection, case_id: str, person_id: str) -> None:
    """Shut a person out.

    Raises:
        NotFound: he is no member.
        Conflict: he is the last one; a case without members could be read by nobody.
    """
    if not _is_member(db, case_id, person_id):
        raise NotFound("No such member.")
    if db.scalar(select(func.count()).where(members.c.case_id == case_id)) == 1:
        raise Conflict("The last member of a case cannot be removed.")
    db.execute(delete(members).where(members.c.case_id == case_id, members.c.person_id == person_id))


def completeness(db: Connection, case_id: str) -> dict[str | None, int]:
    """How many of a case's jobs ended in which state; None for those that have not ended."""
    return {
        row.state: row.number
        for row in db.execute(
            select(analyses.c.state, func.count().label("number"))
            .join(jobs, jobs.c.analysis_seq == analyses.c.seq)
            .where(jobs.c.case_id == case_id, jobs.c.deleted_at.is_(None), jobs.c.cancelled_at.is_(None))
            .group_by(analyses.c.state)
        )
    }


def _is_member(db: Connection, case_id: str, person_id: str) -> bool:
    query = select(members.c.case_id).where(members.c.case_id == case_id, members.c.person_id == person_id)
    return db.execute(query).first() is not None
