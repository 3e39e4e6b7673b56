"""Notices: who has read a result learns when a later one says something else."""

from __future__ import annotations

from service.store.events import mark_read
from service.store.setups import Setup
from tests.service.api.bench import Bench
from tests.service.api.listening import Examiner, hand_in, new_case

NEWER = Setup(tool="unmask test", config_digest="1" * 64, config={}, models={"none": "1" * 64})


def read_by(at: Bench, key: str, job: str) -> None:
    """As reading a report does."""
    with at.client(key) as client:
        person = client.get("/v1/me").json()["person"]
    with at.service.store.write() as db:
        mark_read(db, job, person, now=at.service.store.now(db))


def test_a_reader_is_told_that_the_result_has_changed_and_nobody_else_is(at: Bench) -> None:
    reader, other = at.key_for("reader"), at.key_for("has not looked")
    with at.client() as client, at.client(reader) as reading, at.client(other) as idle:
        case = new_case(client)
        for one in (reading, idle):
            person = one.get("/v1/me").json()["person"]
            client.post(f"/v1/cases/{case}/members", json={"person": person}).raise_for_status()
        job = hand_in(client, case)["id"]
        examiner = Examiner(at)
        examiner.end(examiner.begin(), flagged=True)
        read_by(at, reader, job)
        at.announce(NEWER)
        later = client.post(f"/v1/jobs/{job}/rescore", json={}).json()["id"]
        assert reading.get("/v1/notices").json() == []
        examiner = Examiner(at, NEWER)
        examiner.end(examiner.begin(), flagged=False)
        (notice,) = reading.get("/v1/notices", params={"unseen": "true"}).json()
        assert (notice["kind"], notice["case"]) == ("result_changed", case)
        assert (notice["job"], notice["earlier_job"]) == (later, job)
        assert (notice["was"]["flagged"], notice["now"]["flagged"]) == (True, False)
        assert notice["seen_at"] is None
        assert idle.get("/v1/notices").json() == client.get("/v1/notices").json() == []

        assert idle.post(f"/v1/notices/{notice['id']}/seen").status_code == 404
        assert reading.post(f"/v1/notices/{notice['id']}/seen").status_code == 204
        assert reading.get("/v1/notices", params={"unseen": "true"}).json() == []
        (seen,) = reading.get("/v1/notices").json()
        assert seen["seen_at"] is not None
        assert reading.post(f"/v1/notices/{notice['id']}/seen").status_code == 204
        assert reading.get("/v1/notices").json() == [seen]

        client.delete(f"/v1/cases/{case}/members/{reading.get('/v1/me').json()['person']}").raise_for_status()
        assert reading.get("/v1/notices").json() == []


def test_the_same_conclusion_is_no_news(at: Bench) -> None:
    with at.client() as client:
        job = hand_in(client, new_case(client))["id"]
        examiner = Examiner(at)
        examiner.end(examiner.begin(), flagged=True)
        read_by(at, at.key, job)
        at.announce(NEWER)
        client.post(f"/v1/jobs/{job}/rescore", json={}).raise_for_status()
        examiner = Examiner(at, NEWER)
        examiner.end(examiner.begin(), flagged=True)
        assert client.get("/v1/notices").json() == []


def test_a_newer_result_that_was_there_before_is_told_of_at_once(at: Bench) -> None:
    """Somebody else has had the same recording examined with the newer setup; the re-scored job ends as it is made."""
    with at.client() as client:
        case = new_case(client)
        first = hand_in(client, case)
        examiner = Examiner(at)
        examiner.end(examiner.begin(), flagged=True)
        read_by(at, at.key, first["id"])
        at.announce(NEWER)
        client.post("/v1/jobs", json={"evidence": first["evidence"]}).raise_for_status()
        examiner = Examiner(at, NEWER)
        examiner.end(examiner.begin(), flagged=False)
        assert client.get("/v1/notices").json() == []
        later = client.post(f"/v1/jobs/{first['id']}/rescore", json={}).json()
        assert later["status"] == "done"
        (notice,) = client.get("/v1/notices").json()
        assert (notice["job"], notice["was"]["flagged"], notice["now"]["flagged"]) == (later["id"], True, False)
