"""A desk where recordings are handed in without HTTP: a person, a case, jobs, and queues over the database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, func, insert, select

from detect.types import ItemState
from pipelines.items import Lease, Result
from service.store import cases, endings, jobs, keys, setups
from service.store.database import Store
from service.store.queue import LIVE, Queue
from service.store.row import AnyRow
from service.store.schema import analyses, events, evidence
from service.store.schema import jobs as job_table

LONG = 600.0
"""Seconds of a lease that outlives its test."""


def setup(name: str = "one") -> setups.Setup:
    return setups.Setup(tool="unmask test", config_digest=name, config={}, models={"none": "0" * 64})


def dispatcher(owner: str, of: setups.Setup) -> setups.Dispatcher:
    return setups.Dispatcher(
        owner=owner, host="here", engine="local", device="cpu", num_workers=1, protections={"network": f"yes {of.id}"}
    )


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def result(state: ItemState = ItemState.EXAMINED, *, flagged: bool = False) -> Result:
    return Result(state=state, reason=None, message="done", flagged=flagged, llr=1.0, summary={"findings": []})


def queue(store: Store, of: setups.Setup | None = None) -> Queue:
    return Queue(
        store,
        (of or setup()).id,
        place=lambda sha256: Path("/evidence") / sha256,
        on_begin=endings.began,
        on_end=endings.ended(lambda _case: []),
    )


@dataclass
class Desk:
    """A person with a case; `hand_in` makes a job of a recording with the given content."""

    store: Store
    owner: str = "nobody"
    person: str = ""
    case: str = ""
    given: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.store.write() as db:
            now = self.store.now(db)
            self.person = keys.add_person(db, "somebody", now=now)
            self.case = self.add_case(db)
        self.announce(setup(), self.owner)

    def add_case(self, db: Connection) -> str:
        now = self.store.now(db)
        return cases.add_case(db, "a case", "", created_by=self.person, retention_days=None, now=now)

    def announce(self, of: setups.Setup, owner: str, *, ago: float = 0.0) -> None:
        """A dispatcher begins, or has begun some time ago and was not heard of since."""
        with self.store.write() as db:
            setups.announce(db, of, dispatcher(owner, of), now=self.store.now(db) - ago)

    def hand_in(self, content: str, *, priority: int = LIVE, case: str | None = None) -> str:
        """A new job."""

        def step(db: Connection) -> str:
            now = self.store.now(db)
            of = jobs.add_evidence(db, case or self.case, digest(content), len(content), now=now)
            asked = jobs.Asked(
                case_id=case or self.case,
                person_id=self.person,
                evidence_id=of,
                filename=f"{content}.mov",
                priority=priority,
            )
            return jobs.add_job(db, asked, now=now)

        self.given.append(self.store.repeat(step))
        return self.given[-1]

    def many(self, count: int, *, priority: int) -> None:
        """Examinations to do, put in at once; no jobs."""
        with self.store.write() as db:
            now, of = self.store.now(db), setup().id
            rows = [(f"evidence_{number:032x}", digest(f"{number}")) for number in range(count)]
            db.execute(
                insert(evidence),
                [
                    {"id": id_, "case_id": self.case, "sha256": sha256, "num_bytes": 1, "received_at": now}
                    for id_, sha256 in rows
                ],
            )
            common = {"setup_id": of, "priority": priority, "message": "", "flagged": False, "created_at": now}
            common |= {"leases": 0, "charged": 0, "orphaned": 0}
            db.execute(insert(analyses), [common | {"evidence_id": id_} for id_, _ in rows])

    def job(self, job: str) -> AnyRow:
        with self.store.read() as db:
            return jobs.job_of(db, job, self.person)

    def status(self, job: str) -> str:
        return jobs.status_of(self.job(job))

    def state(self, job: str) -> str | None:
        return str(self.job(job).state) if self.job(job).state is not None else None

    def cancel(self, job: str) -> None:
        with self.store.write() as db:
            jobs.cancel(db, jobs.job_of(db, job, self.person), now=self.store.now(db))

    def kinds(self, job: str) -> list[str]:
        """What happened to a job."""
        with self.store.read() as db:
            return list(db.scalars(select(events.c.kind).where(events.c.job_id == job).order_by(events.c.seq)))

    def charged(self, job: str) -> int:
        """Attempts charged to a job's examination."""
        with self.store.read() as db:
            query = select(analyses.c.charged).join(job_table, job_table.c.analysis_seq == analyses.c.seq)
            return int(db.scalar(query.where(job_table.c.id == job)) or 0)

    def num_examinations(self) -> int:
        with self.store.read() as db:
            return int(db.scalar(select(func.count()).select_from(analyses)) or 0)


def leased(of: Queue, owner: str = "a", limit: int = 100, seconds: float = LONG) -> list[Lease]:
    return of.lease(owner, limit, seconds)
