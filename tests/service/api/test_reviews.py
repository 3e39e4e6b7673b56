"""Review: each concludes for himself first, nothing is replaced, and what differs is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from detect.types import ItemState
from service.store.keys import Scope
from tests.service import sample_reports
from tests.service.api.bench import Bench
from tests.service.api.ended import end, examined, hand_in, new_case, recorded

ADA_SAYS = "The jaw does not move with the voice."


@dataclass
class Desk:
    """A job that was examined, and the people who review it; Ada asked for it."""

    at: Bench
    job: dict[str, Any]
    ada: httpx.Client
    bob: httpx.Client
    eve: httpx.Client

    @property
    def place(self) -> str:
        return f"/v1/jobs/{self.job['id']}/reviews"

    def says(self, who: httpx.Client, subject: str, conclusion: str, reasons: str = "I looked.") -> dict[str, Any]:
        answer = who.post(self.place, json={"subject": subject, "conclusion": conclusion, "reasons": reasons})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def sees(self, who: httpx.Client, subject: str) -> dict[str, Any]:
        (found,) = (entry for entry in who.get(self.place).json() if entry["subject"] == subject)
        return dict(found)

    def differs(self, who: httpx.Client) -> dict[str, Any]:
        answer = who.get(f"/v1/cases/{self.job['case']}/disagreements")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def desk(at: Bench) -> Iterator[Desk]:
    with ExitStack() as stack:
        people = [stack.enter_context(at.client(at.key_for(name))) for name in ("Ada", "Bob", "Eve")]
        job = examined(at, people[0])
        for other in people[1:]:
            person = other.get("/v1/me").json()["person"]
            assert people[0].post(f"/v1/cases/{job['case']}/members", json={"person": person}).status_code == 204
        yield Desk(at, job, *people)


def test_the_second_sees_the_first_when_he_has_given_his_own(desk: Desk) -> None:
    first = desk.says(desk.ada, "face-1", "manipulated", ADA_SAYS)
    assert (first["open"], first["standing"], first["num_people"]) == (True, "single", 1)
    before = desk.bob.get(desk.place)
    assert ADA_SAYS not in before.text
    assert "manipulated" not in before.text
    assert {entry["subject"]: entry["num_people"] for entry in before.json()} == {
        "recording": 0, "face-1": 1, "voice-1": 0,
    }  # fmt: skip
    after = desk.says(desk.bob, "face-1", "manipulated")
    assert after["standing"] == "verified"
    assert [review["person_name"] for review in after["reviews"]] == ["Ada", "Bob"]
    assert [(review["blind"], review["asked_himself"]) for review in after["reviews"]] == [(True, True), (True, False)]
    assert desk.sees(desk.ada, "face-1") == after
    assert desk.sees(desk.eve, "face-1")["reviews"] == []
    assert len(desk.says(desk.eve, "face-1", "inconclusive")["reviews"]) == 3


def test_who_has_concluded_on_one_subject_is_still_blind_on_the_others(desk: Desk) -> None:
    desk.says(desk.ada, "voice-1", "bona_fide", ADA_SAYS)
    desk.says(desk.bob, "face-1", "manipulated")
    assert desk.sees(desk.bob, "voice-1")["reviews"] == []
    assert ADA_SAYS not in desk.bob.get(desk.place).text


def test_a_changed_mind_is_another_row_and_verifies_nothing(desk: Desk) -> None:
    desk.says(desk.ada, "face-1", "inconclusive")
    desk.says(desk.ada, "face-1", "manipulated")  # nobody else has said anything: as blind as the first
    desk.says(desk.bob, "face-1", "bona_fide")
    changed = desk.says(desk.bob, "face-1", "manipulated", "Ada is right.")
    assert [(review["conclusion"], review["latest"], review["blind"]) for review in changed["reviews"]] == [
        ("inconclusive", False, True), ("manipulated", True, True),
        ("bona_fide", False, True), ("manipulated", True, False),
    ]  # fmt: skip
    assert (changed["standing"], changed["num_people"]) == ("agreed", 2)
    assert desk.says(desk.eve, "face-1", "manipulated")["standing"] == "verified"


def test_another_key_of_the_same_person_makes_no_second_person(desk: Desk) -> None:
    desk.says(desk.ada, "face-1", "manipulated")
    with desk.at.client() as admin:
        person = desk.ada.get("/v1/me").json()["person"]
        asked = {"person": person, "label": "another", "scopes": ["read", "review"]}
        key = admin.post("/v1/keys", json=asked).json()["secret"]
    with desk.at.client(key) as again:
        assert desk.says(again, "face-1", "manipulated")["standing"] == "single"


def test_the_result_of_the_machine_stays_as_it_is(desk: Desk) -> None:
    report = desk.ada.get(f"/v1/jobs/{desk.job['id']}/report").content
    job = desk.ada.get(f"/v1/jobs/{desk.job['id']}").content
    desk.says(desk.ada, "recording", "bona_fide")
    assert desk.ada.get(f"/v1/jobs/{desk.job['id']}/report").content == report
    assert desk.ada.get(f"/v1/jobs/{desk.job['id']}").content == job
    assert desk.sees(desk.ada, "recording")["flagged"] is True


# Disagreements.


def test_what_reviewers_differ_on_is_listed_for_those_who_may_see_it(desk: Desk) -> None:
    desk.says(desk.ada, "face-1", "manipulated")
    desk.says(desk.bob, "face-1", "inconclusive")
    desk.says(desk.ada, "voice-1", "inconclusive")
    found = desk.differs(desk.bob)
    (entry,) = found["disagreements"]
    assert (entry["job"], entry["subject"], entry["between"]) == (desk.job["id"], "face-1", ["reviewers"])
    assert [(each["person_name"], each["conclusion"]) for each in entry["positions"]] == [
        ("Ada", "manipulated"), ("Bob", "inconclusive"),
    ]  # fmt: skip
    assert found["num_hidden"] == 1
    assert desk.differs(desk.eve) == {"disagreements": [], "num_hidden": 2}
    desk.says(desk.bob, "face-1", "manipulated")
    assert desk.differs(desk.ada)["disagreements"] == []


def test_what_a_reviewer_says_against_the_machine_is_listed(desk: Desk) -> None:
    desk.says(desk.ada, "recording", "probably_bona_fide")
    desk.says(desk.ada, "face-1", "not_examinable")
    (entry,) = desk.differs(desk.ada)["disagreements"]
    assert (entry["subject"], entry["between"], entry["flagged"]) == ("recording", ["machine"], True)
    quiet = examined(desk.at, desk.ada, sample_reports.supports_bonafide(), case=desk.job["case"], content=b"\0quiet")
    asked = {"subject": "voice-1", "conclusion": "manipulated", "reasons": "The breath is missing."}
    desk.ada.post(f"/v1/jobs/{quiet['id']}/reviews", json=asked)
    entries = desk.differs(desk.ada)["disagreements"]
    assert [(entry["job"], entry["subject"]) for entry in entries] == [
        (quiet["id"], "voice-1"), (desk.job["id"], "recording"),
    ]  # fmt: skip
    assert entries[0]["flagged"] is False


def test_without_a_calibration_the_machine_is_on_neither_side(desk: Desk) -> None:
    job = examined(desk.at, desk.ada, sample_reports.uncalibrated(), case=desk.job["case"], content=b"\0raw")
    asked = {"subject": "face-1", "conclusion": "manipulated", "reasons": "See frame 12."}
    answer = desk.ada.post(f"/v1/jobs/{job['id']}/reviews", json=asked)
    assert answer.json()["flagged"] is None
    assert desk.differs(desk.ada)["disagreements"] == []


# Who may, and when.


def test_what_others_are_told_has_no_conclusion_in_it(desk: Desk) -> None:
    desk.says(desk.ada, "face-1", "manipulated", ADA_SAYS)
    (entry,) = recorded(desk.at, "review")
    assert (entry.case_id, entry.facts) == (desk.job["case"], {"job": desk.job["id"], "subject": "face-1"})
    log = desk.bob.get(f"/v1/cases/{desk.job['case']}/audit").text
    with desk.bob.stream("GET", f"/v1/jobs/{desk.job['id']}/events") as events:
        told = ""
        for block in events.iter_text():
            told += block
            if "reviewed" in told:
                break
    for text in (log, told):
        assert "face-1" in text
        assert "manipulated" not in text
        assert ADA_SAYS not in text
    desk.sees(desk.bob, "face-1")
    assert [entry.object for entry in recorded(desk.at, "review_read")] == [desk.job["id"]]


def test_only_reviewers_of_the_case_conclude_and_only_on_what_there_is(desk: Desk) -> None:
    asked = {"subject": "face-1", "conclusion": "manipulated", "reasons": "See frame 12."}
    with desk.at.client(desk.at.key_for("Mallory")) as other:
        assert other.post(desk.place, json=asked).status_code == 404
        assert other.get(desk.place).status_code == 404
        assert other.get(f"/v1/cases/{desk.job['case']}/disagreements").status_code == 404
    with desk.at.client(desk.at.key_for("Trent", Scope.READ, Scope.SUBMIT)) as reader:
        assert reader.post(desk.place, json=asked).status_code == 403
    for wrong in (
        {"subject": "face-2"}, {"subject": "face-0"}, {"subject": "../x"}, {"reasons": ""}, {"reasons": "  "},
        {"conclusion": "guilty"}, {"person": "person_" + "0" * 32},
    ):  # fmt: skip
        assert desk.ada.post(desk.place, json=asked | wrong).status_code == 422, wrong
    assert desk.sees(desk.ada, "face-1")["num_people"] == 0


def test_nothing_is_concluded_before_the_end_or_in_a_closed_case(desk: Desk) -> None:
    asked = {"subject": "recording", "conclusion": "not_examinable", "reasons": "It is not a recording."}
    waiting = hand_in(desk.ada, desk.job["case"], b"\0waiting")
    place = f"/v1/jobs/{waiting['id']}/reviews"
    assert [desk.ada.get(place).status_code, desk.ada.post(place, json=asked).status_code] == [409, 409]
    end(desk.at, None, ItemState.CRASHED)
    assert [entry["subject"] for entry in desk.ada.get(place).json()] == ["recording"]
    assert desk.ada.post(place, json=asked).json()["flagged"] is None
    desk.ada.patch(f"/v1/cases/{desk.job['case']}", json={"closed": True})
    assert desk.ada.post(place, json=asked).status_code == 409
    assert desk.ada.get(place).status_code == 200


def test_a_case_of_ones_own(client: httpx.Client) -> None:
    assert client.get(f"/v1/cases/{new_case(client)}/disagreements").json() == {"disagreements": [], "num_hidden": 0}
