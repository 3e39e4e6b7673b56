"""Keeping house: what is over goes, with everything that belongs to it; what somebody holds, stays."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import insert, update

from service.audit import commands
from service.audit.checkpoint import read_checkpoint
from service.cli import cli
from service.live.housekeeping import Housekeeper, keep_house
from service.store import keys
from service.store.events import add_event, last_event
from service.store.schema import audit, deliveries, events, evidence, idempotency, jobs, sessions
from tests.service.api.bench import Bench, bench, serving
from tests.service.api.listening import Examiner, hand_in, new_case
from tests.service.api.test_notices import NEWER

DAY = 86_400.0


def age(at: Bench, job: str, days: float) -> None:
    """As if a job had been asked for so much earlier."""
    with at.service.store.write() as db:
        db.execute(update(jobs).where(jobs.c.id == job).values(created_at=jobs.c.created_at - days * DAY))


def keep(at: Bench, **values: Any) -> dict[str, int]:
    done, failed = keep_house(at.service, **{"sweep": False} | values)
    assert not failed
    return dict(done)


def entries(at: Bench, action: str) -> list[tuple[str, str | None, str]]:
    with at.service.store.read() as db:
        rows = db.execute(audit.select().where(audit.c.action == action).order_by(audit.c.seq))
        return [(row.object, row.person_id, row.details) for row in rows]


def examined(at: Bench, client: httpx.Client, case: str, content: bytes = b"anything") -> tuple[str, Path]:
    """A job with a result on the disk."""
    job = hand_in(client, case, content)["id"]
    examiner = Examiner(at)
    lease = examiner.begin()
    report = f"reports/{lease.seq // 1000:04d}/{lease.seq:07d}-{str(lease.sha256)[:12]}"
    folder = at.settings.results / report
    folder.mkdir(parents=True)
    (folder / "report.json").write_text("{}")
    examiner.end(lease, flagged=False, report=report)
    return job, folder


def test_a_job_goes_when_its_cases_time_is_over_with_result_and_evidence(at: Bench, client: httpx.Client) -> None:
    short = client.post("/v1/cases", json={"name": "short", "retention_days": 10}).json()["id"]
    long = new_case(client, "for ever")
    gone, folder = examined(at, client, short)
    stays, kept = examined(at, client, long, b"something else")
    sha256 = client.get(f"/v1/jobs/{gone}").json()["sha256"]
    for job in (gone, stays):
        age(at, job, 9.9)
    assert keep(at)["jobs deleted"] == 0
    for job in (gone, stays):
        age(at, job, 0.2)
    assert keep(at)["jobs deleted"] == 1
    assert client.get(f"/v1/jobs/{gone}").status_code == 410
    assert client.get(f"/v1/jobs/{stays}").status_code == 200
    assert not folder.exists()
    assert kept.exists()
    assert not at.service.vault.contains(sha256)
    ((target, person, details),) = entries(at, "job_deleted")
    assert (target, person) == (gone, None)
    assert '"by":"retention"' in details.replace(" ", "")
    assert keep(at)["jobs deleted"] == 0


def test_the_services_own_time_holds_where_a_case_says_nothing(tmp_path: Path) -> None:
    with bench(tmp_path, retention_days=30) as made, serving(made), made.client() as client:
        made.announce()
        silent = new_case(client)
        longer = client.post("/v1/cases", json={"name": "longer", "retention_days": 100}).json()["id"]
        first, second = hand_in(client, silent)["id"], hand_in(client, longer, b"other")["id"]
        for job in (first, second):
            age(made, job, 31)
        assert keep(made)["jobs deleted"] == 1
        assert client.get(f"/v1/jobs/{first}").status_code == 410
        assert client.get(f"/v1/jobs/{second}").status_code == 200


def test_evidence_that_a_younger_job_or_another_case_holds_stays(at: Bench, client: httpx.Client) -> None:
    short = client.post("/v1/cases", json={"name": "short", "retention_days": 10}).json()["id"]
    old, folder = examined(at, client, short)
    at.announce(NEWER)
    client.post(f"/v1/jobs/{old}/rescore", json={}).raise_for_status()
    age(at, old, 11)
    assert keep(at)["jobs deleted"] == 1
    sha256 = entries(at, "job_deleted")[0][2]
    assert '"purged":false' in sha256.replace(" ", "")
    (listed,) = client.get("/v1/jobs", params={"case": short}).json()["jobs"]
    assert at.service.vault.contains(listed["sha256"])
    assert not folder.exists()
    hand_in(client, new_case(client, "another"))
    age(at, listed["id"], 11)
    assert keep(at)["jobs deleted"] == 1
    assert at.service.vault.contains(listed["sha256"])


def test_two_who_keep_house_at_the_same_time_delete_each_job_once(at: Bench, client: httpx.Client) -> None:
    case = client.post("/v1/cases", json={"name": "short", "retention_days": 1}).json()["id"]
    made = [hand_in(client, case, f"content {number}".encode())["id"] for number in range(8)]
    for job in made:
        age(at, job, 2)
    counts = list[int]()
    threads = [threading.Thread(target=lambda: counts.append(keep(at)["jobs deleted"])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(counts), sum(counts)) == (3, 8)
    assert sorted(target for target, _, _ in entries(at, "job_deleted")) == sorted(made)


def test_what_a_crash_left_on_the_disk_is_removed_once_it_is_old(at: Bench, client: httpx.Client) -> None:
    job, folder = examined(at, client, new_case(client))
    held = client.get(f"/v1/jobs/{job}").json()["sha256"]
    lost = hand_in(client, new_case(client, "lost"), b"nobody's")
    with at.service.store.write() as db:  # as where the process died between the row and the file
        db.execute(update(evidence).where(evidence.c.id == lost["evidence"]).values(purged_at=1.0))
    stray = folder.parent / "0000999-0123456789ab"
    foreign = folder.parent / "not ours"
    for other in (stray, foreign):
        other.mkdir()
        (other / "report.json").write_text("{}")
    done = keep(at, sweep=True)
    assert (done["evidence removed"], done["results removed"]) == (0, 0)

    done = keep(at, sweep=True, age_seconds=0)
    assert (done["evidence removed"], done["results removed"]) == (1, 1)
    assert at.service.vault.contains(held)
    assert not at.service.vault.contains(lost["sha256"])
    assert (folder.exists(), stray.exists(), foreign.exists()) == (True, False, True)
    assert [target for target, _, _ in entries(at, "evidence_purged")] == [lost["sha256"]]


def test_rows_that_have_served_are_removed_and_the_newest_event_stays(at: Bench, client: httpx.Client) -> None:
    job = hand_in(client, new_case(client))["id"]
    with at.service.store.write() as db:
        now = at.service.store.now(db)
        caller = keys.caller_of_key(db, at.key, now=now)
        assert caller is not None
        keys.begin_session(db, caller, now=now, seconds=3600)
        ended, _ = keys.begin_session(db, caller, now=now, seconds=3600)
        db.execute(update(sessions).where(sessions.c.digest == keys.digest(ended)).values(expires_at=now - 1))
        for days, key in ((1, "young"), (3, "old")):
            db.execute(
                insert(idempotency).values(
                    person_id=caller.person_id, key=key, fingerprint="", job_id=job, created_at=now - days * DAY
                )
            )
        db.execute(update(events).values(at=now - 91 * DAY))
        add_event(db, "started", "case", job, {}, now=now - 91 * DAY)
        for id_, days, next_at, hook in (
            ("done", 31, None, "x"), ("young", 29, None, "x"), ("lost", 2, now, "gone"), ("waits", 0, now, "gone")
        ):  # fmt: skip
            row = {"id": id_, "hook": hook, "job_id": job, "payload": "{}", "attempts": 1, "next_at": next_at}
            db.execute(insert(deliveries).values(**row, created_at=now - days * DAY))
        newest = last_event(db)
    assert keep(at)["rows removed"] == 5  # a session, a key, an event, a delivery; and one was given up
    with at.service.store.read() as db:
        assert [row.seq for row in db.execute(events.select())] == [newest]
        assert {row.key for row in db.execute(idempotency.select())} == {"young"}
        left = {row.id: row.next_at is not None for row in db.execute(deliveries.select())}
        assert left == {"young": False, "lost": False, "waits": True}
        assert len(db.execute(sessions.select()).all()) == 1
    assert keep(at)["rows removed"] == 0


def test_the_days_checkpoint_is_signed_once_and_holds_against_the_log(at: Bench) -> None:
    assert keep(at)["checkpoints written"] == 1
    (path,) = (at.settings.data / "checkpoints").iterdir()
    mark = read_checkpoint(path.read_bytes())
    assert mark.signed_by(at.service.signing_key.public_bytes)
    assert keep(at)["checkpoints written"] == 0
    verdict = commands.verify_log(None, str(at.settings.database_place), [path], None)
    assert verdict.good, verdict.text()
    with at.service.store.write() as db:
        db.execute(update(audit).where(audit.c.seq == mark.seq).values(object="somebody else's key"))
    assert not commands.verify_log(None, str(at.settings.database_place), [path], None).good


def test_a_step_that_fails_is_told_and_keeps_none_of_the_others(at: Bench, client: httpx.Client) -> None:
    (at.settings.data / "checkpoints").write_text("in the way")
    case = client.post("/v1/cases", json={"name": "short", "retention_days": 1}).json()["id"]
    age(at, hand_in(client, case)["id"], 2)
    done, failed = keep_house(at.service, sweep=True)
    assert failed.keys() == {"checkpoints written"}
    assert done["jobs deleted"] == 1
    assert "results removed" in done


def test_it_is_done_when_the_service_starts_and_ends_with_it(at: Bench) -> None:
    housekeeper = Housekeeper(at.service)
    housekeeper.start()
    until = time.monotonic() + 10
    while not (at.settings.data / "checkpoints").exists() and time.monotonic() < until:
        time.sleep(0.05)
    at.service.stopping.set()
    began = time.monotonic()
    housekeeper.join(10)
    assert time.monotonic() - began < 2
    assert len(list((at.settings.data / "checkpoints").iterdir())) == 1


def test_it_is_done_once_from_the_command_line(
    at: Bench, client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNMASK_SERVICE_RESERVE_BYTES", "0")
    monkeypatch.setenv("UNMASK_SERVICE_SIGNING_KEY", str(tmp_path / "key.pem"))
    monkeypatch.setenv("UNMASK_SERVICE_RETENTION_DAYS", "7")
    job = hand_in(client, new_case(client))["id"]
    age(at, job, 8)
    shown = CliRunner().invoke(cli, ["database", "purge", "--data", str(at.settings.data)])
    assert shown.exit_code == 0, shown.output
    assert "jobs deleted: 1" in shown.output
    assert "evidence removed: 0" in shown.output
    assert client.get(f"/v1/jobs/{job}").status_code == 410
    (at.settings.data / "results").mkdir(exist_ok=True)
    (at.settings.data / "checkpoints").rename(tmp_path / "elsewhere")
    (at.settings.data / "checkpoints").write_text("in the way")
    shown = CliRunner().invoke(cli, ["database", "purge", "--data", str(at.settings.data)])
    assert shown.exit_code == 3
    assert "checkpoints written: failed" in shown.output
