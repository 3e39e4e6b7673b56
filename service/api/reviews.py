"""Review: people conclude, each for himself first. See `service.store.reviews` for the rules, and why."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from sqlalchemy import Connection

from detect.report import Body
from service.api.access import Reviewer
from service.api.answers import refusals
from service.api.playing import flag_llr, is_flagged
from service.api.schemas.common import CaseId, JobId, moment
from service.api.schemas.reviews import (
    Disagreement,
    Disagreements,
    NewReview,
    Position,
    Review,
    SubjectReviews,
)
from service.api.strict import StrictRoute
from service.problems import Malformed
from service.reading import ended_job, report_of
from service.state import Service, TheService
from service.store import reviews as store
from service.store.cases import case_of, open_case_of
from service.store.events import add_event
from service.store.keys import Caller
from service.store.queue import result_of
from service.store.row import AnyRow

router = APIRouter(prefix="/v1", tags=["review"], route_class=StrictRoute)

RECORDING = "recording"


@router.get("/jobs/{job}/reviews", responses=refusals(404, 409, 410))
def list_reviews(service: TheService, caller: Reviewer, job: JobId) -> list[SubjectReviews]:
    """List the subjects of a job, and what was concluded of those on which you have concluded yourself."""
    with service.store.read() as db:
        row = ended_job(db, job, caller.person_id)
    flags = _flags(service, row)

    def look(db: Connection) -> list[store.Subject]:
        ended_job(db, job, caller.person_id)
        found = store.subjects_of_job(db, job)
        service.record(db, caller, "review_read", job, case_id=row.case_id)
        return found

    found = {subject.name: subject for subject in service.store.repeat(look)}
    return [_view(name, flags.get(name), found.get(name), caller) for name in dict.fromkeys([*flags, *found])]


@router.post("/jobs/{job}/reviews", status_code=201, responses=refusals(404, 409, 410))
def conclude(service: TheService, caller: Reviewer, job: JobId, asked: NewReview) -> SubjectReviews:
    """Say what you conclude of a subject; what others concluded of it is shown after that.

    Nothing is replaced: whoever changes his mind says so again, and both stay.
    """
    with service.store.read() as db:
        row = ended_job(db, job, caller.person_id)
    flags = _flags(service, row)
    if asked.subject not in flags:
        raise Malformed("The report has no such subject.")
    concluded = store.Concluded(
        job_id=job,
        subject=asked.subject,
        person_id=caller.person_id,
        conclusion=asked.conclusion,
        reasons=asked.reasons,
        flagged=flags[asked.subject],
    )

    def step(db: Connection) -> list[store.Subject]:
        ended_job(db, job, caller.person_id)
        open_case_of(db, row.case_id, caller.person_id)
        now = service.store.now(db)
        review = store.add_review(db, concluded, now=now)
        # Neither the event nor the log has the conclusion: other members of the case, who are to be blind, read both.
        add_event(db, "reviewed", row.case_id, job, {"subject": asked.subject}, now=now)
        found = store.subjects_of_job(db, job)
        service.record(
            db, caller, "review", review, case_id=row.case_id, details={"job": job, "subject": asked.subject}
        )
        return found

    (found,) = (subject for subject in service.store.repeat(step) if subject.name == asked.subject)
    return _view(asked.subject, flags[asked.subject], found, caller)


@router.get("/cases/{case}/disagreements", responses=refusals(404))
def list_disagreements(service: TheService, caller: Reviewer, case: CaseId) -> Disagreements:
    """List subjects on which reviewers differ, or somebody differs from the machine, of those that you concluded on."""

    def look(db: Connection) -> list[store.Subject]:
        case_of(db, case, caller.person_id)
        found = store.subjects_of_case(db, case)
        service.record(db, caller, "review_read", case, case_id=case)
        return found

    found = service.store.repeat(look)
    shown = [subject for subject in found if subject.is_open_to(caller.person_id)]
    disagreements = [entry for subject in shown if (entry := _disagreement(subject)) is not None]
    return Disagreements(disagreements=disagreements, num_hidden=len(found) - len(shown))


def _flags(service: Service, row: AnyRow) -> dict[str, bool | None]:
    """The subjects of a job that has ended, and what the machine says of each."""
    if row.result is None or result_of(row.result).report is None:
        return {RECORDING: None}
    return machine_flags(report_of(service, row).report.body)


def machine_flags(body: Body) -> dict[str, bool | None]:
    """The recording, its faces and its voices, and whether the machine flags each; None where it says neither."""
    whole = next((finding for finding in body.findings if finding.subject == RECORDING), None)
    threshold = flag_llr(body)
    flags = {RECORDING: whole.flagged if whole is not None and whole.llr is not None else None}
    flags |= {track.id: is_flagged(track.scores, threshold) for track in body.tracks}
    return flags | {voice.id: is_flagged(voice.scores, threshold) for voice in body.voices}


def _view(name: str, flagged: bool | None, subject: store.Subject | None, caller: Caller) -> SubjectReviews:
    is_open = subject is not None and subject.is_open_to(caller.person_id)
    return SubjectReviews(
        subject=name,
        flagged=flagged,
        num_people=len(subject.latest) if subject is not None else 0,
        open=is_open,
        standing=subject.standing if subject is not None and is_open else None,
        reviews=[_review(given) for given in subject.given] if subject is not None and is_open else [],
    )


def _review(given: store.Given) -> Review:
    row = given.row
    return Review(
        id=row.id,
        person=row.person_id,
        person_name=row.person,
        conclusion=row.conclusion,
        reasons=row.reasons,
        at=moment(row.at),
        latest=given.latest,
        blind=given.blind,
        asked_himself=bool(row.asked_himself),
    )


def _disagreement(subject: store.Subject) -> Disagreement | None:
    last = subject.given[-1].row
    between: list[Literal["reviewers", "machine"]] = ["reviewers"] if subject.standing == "disputed" else []
    if subject.against_the_machine:
        between.append("machine")
    if not between:
        return None
    return Disagreement(
        job=subject.job_id,
        filename=last.filename,
        subject=subject.name,
        between=between,
        flagged=last.flagged,
        positions=[
            Position(
                person=given.row.person_id,
                person_name=given.row.person,
                conclusion=given.row.conclusion,
                blind=given.blind,
                at=moment(given.row.at),
            )
            for given in subject.latest
        ],
    )
