"""Cases over HTTP: opened, changed, closed, shared, and how complete they are."""

from __future__ import annotations

import httpx

from service.store.keys import Scope
from tests.service.api.bench import Bench
from tests.service.api.operations import ABSENT


def opened(client: httpx.Client, **values: object) -> str:
    answer = client.post("/v1/cases", json={"name": "a case"} | values)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/cases/{answer.json()['id']}"
    return str(answer.json()["id"])


def me(client: httpx.Client) -> str:
    return str(client.get("/v1/me").json()["person"])


def test_a_case_is_opened_shown_and_listed_newest_first(client: httpx.Client) -> None:
    first = opened(client, name="  Interview of 3 March ", reference="Az. 12/26", retention_days=30)
    second = opened(client, name="\u05e9\u05dc\u05d5\u05dd \U0001f399 <b>&amp;")
    shown = client.get(f"/v1/cases/{first}").json()
    assert (shown["name"], shown["reference"], shown["retention_days"]) == ("Interview of 3 March", "Az. 12/26", 30)
    assert [one["person"] for one in shown["members"]] == [me(client)]
    assert (shown["states"], shown["closed_at"], shown["num_jobs"]) == ({}, None, None)
    listed = client.get("/v1/cases").json()
    assert [one["id"] for one in listed] == [second, first]
    assert [one["num_jobs"] for one in listed] == [0, 0]
    assert listed[0]["name"] == "\u05e9\u05dc\u05d5\u05dd \U0001f399 <b>&amp;"


_NO_CASES: tuple[object, ...] = (
    {},
    {"name": ""},
    {"name": "   "},
    {"name": "x" * 201},
    {"name": "a\nb"},
    {"name": "a\x7fb"},
    {"name": 3},
    {"name": None},
    {"name": "a", "reference": "x" * 201},
    {"name": "a", "retention_days": 0},
    {"name": "a", "retention_days": 36_501},
    {"name": "a", "retention_days": 1.5},
    {"name": "a", "retention_days": "x"},
    {"name": "a", "colour": "red"},
    [],
    "a",
    None,
)


def test_what_is_no_case_is_refused(client: httpx.Client) -> None:
    for body in _NO_CASES:
        answer = client.post("/v1/cases", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["faults"]


def test_only_what_is_named_is_changed(client: httpx.Client) -> None:
    case = opened(client, reference="one", retention_days=30)
    assert client.patch(f"/v1/cases/{case}", json={"name": "another"}).json()["reference"] == "one"
    assert client.patch(f"/v1/cases/{case}", json={"retention_days": None}).json()["retention_days"] is None
    assert client.patch(f"/v1/cases/{case}", json={"name": None}).json()["name"] == "another"
    assert client.patch(f"/v1/cases/{case}", json={}).json()["reference"] == "one"
    assert client.patch(f"/v1/cases/{case}", json={"id": "x"}).status_code == 422


def test_a_closed_case_takes_no_evidence_until_it_is_opened_again(client: httpx.Client) -> None:
    case = opened(client)
    job = client.post(f"/v1/cases/{case}/recordings", content=b"before").json()
    assert client.patch(f"/v1/cases/{case}", json={"closed": True}).json()["closed_at"] is not None
    assert client.post(f"/v1/cases/{case}/recordings", content=b"after").status_code == 409
    assert client.post("/v1/jobs", json={"evidence": job["evidence"]}).status_code == 409
    assert client.get(f"/v1/jobs/{job['id']}").status_code == 200
    assert client.patch(f"/v1/cases/{case}", json={"closed": False}).json()["closed_at"] is None
    assert client.post(f"/v1/cases/{case}/recordings", content=b"after").status_code == 202


def test_members_see_a_case_and_others_do_not(at: Bench, client: httpx.Client) -> None:
    case = opened(client)
    job = client.post(f"/v1/cases/{case}/recordings", content=b"shared").json()["id"]
    with at.client(at.key_for("Bea")) as other:
        person = me(other)
        assert other.get(f"/v1/cases/{case}").status_code == 404
        assert client.post(f"/v1/cases/{case}/members", json={"person": person}).status_code == 204
        assert client.post(f"/v1/cases/{case}/members", json={"person": person}).status_code == 409
        assert {one["name"] for one in other.get(f"/v1/cases/{case}").json()["members"]} == {"administrator", "Bea"}
        assert other.get(f"/v1/jobs/{job}").json()["person_name"] == "administrator"
        assert other.delete(f"/v1/cases/{case}/members/{me(client)}").status_code == 204
        assert client.get(f"/v1/cases/{case}").status_code == 404  # an administrator, too, sees no case of others
        assert client.get(f"/v1/jobs/{job}").status_code == 404
        assert client.post(f"/v1/cases/{case}/members", json={"person": me(client)}).status_code == 404
        assert other.delete(f"/v1/cases/{case}/members/{person}").status_code == 409
        assert other.delete(f"/v1/cases/{case}/members/person_{ABSENT}").status_code == 404
        assert other.post(f"/v1/cases/{case}/members", json={"person": f"person_{ABSENT}"}).status_code == 404


def test_a_case_says_how_complete_it_is(client: httpx.Client) -> None:
    case = opened(client)
    jobs = [client.post(f"/v1/cases/{case}/recordings", content=name.encode()).json()["id"] for name in "abc"]
    client.post(f"/v1/jobs/{jobs[0]}/cancel")
    client.post(f"/v1/jobs/{jobs[1]}/delete", json={"reason": "by order"})
    assert client.get(f"/v1/cases/{case}").json()["states"] == {"open": 1}
    assert [one["num_jobs"] for one in client.get("/v1/cases").json()] == [2]


def test_people_are_added_by_administrators_and_seen_by_who_shares(at: Bench, client: httpx.Client) -> None:
    made = client.post("/v1/people", json={"name": "Ada Lovelace"})
    assert made.status_code == 201
    with at.client(at.key_for("Bea")) as other:
        assert {one["name"] for one in other.get("/v1/people").json()} == {"administrator", "Ada Lovelace", "Bea"}
        assert other.post("/v1/people", json={"name": "x"}).status_code == 403
    with at.client(at.key_for("Cleo", Scope.READ)) as reader:
        assert reader.get("/v1/people").status_code == 403
