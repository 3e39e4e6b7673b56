"""Who may do what: keys, scopes, sessions, limits; and that what belongs to others is as if it were not there."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, select, update

from service.api.access import COOKIE, CSRF_HEADER
from service.rates import Rates
from service.store.keys import Scope
from service.store.schema import api_keys, audit, members, sessions
from tests.service.api.bench import Bench, bench, serving
from tests.service.api.operations import ABSENT, operations

_OPEN = ("/health/", "/metrics", "/v1/session", "/v1/hello")
"""What is answered to everybody, beside the web page, and what OPTIONS says of uploads."""
_VARIES = frozenset({"x-request-id", "date"})

_NEEDS: tuple[tuple[str, str, object, Scope], ...] = (
    ("POST", "/v1/cases", {"name": "a"}, Scope.SUBMIT),
    ("PATCH", "/v1/cases/{case}", {}, Scope.SUBMIT),
    ("POST", "/v1/cases/{case}/members", {"person": f"person_{ABSENT}"}, Scope.SUBMIT),
    ("DELETE", f"/v1/cases/{{case}}/members/person_{ABSENT}", None, Scope.SUBMIT),
    ("POST", "/v1/cases/{case}/recordings", None, Scope.SUBMIT),
    ("POST", "/v1/jobs", {"evidence": f"evidence_{ABSENT}"}, Scope.SUBMIT),
    ("POST", "/v1/jobs/{job}/cancel", None, Scope.SUBMIT),
    ("POST", "/v1/jobs/{job}/rescore", {}, Scope.SUBMIT),
    ("POST", "/v1/jobs/{job}/delete", {"reason": "x"}, Scope.SUBMIT),
    ("GET", "/v1/people", None, Scope.SUBMIT),
    ("GET", "/v1/jobs", None, Scope.READ),
    ("GET", "/v1/jobs/{job}", None, Scope.READ),
    ("POST", "/v1/people", {"name": "a"}, Scope.ADMIN),
    ("GET", "/v1/keys", None, Scope.ADMIN),
    ("POST", "/v1/keys", {"person": f"person_{ABSENT}", "label": "x", "scopes": ["read"]}, Scope.ADMIN),
    ("DELETE", f"/v1/keys/key_{ABSENT}", None, Scope.ADMIN),
)
"""What each endpoint needs."""


def said(answer: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """All of an answer that does not vary by itself."""
    headers = {name: value for name, value in answer.headers.items() if name not in _VARIES}
    return answer.status_code, answer.text, headers


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def dead_keys(at: Bench) -> dict[str, str]:
    """Secrets of keys that are not valid, for several reasons."""
    revoked, expired = at.key_for("Rita"), at.key_for("Exa", expires_at=1.0)
    with at.client(revoked) as client:
        assert client.get("/v1/me").status_code == 200
        person = client.get("/v1/me").json()["person"]
    with at.service.store.write() as db:
        db.execute(update(api_keys).where(api_keys.c.person_id == person).values(revoked_at=2.0))
    return {"revoked": revoked, "expired": expired, "unknown": "unmask_" + "0" * 64}


def job_of(client: httpx.Client, content: bytes = b"anything") -> dict[str, str]:
    """Ids of a new job and what belongs to it."""
    case = client.post("/v1/cases", json={"name": "a case"}).json()["id"]
    answer = client.post(f"/v1/cases/{case}/recordings", params={"name": "a.mov"}, content=content)
    assert answer.status_code == 202, answer.text
    return {"case": case, "job": answer.json()["id"], "evidence": answer.json()["evidence"]}


def test_without_a_key_nothing_is_answered(at: Bench, client: httpx.Client) -> None:
    ids = job_of(client)
    with httpx.Client(base_url=at.base, headers={"Tus-Resumable": "1.0.0"}) as stranger:
        for operation in operations(client):
            if operation.path.startswith(_OPEN) or operation.method == "OPTIONS":
                continue
            answer = stranger.request(operation.method, operation.url(**ids))
            assert answer.status_code == 401, (str(operation), answer.status_code)
            assert operation.secured, str(operation)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            at.service.rates = Rates()  # a stranger may ask for less than there is


def test_keys_that_are_not_valid_look_alike(at: Bench) -> None:
    with httpx.Client(base_url=at.base) as stranger:
        answers = {name: stranger.get("/v1/me", headers=bearer(key)) for name, key in dead_keys(at).items()}
        for name, key in (("short", "unmask_"), ("other", "x" * 5_000), ("odd", "unmask_" + "\xe9" * 64)):
            answers[name] = stranger.get("/v1/me", headers={"Authorization": f"Bearer {key}".encode("latin-1")})
        answers["none"] = stranger.get("/v1/me")
    assert answers["none"].status_code == 401
    assert {name: said(answer) for name, answer in answers.items()} == dict.fromkeys(answers, said(answers["none"]))


def test_a_key_works_only_as_it_is_to_be_sent(at: Bench) -> None:
    with httpx.Client(base_url=at.base) as stranger:
        for headers in (
            {"Authorization": at.key},
            {"Authorization": f"Basic {at.key}"},
            {"Authorization": f"Bearer {at.key.upper()}"},
            {"Authorization": f"Bearer {at.key[:-1]}"},
            {"X-API-Key": at.key},
            {"Cookie": f"{COOKIE}={at.key}"},
        ):
            assert stranger.get("/v1/me", headers=headers).status_code == 401, headers
        assert stranger.get("/v1/me", params={"key": at.key, "access_token": at.key}).status_code == 401
        assert stranger.get("/v1/me", headers={"Authorization": f"bearer {at.key}"}).status_code == 200


def test_what_belongs_to_others_answers_as_what_is_not_there(at: Bench, client: httpx.Client) -> None:
    """At every address with an id in it; an endpoint that is added is asked, too."""
    ids = job_of(client)
    asked = 0
    with at.client(at.key_for("Mallory", *Scope)) as other:
        own = job_of(other, b"her own")
        for operation in operations(client):
            for name in ("case", "job", "evidence"):
                if f"{{{name}}}" not in operation.path:
                    continue
                body = next(
                    (body for method, path, body, _ in _NEEDS if (method, path) == (operation.method, operation.path)),
                    None,
                )
                foreign, absent = (
                    other.request(operation.method, operation.url(**(own | {name: value})), json=body)
                    for value in (ids[name], f"{name}_{ABSENT}")
                )
                assert said(foreign) == said(absent), str(operation)
                assert foreign.status_code in {404, 422}, (str(operation), foreign.status_code)
                asked += 1
        evidence = [other.post("/v1/jobs", json={"evidence": one}) for one in (ids["evidence"], f"evidence_{ABSENT}")]
        assert said(evidence[0]) == said(evidence[1])
        assert evidence[0].status_code == 404
        listed = [other.get("/v1/jobs", params={"case": one}) for one in (ids["case"], f"case_{ABSENT}")]
        assert said(listed[0]) == said(listed[1])
        assert [one["id"] for one in other.get("/v1/jobs").json()["jobs"]] == [own["job"]]
    assert asked >= 12
    assert client.get(f"/v1/jobs/{ids['job']}").json()["status"] == "queued"


def test_time_tells_nothing_either(at: Bench, client: httpx.Client) -> None:
    """Medians of many; generous, for what is compared shares its machine with others."""
    ids = job_of(client)
    dead = dead_keys(at)
    with at.client(at.key_for("Mallory")) as other, httpx.Client(base_url=at.base) as stranger:

        def foreign() -> httpx.Response:
            return other.get(f"/v1/jobs/{ids['job']}")

        def absent() -> httpx.Response:
            return other.get(f"/v1/jobs/job_{ABSENT}")

        asks = {"foreign": foreign, "absent": absent}
        for name, key in dead.items():
            asks[name] = lambda key=key: stranger.get("/v1/me", headers=bearer(key))  # type: ignore[misc]
        seconds: dict[str, list[float]] = {name: [] for name in asks}
        for _ in range(80):
            at.service.rates = Rates()
            for name, ask in asks.items():
                began = time.perf_counter()
                ask()
                seconds[name].append(time.perf_counter() - began)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for one, two in (("foreign", "absent"), ("revoked", "unknown"), ("expired", "unknown")):
        assert abs(median[one] - median[two]) < 0.3 * median[two] + 0.001, median


@pytest.mark.parametrize("scope", Scope)
def test_a_key_does_what_its_scopes_say_and_no_more(at: Bench, client: httpx.Client, scope: Scope) -> None:
    ids = job_of(client)
    with at.client(at.key_for("Bea", scope)) as other:
        me = other.get("/v1/me").json()
        assert me["scopes"] == [scope]
        with at.service.store.write() as db:
            db.execute(members.insert().values(case_id=ids["case"], person_id=me["person"], added_at=0.0))
        for method, path, body, needed in _NEEDS:
            answer = other.request(method, path.format(**ids), json=body)
            if needed is scope:
                assert answer.status_code not in {401, 403}, (method, path)
            else:
                assert answer.status_code == 403, (method, path)
                assert answer.json()["detail"] == f"This needs a key with the scope `{needed}`."
        assert other.get("/v1/cases").status_code == 200


def test_a_browser_begins_a_session_with_a_key(at: Bench) -> None:
    with httpx.Client(base_url=at.base) as browser:
        assert browser.post("/v1/session", json={"key": "unmask_" + "0" * 64}).status_code == 401
        assert not browser.cookies
        answer = browser.post("/v1/session", json={"key": at.key})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "domain" not in cookie
        token = answer.json()["csrf_token"]
        assert browser.get("/v1/me").json() == answer.json()
        for headers in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: "x" * len(token)}, {CSRF_HEADER: token[:-1]}):
            refused = browser.post("/v1/cases", json={"name": "a"}, headers=headers)
            assert refused.status_code == 403, headers
        assert browser.post("/v1/cases", json={"name": "a"}, headers={CSRF_HEADER: token}).status_code == 201
        assert browser.delete("/v1/session").status_code == 403
        kept = f"{COOKIE}={browser.cookies[COOKIE]}"
        assert browser.delete("/v1/session", headers={CSRF_HEADER: token}).status_code == 204
        assert browser.get("/v1/me", headers={"Cookie": kept}).status_code == 401
    with at.service.store.read() as db:
        actions = list(db.scalars(select(audit.c.action).order_by(audit.c.seq)))
    assert actions[-4:] == ["login_refused", "login", "case_created", "logout"]


def test_a_cookie_goes_over_tls_only_where_there_is_tls(tmp_path: Path) -> None:
    with bench(tmp_path, public_url="https://unmask.example.org") as made, serving(made):
        answer = httpx.post(f"{made.base}/v1/session", json={"key": made.key})
        assert "secure" in answer.headers["set-cookie"].lower()


def test_a_session_ends_with_its_key_and_with_its_time(at: Bench, client: httpx.Client) -> None:
    key = client.post(
        "/v1/keys", json={"person": client.get("/v1/me").json()["person"], "label": "x", "scopes": ["read"]}
    ).json()
    with httpx.Client(base_url=at.base) as browser:
        assert browser.post("/v1/session", json={"key": key["secret"]}).status_code == 200
        assert browser.get("/v1/me").json()["scopes"] == ["read"]
        assert client.delete(f"/v1/keys/{key['id']}").status_code == 204
        assert browser.get("/v1/me").status_code == 401
    with httpx.Client(base_url=at.base) as browser:
        assert browser.post("/v1/session", json={"key": at.key}).status_code == 200
        assert browser.get("/v1/me").status_code == 200
        with at.service.store.write() as db:
            db.execute(update(sessions).values(expires_at=1.0))
        assert browser.get("/v1/me").status_code == 401
    with httpx.Client(base_url=at.base) as browser:  # a key that expires takes its sessions along
        mortal = at.key_for("Mo")
        assert browser.post("/v1/session", json={"key": mortal}).status_code == 200
        with at.service.store.write() as db:
            db.execute(update(api_keys).values(expires_at=1.0))
        assert browser.get("/v1/me").status_code == 401
        with at.service.store.write() as db:
            db.execute(delete(sessions))
        assert browser.get("/v1/me").status_code == 401


def test_who_asks_too_often_is_told_when_to_come_again(at: Bench) -> None:
    with at.client(at.key_for("Bea", requests_per_minute=5)) as other, at.client(at.key_for("Cleo")) as third:
        answers = [other.get("/v1/me") for _ in range(8)]
        assert [one.status_code for one in answers].count(200) in {5, 6}
        assert answers[-1].status_code == 429
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert answers[-1].headers["content-type"] == "application/problem+json"
        assert third.get("/v1/me").status_code == 200


def test_strangers_cannot_try_keys_without_end(at: Bench, client: httpx.Client) -> None:
    with httpx.Client(base_url=at.base) as stranger:
        statuses = [stranger.get("/v1/me", headers=bearer("unmask_" + "0" * 64)).status_code for _ in range(140)]
        assert set(statuses) == {401, 429}
        assert statuses[-1] == 429
        logins = [stranger.post("/v1/session", json={"key": "x"}) for _ in range(40)]
        assert {one.status_code for one in logins} == {401, 429}
        assert int(logins[-1].headers["retry-after"]) > 0
    assert client.get("/v1/me").status_code == 200  # from the same address, with a key


def test_a_quota_of_bytes_is_kept(at: Bench) -> None:
    with at.client(at.key_for("Bea", quota_bytes=1_000)) as other:
        case = other.post("/v1/cases", json={"name": "a"}).json()["id"]
        for content, status in ((b"a" * 600, 202), (b"b" * 600, 429), (b"c" * 400, 202), (b"d", 429)):
            answer = other.post(f"/v1/cases/{case}/recordings", content=content)
            assert answer.status_code == status, content[:1]
        assert int(answer.headers["retry-after"]) > 0

        def unannounced() -> object:
            yield b"e"

        assert other.post(f"/v1/cases/{case}/recordings", content=unannounced()).status_code == 429  # type: ignore[arg-type]
        assert len(other.get("/v1/jobs").json()["jobs"]) == 2
