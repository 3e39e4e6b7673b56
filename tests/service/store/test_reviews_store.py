"""Conclusions and the audit log's pages, as both kinds of database keep them."""

from __future__ import annotations

from sqlalchemy import insert, update

from service.audit import log
from service.audit.entry import Entry
from service.store import cases, jobs, keys, reviews, setups
from service.store.database import Store
from service.store.schema import audit

SETUP = setups.Setup(tool="unmask test", config_digest="0" * 64, config={}, models={})


def _job(store: Store) -> tuple[str, str, list[str]]:
    """A job; returns its case, its id, and two people, the first of whom asked for it."""
    dispatcher = setups.Dispatcher(
        owner="nobody", host="nowhere", engine="local", device="cpu", num_workers=1, protections={}
    )
    with store.write() as db:
        now = store.now(db)
        setups.announce(db, SETUP, dispatcher, now=now)
        people = [keys.add_person(db, name, now=now) for name in ("Ada", "Bob")]
        case = cases.add_case(db, "harbour", "", created_by=people[0], retention_days=None, now=now)
        evidence = jobs.add_evidence(db, case, "0" * 64, 1, now=now)
        asked = jobs.Asked(case_id=case, person_id=people[0], evidence_id=evidence, filename="a.mp4", priority=0)
        return case, jobs.add_job(db, asked, now=now), people


def test_conclusions_stay_in_order_with_what_the_machine_had_said(store: Store) -> None:
    case, job, (ada, bob) = _job(store)
    said: list[tuple[str, reviews.Conclusion, bool | None]] = [
        (ada, "manipulated", None),
        (bob, "bona_fide", True),
        (bob, "manipulated", True),
    ]
    with store.write() as db:
        for person, conclusion, flagged in said:
            concluded = reviews.Concluded(
                job_id=job, subject="face-1", person_id=person, conclusion=conclusion, reasons="-", flagged=flagged
            )
            reviews.add_review(db, concluded, now=store.now(db))
    with store.read() as db:
        (subject,) = reviews.subjects_of_case(db, case)
        assert reviews.subjects_of_job(db, job) == [subject]
    assert [(each.row.conclusion, each.row.flagged, bool(each.row.asked_himself)) for each in subject.given] == [
        ("manipulated", None, True), ("bona_fide", True, False), ("manipulated", True, False),
    ]  # fmt: skip
    assert [(each.blind, each.latest) for each in subject.given] == [(True, True), (True, False), (False, True)]
    assert (subject.standing, subject.against_the_machine) == ("agreed", False)
    assert [subject.is_open_to(person) for person in (ada, bob, "person_0")] == [True, True, False]


def test_pages_of_the_log_have_what_was_asked_for_and_custody_what_is_sound(store: Store) -> None:
    case, job, (ada, _) = _job(store)
    with store.write() as db:
        for number in range(6):
            log.record(db, now=store.now(db), action="media", object=f"{number}", person_id=ada, case_id=case)
        log.record(db, now=store.now(db), action="export", object=job, case_id=case)
        log.record(db, now=store.now(db), action="audit_read", object="log")
    with store.read() as db:
        wanted = log.Wanted(case_id=case, person_id=ada, action="media")
        first = log.newest(db, wanted, before=None, limit=4)
        rest = log.newest(db, wanted, before=first[-1][0], limit=4)
        assert [line.object for _, line in (*first, *rest) if isinstance(line, Entry)] == ["5", "4", "3", "2", "1", "0"]
        assert [seq for seq, _ in log.newest(db, log.Wanted(), before=None, limit=2)] == [9, 8]
        assert [entry.action for entry in log.entries_of(db, case, (job, "3"))] == ["media", "export"]
    with store.write() as db:
        db.execute(update(audit).where(audit.c.object == "3").values(action="review"))
        db.execute(
            insert(audit).values(
                seq=-5, at=0.0, action="media", object="3", case_id=case, details="{}", prev="x", digest="x"
            )
        )
    with store.read() as db:
        assert [entry.action for entry in log.entries_of(db, case, (job, "3"))] == ["export"]
        assert -5 not in [seq for seq, _ in log.newest(db, log.Wanted(), before=None, limit=50)]
