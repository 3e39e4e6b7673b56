"""What people conclude of a result, subject by subject: beside what the machine says, and never in its place.

How it is done follows what forensic laboratories ask of a verification (ISO/IEC 17025:2017, 4.1 on impartiality and
7.8.1.1 on review before release; the ENFSI best practice manuals on verification by a second examiner):

- Nobody verifies himself. Conclusions count by person, whatever key they came with; whoever changes his mind adds a
  row, the old one stays, and he is still one person.
- The second comes to his own conclusion first. A conclusion of others on a subject is shown to whoever has given one
  on it, and to nobody else, whatever else he may do; that somebody has concluded is no secret.
- A conclusion is *blind* if its author could not have seen another person's on the subject. One that was changed after
  that agrees, perhaps, but verifies nothing.
- Whoever asked for the examination may conclude, as examiners do who receive their own cases, and it is shown that he
  is the one: he knows the story, and chose what to hand in. So he alone can verify nothing, as nobody alone can.
- Each conclusion has reasons. `inconclusive` and `not_examinable` are conclusions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Select, insert, select

from service.store.ids import new_id
from service.store.row import AnyRow
from service.store.schema import jobs, people, reviews

Conclusion = Literal[
    "manipulated", "probably_manipulated", "inconclusive", "probably_bona_fide", "bona_fide", "not_examinable"
]
Standing = Literal["single", "verified", "agreed", "disputed"]
"""`single`: of one person. `verified`: two or more came to the same, each blind. `agreed`: they say the same now, but
somebody knew of another when he said so. `disputed`: they differ."""

_MANIPULATED = frozenset({"manipulated", "probably_manipulated"})
_BONA_FIDE = frozenset({"probably_bona_fide", "bona_fide"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """A conclusion to be kept."""

    job_id: str
    subject: str
    person_id: str
    conclusion: Conclusion
    reasons: str
    flagged: bool | None
    """What the machine says of the subject; None where nothing calibrated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A conclusion in its place among the others."""

    row: AnyRow
    blind: bool
    """Whether its author could not have seen another person's on the subject."""
    latest: bool
    """Whether it is what he says now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Everything that was concluded of one subject of one job, in order."""

    job_id: str
    name: str
    given: tuple[Given, ...]

    def is_open_to(self, person_id: str) -> bool:
        """Whether a person has given his own, and so may see the others'."""
        return any(each.row.person_id == person_id for each in self.given)

    @property
    def latest(self) -> tuple[Given, ...]:
        """What each person says now."""
        return tuple(each for each in self.given if each.latest)

    @property
    def standing(self) -> Standing:
        """What it all amounts to."""
        latest = self.latest
        if len(latest) == 1:
            return "single"
        if len({each.row.conclusion for each in latest}) > 1:
            return "disputed"
        return "verified" if sum(each.blind for each in latest) > 1 else "agreed"

    @property
    def against_the_machine(self) -> bool:
        """Whether somebody says now what the machine's flag, as it was then, speaks against."""
        return any(
            (each.row.flagged is True and each.row.conclusion in _BONA_FIDE)
            or (each.row.flagged is False and each.row.conclusion in _MANIPULATED)
            for each in self.latest
        )


def add_review(db: Connection, concluded: Concluded, *, now: float) -> str:
    """Keep a conclusion; returns its id."""
    review = new_id("review")
    db.execute(
        insert(reviews).values(
            id=review,
            job_id=concluded.job_id,
            subject=concluded.subject,
            person_id=concluded.person_id,
            conclusion=concluded.conclusion,
            reasons=concluded.reasons,
            flagged=concluded.flagged,
            at=now,
        )
    )
    return review


def subjects_of_job(db: Connection, job_id: str) -> list[Subject]:
    """What was concluded of a job, by subject. Whom to show it, `Subject.is_open_to` says."""
    return _grouped(db.execute(_query().where(reviews.c.job_id == job_id)))


def subjects_of_case(db: Connection, case_id: str) -> list[Subject]:
    """What was concluded of the jobs of a case that were not deleted, see `subjects_of_job`."""
    return _grouped(db.execute(_query().where(jobs.c.case_id == case_id, jobs.c.deleted_at.is_(None))))


def _query() -> Select[tuple[object, ...]]:
    return (
        select(
            reviews,
            people.c.name.label("person"),
            jobs.c.filename,
            jobs.c.seq.label("job_seq"),
            (jobs.c.person_id == reviews.c.person_id).label("asked_himself"),
        )
        .join(people, people.c.id == reviews.c.person_id)
        .join(jobs, jobs.c.id == reviews.c.job_id)
        .order_by(jobs.c.seq.desc(), reviews.c.seq)
    )


def _grouped(rows: Iterable[AnyRow]) -> list[Subject]:
    groups: dict[tuple[str, str], list[AnyRow]] = {}
    for row in rows:
        groups.setdefault((row.job_id, row.subject), []).append(row)
    return [Subject(job_id=job, name=name, given=_placed(group)) for (job, name), group in groups.items()]


def _placed(rows: Sequence[AnyRow]) -> tuple[Given, ...]:
    """Rows of one subject, in order: a person's first was given blind, later ones only while he was alone."""
    given, before = [], list[str]()
    for place, row in enumerate(rows):
        alone = all(person == row.person_id for person in before)
        given.append(
            Given(
                row=row,
                blind=alone or row.person_id not in before,
                latest=all(later.person_id != row.person_id for later in rows[place + 1 :]),
            )
        )
        before.append(row.person_id)
    return tuple(given)
