"""Cases and their people."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service.api.access import Administrator, Submitter, TheCaller
from service.api.answers import refusals
from service.api.schemas.cases import Case, CaseChange, CaseView, Me, Member, NewCase, NewMember, NewPerson, Person
from service.api.schemas.common import CaseId, PersonId, maybe_moment, moment
from service.api.strict import StrictRoute
from service.state import TheService
from service.store import cases as store
from service.store import keys
from service.store.row import AnyRow

router = APIRouter(prefix="/v1", route_class=StrictRoute)


@router.get("/me", tags=["people"], responses=refusals())
def read_me(caller: TheCaller) -> Me:
    """Say who is asking, and what the key may be used for."""
    return Me(
        person=caller.person_id,
        name=caller.name,
        scopes=sorted(caller.scopes),
        via="identity_provider" if caller.key_id is None else "session" if caller.csrf else "key",
        csrf_token=caller.csrf,
    )


@router.get("/people", tags=["people"], responses=refusals())
def list_people(service: TheService, caller: Submitter) -> list[Person]:
    """List everybody who may be given keys."""
    del caller
    with service.store.read() as db:
        rows = keys.list_people(db)
    return [Person(id=row.id, name=row.name, created_at=moment(row.created_at)) for row in rows]


@router.post("/people", tags=["people"], status_code=201, responses=refusals())
def add_person(service: TheService, caller: Administrator, asked: NewPerson) -> Person:
    """Add somebody."""
    with service.store.write() as db:
        now = service.store.now(db)
        person = keys.add_person(db, asked.name, now=now)
        service.record(db, caller, "person_created", person)
    return Person(id=person, name=asked.name, created_at=moment(now))


@router.get("/cases", tags=["cases"], responses=refusals())
def list_cases(service: TheService, caller: TheCaller) -> list[Case]:
    """List your cases, the newest first."""
    with service.store.read() as db:
        rows = store.list_cases(db, caller.person_id)
    return [_case(row, num_jobs=row.num_jobs) for row in rows]


@router.post("/cases", tags=["cases"], status_code=201, responses=refusals())
def open_case(service: TheService, caller: Submitter, asked: NewCase, response: Response) -> CaseView:
    """Open a case; you are its first member."""
    with service.store.write() as db:
        case = store.add_case(
            db,
            asked.name,
            asked.reference,
            created_by=caller.person_id,
            retention_days=asked.retention_days,
            now=service.store.now(db),
        )
        service.record(db, caller, "case_created", case, case_id=case)
    response.headers["Location"] = f"/v1/cases/{case}"
    return read_case(service, caller, case)


@router.get("/cases/{case}", tags=["cases"], responses=refusals(404))
def read_case(service: TheService, caller: TheCaller, case: CaseId) -> CaseView:
    """Show a case, its people, and how complete it is."""
    with service.store.read() as db:
        row = store.case_of(db, case, caller.person_id)
        people = store.list_members(db, case)
        states = store.completeness(db, case)
    return CaseView(
        **_case(row).model_dump(),
        members=[Member(person=row.id, name=row.name, since=moment(row.added_at)) for row in people],
        states={state or "open": number for state, number in states.items()},
    )


@router.patch("/cases/{case}", tags=["cases"], responses=refusals(404, 409))
def change_case(service: TheService, caller: Submitter, case: CaseId, asked: CaseChange) -> CaseView:
    """Change a case, close it, or open it again."""
    with service.store.write() as db:
        store.case_of(db, case, caller.person_id)
        values = asked.model_dump(exclude_unset=True)
        values = {name: value for name, value in values.items() if value is not None or name == "retention_days"}
        if (closed := values.pop("closed", None)) is not None:
            values["closed_at"] = service.store.now(db) if closed else None
        if values:
            store.change_case(db, case, values)
            service.record(
                db, caller, "case_changed", case, case_id=case, details={"fields": sorted(values)}
            )  # fmt: skip
    return read_case(service, caller, case)


@router.post("/cases/{case}/members", tags=["cases"], status_code=204, responses=refusals(404, 409))
def add_member(service: TheService, caller: Submitter, case: CaseId, asked: NewMember) -> None:
    """Let somebody work on a case."""
    with service.store.write() as db:
        store.case_of(db, case, caller.person_id)
        store.add_member(db, case, asked.person, now=service.store.now(db))
        service.record(db, caller, "member_added", asked.person, case_id=case)


@router.delete("/cases/{case}/members/{person}", tags=["cases"], status_code=204, responses=refusals(404, 409))
def remove_member(service: TheService, caller: Submitter, case: CaseId, person: PersonId) -> None:
    """Let somebody work on a case no longer."""
    with service.store.write() as db:
        store.case_of(db, case, caller.person_id)
        store.remove_member(db, case, person)
        service.record(db, caller, "member_removed", person, case_id=case)


def _case(row: AnyRow, *, num_jobs: int | None = None) -> Case:
    return Case(
        id=row.id,
        name=row.name,
        reference=row.reference,
        retention_days=row.retention_days,
        created_at=moment(row.created_at),
        closed_at=maybe_moment(row.closed_at),
        num_jobs=num_jobs,
    )
