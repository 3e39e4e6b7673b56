"""Jobs over HTTP: handed in, examined, listed, cancelled, deleted."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.service.api.bench import Bench


def new_case(client: httpx.Client, name: str = "a case") -> str:
    answer = client.post("/v1/cases", json={"name": name})
    assert answer.status_code == 201
    return str(answer.json()["id"])


def test_a_recording_is_examined_while_the_client_waits(live: Bench, demo: Path) -> None:
    with live.client() as client:
        case = new_case(client)
        answer = client.post(
            f"/v1/cases/{case}/recordings", params={"name": "../x/demo.mp4", "wait": 60}, content=demo.read_bytes()
        )
        assert answer.status_code == 200
        job = answer.json()
        assert (job["status"], job["state"], job["filename"]) == ("done", "examined", "demo.mp4")
        assert job["llr"] is not None
        assert client.get(answer.headers["Location"]).json() == job


def test_the_same_content_is_examined_once_and_both_jobs_are_recorded(live: Bench, demo: Path) -> None:
    with live.client() as client:
        case = new_case(client)
        first, second = (
            client.post(f"/v1/cases/{case}/recordings", params={"name": name, "wait": 60}, content=demo.read_bytes())
            for name in ("one.mp4", "two.mp4")
        )
        assert first.json()["id"] != second.json()["id"]
        assert first.json()["evidence"] == second.json()["evidence"]
        assert first.json()["finished_at"] == second.json()["finished_at"]
        assert [first.json()["filename"], second.json()["filename"]] == ["one.mp4", "two.mp4"]


def test_a_queued_job_is_cancelled_and_the_evidence_can_be_asked_for_again(client: httpx.Client) -> None:
    case = new_case(client)
    job = client.post(f"/v1/cases/{case}/recordings", params={"name": "a.mp4"}, content=b"anything").json()
    assert job["status"] == "queued"
    assert client.post(f"/v1/jobs/{job['id']}/cancel").json()["status"] == "cancelled"
    assert client.post(f"/v1/jobs/{job['id']}/cancel").status_code == 409
    again = client.post("/v1/jobs", json={"evidence": job["evidence"]}).json()
    assert (again["status"], again["filename"]) == ("queued", "a.mp4")


def test_a_deleted_job_leaves_its_record_and_no_bytes(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    job = client.post(f"/v1/cases/{case}/recordings", content=b"to be forgotten").json()
    assert at.service.vault.contains(job["sha256"])
    assert client.post(f"/v1/jobs/{job['id']}/delete", json={"reason": "by order"}).status_code == 204
    assert client.get(f"/v1/jobs/{job['id']}").status_code == 410
    assert not at.service.vault.contains(job["sha256"])
    assert client.post("/v1/jobs", json={"evidence": job["evidence"]}).status_code == 404
    assert client.post(f"/v1/cases/{case}/recordings", content=b"to be forgotten").json()["status"] == "queued"
