"""The audit log over HTTP: in pages, as a file, signed, verified; and whoever reads it is in it."""

from __future__ import annotations

from pathlib import Path

import httpx
from sqlalchemy import delete, update

from service.api.audit_log import Within
from service.audit.commands import verify_log
from service.store.keys import Scope
from service.store.schema import audit
from tests.service.api.bench import Bench
from tests.service.api.ended import hand_in, new_case, recorded


def test_the_log_is_read_page_by_page_newest_first(at: Bench, client: httpx.Client) -> None:
    cases = [new_case(client, f"case {number}") for number in range(7)]
    pages, cursor = list[list[int]](), None
    while True:
        page = client.get("/v1/audit", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        pages.append([entry["seq"] for entry in page["entries"]])
        cursor = page["next"]
        if cursor is None:
            break
    seqs = [seq for page in pages for seq in page]
    assert seqs == list(range(seqs[0], 0, -1))  # every one once, although each page added one
    assert {len(page) for page in pages[:-1]} == {3}
    made = client.get("/v1/audit", params={"action": "case_created"}).json()["entries"]
    assert [entry["object"] for entry in made] == cases[::-1]
    assert {entry["person_name"] for entry in made} == {"administrator"}
    only = client.get("/v1/audit", params={"case": cases[2]}).json()["entries"]
    assert [(entry["action"], entry["case"]) for entry in only] == [("case_created", cases[2])]
    person = client.get("/v1/me").json()["person"]
    both = client.get("/v1/audit", params={"person": person, "action": "audit_read"}).json()["entries"]
    assert len(both) == len(pages) + 2
    assert both[0]["details"] == {"case": cases[2]}


def test_what_is_no_entry_any_more_is_shown_as_that(at: Bench, client: httpx.Client) -> None:
    new_case(client)
    with at.service.store.write() as db:
        db.execute(update(audit).where(audit.c.action == "case_created").values(details="nonsense", at=9e99))
    entry = next(entry for entry in client.get("/v1/audit").json()["entries"] if entry["damaged"])
    assert entry["action"] == ""
    assert "canonical" in entry["damaged"]


def test_members_of_a_case_read_what_belongs_to_it(at: Bench, client: httpx.Client) -> None:
    mine, other = new_case(client), new_case(client)
    job = hand_in(client, mine)
    hand_in(client, other, b"\0something else")
    place = f"/v1/cases/{mine}/audit"
    entries = client.get(place).json()["entries"]
    assert [entry["action"] for entry in entries] == ["upload", "case_created"]
    assert entries[0]["details"]["job"] == job["id"]
    assert "salt" not in entries[0]["details"]
    assert client.get(place).json()["entries"][0]["action"] == "audit_read"
    with at.client(at.key_for("Mallory")) as stranger:
        foreign, absent = (stranger.get(f"/v1/cases/{name}/audit") for name in (mine, f"case_{'0' * 32}"))
        assert (foreign.status_code, foreign.json()) == (404, absent.json())
    assert {entry.person_id for entry in recorded(at, "audit_read")} == {client.get("/v1/me").json()["person"]}


def test_only_administrators_read_all_of_it(at: Bench) -> None:
    with at.client(at.key_for("Ada", Scope.SUBMIT, Scope.READ, Scope.REVIEW)) as member:
        for place in ("audit", "audit.jsonl", "audit/checkpoint", "audit/verify"):
            assert member.get(f"/v1/{place}").status_code == 403


def test_the_export_verifies_against_a_checkpoint_without_the_service(
    at: Bench, client: httpx.Client, tmp_path: Path
) -> None:
    for number in range(50):
        new_case(client, f"case {number}")
    mark = client.get("/v1/audit/checkpoint")
    new_case(client)
    out = client.get("/v1/audit.jsonl")
    assert out.headers["content-disposition"].startswith("attachment;")
    assert int(out.headers["content-length"]) == len(out.content)
    (tmp_path / "mark").write_bytes(mark.content)
    (tmp_path / "log").write_bytes(out.content)
    verdict = verify_log(tmp_path / "log", None, [tmp_path / "mark"], None)
    assert verdict.good
    assert verdict.num_checkpoints == 1
    assert verdict.num_entries == out.content.count(b"\n") > 50
    assert at.service.signing_key.fingerprint in mark.text
    assert [entry.facts.get("form") for entry in recorded(at, "audit_read")] == ["export"]
    (tmp_path / "log").write_bytes(out.content.replace(b"case_created", b"case_changed", 1))
    assert not verify_log(tmp_path / "log", None, [tmp_path / "mark"], None).good


def test_what_was_done_to_the_log_is_found(at: Bench, client: httpx.Client) -> None:
    for number in range(9):
        new_case(client, f"case {number}")
    good = client.get("/v1/audit/verify").json()
    assert (good["good"], good["complete"], good["problems"]) == (True, True, [])
    assert good["num_entries"] == client.get("/v1/audit").json()["entries"][0]["seq"]
    assert "checkpoint" in good["remarks"][0]
    with at.service.store.write() as db:
        db.execute(delete(audit).where(audit.c.seq == 5))
    bad = client.get("/v1/audit/verify").json()
    assert (bad["good"], bad["num_entries"]) == (False, 4)
    assert [(problem["kind"], problem["entry"]) for problem in bad["problems"]] == [("deleted", 5)]


def test_looking_ends_when_the_time_is_up() -> None:
    within = Within(0.0)
    assert list(within.take([1, 2, 3])) == []
    assert within.time_is_up
    within = Within(60.0)
    assert list(within.take([1, 2, 3])) == [1, 2, 3]
    assert not within.time_is_up
