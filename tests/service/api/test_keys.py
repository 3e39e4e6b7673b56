"""API keys: made, listed and revoked, over HTTP and on the command line."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from service.cli import cli
from service.store.database import Store
from service.store.keys import Scope
from service.store.schema import api_keys, audit
from tests.service.api.bench import Bench
from tests.service.api.operations import ABSENT


def person(client: httpx.Client, name: str = "Ada") -> str:
    return str(client.post("/v1/people", json={"name": name}).json()["id"])


def test_a_key_works_from_its_making_to_its_revocation(at: Bench, client: httpx.Client) -> None:
    who = person(client)
    made = client.post("/v1/keys", json={"person": who, "label": "laptop", "scopes": ["read", "read", "submit"]})
    assert made.status_code == 201
    key = made.json()
    assert (key["person"], key["scopes"], key["expires_at"]) == (who, ["read", "submit"], None)
    assert key["secret"].startswith("unmask_")
    with at.client(key["secret"]) as other:
        assert other.get("/v1/me").json() == {
            "person": who, "name": "Ada", "scopes": ["read", "submit"], "via": "key", "csrf_token": None,
        }  # fmt: skip
        assert client.delete(f"/v1/keys/{key['id']}").status_code == 204
        assert other.get("/v1/me").status_code == 401
    assert client.delete(f"/v1/keys/{key['id']}").status_code == 404
    assert client.delete(f"/v1/keys/key_{ABSENT}").status_code == 404
    listed = {one["id"]: one for one in client.get("/v1/keys").json()}
    assert listed[key["id"]]["revoked_at"] is not None


def test_a_secret_is_shown_once_and_kept_nowhere(at: Bench, client: httpx.Client) -> None:
    key = client.post("/v1/keys", json={"person": person(client), "label": "x", "scopes": ["read"]}).json()
    assert "secret" not in client.get("/v1/keys").text
    secret = key["secret"].removeprefix("unmask_").encode()
    for path in at.settings.data.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path
    with at.service.store.read() as db:
        actions = db.execute(select(audit.c.action, audit.c.object, audit.c.details)).all()
    assert ("key_created", key["id"]) in {(row.action, row.object) for row in actions}
    assert not any(secret.decode() in row.details for row in actions)


def test_limits_of_a_key_are_its_own_or_the_services(at: Bench, client: httpx.Client) -> None:
    who = person(client)
    asked = {"person": who, "label": "x", "scopes": ["read"]}
    usual = client.post("/v1/keys", json=asked).json()
    assert (usual["requests_per_minute"], usual["quota_bytes"]) == (
        at.settings.requests_per_minute,
        at.settings.quota_bytes,
    )
    own = client.post("/v1/keys", json=asked | {"requests_per_minute": 7, "quota_bytes": 0, "days": 2}).json()
    assert (own["requests_per_minute"], own["quota_bytes"]) == (7, 0)
    valid = datetime.fromisoformat(own["expires_at"]) - datetime.fromisoformat(own["created_at"])
    assert valid.total_seconds() == pytest.approx(2 * 86_400)


_NO_KEYS: tuple[dict[str, object], ...] = (
    {"person": "somebody"},
    {"label": ""},
    {"scopes": []},
    {"scopes": ["root"]},
    {"scopes": "read"},
    {"scopes": ["read"] * 5},
    {"days": 0},
    {"days": 3_651},
    {"requests_per_minute": 0},
    {"quota_bytes": -1},
    {"quota_bytes": 2**60 + 1},
    {"secret": "unmask_" + "0" * 64},
)


def test_what_is_no_key_is_refused(client: httpx.Client) -> None:
    asked = {"person": f"person_{ABSENT}", "label": "x", "scopes": ["read"]}
    for change in _NO_KEYS:
        assert client.post("/v1/keys", json=asked | change).status_code == 422, change
    assert client.post("/v1/keys", json=asked).status_code == 404


def test_only_administrators_make_keys(at: Bench) -> None:
    with at.client(at.key_for("Bea")) as other:
        asked = {"person": other.get("/v1/me").json()["person"], "label": "more", "scopes": ["admin"]}
        assert other.post("/v1/keys", json=asked).status_code == 403
        assert other.get("/v1/keys").status_code == 403
        assert other.delete(f"/v1/keys/key_{ABSENT}").status_code == 403


def run(data: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["keys", *words[:1], "--data", str(data), *words[1:]])
    return done.exit_code, done.output if done.exception is None else str(done.exception)


def test_keys_on_the_command_line(at: Bench) -> None:
    data = at.settings.data
    code, said = run(data, "add", "Ada Lovelace", "--scopes", "read, review", "--days", "3", "--label", "phone")
    assert code == 0
    with at.client(said.strip()) as client:
        assert client.get("/v1/me").json()["scopes"] == ["read", "review"]
        code, listed = run(data, "list")
        assert code == 0
        assert said.strip() not in listed
        (line,) = [line for line in listed.splitlines() if "Ada Lovelace: phone" in line]
        assert "read,review" in line
        assert run(data, "revoke", line.split()[0])[0] == 0
        assert client.get("/v1/me").status_code == 401
    assert "revoked" in next(line for line in run(data, "list")[1].splitlines() if "Ada Lovelace" in line)
    code, again = run(data, "add", "Ada Lovelace")
    assert code == 0
    with at.client(again.strip()) as client:
        assert client.get("/v1/me").json()["name"] == "Ada Lovelace"
    with at.client() as client:
        assert len([one for one in client.get("/v1/people").json() if one["name"] == "Ada Lovelace"]) == 1
    with at.service.store.read() as db:
        rows = db.execute(select(audit.c.action, audit.c.person_id, audit.c.details)).all()
    told = [row.action for row in rows if json.loads(row.details).get("by") == "command line"]
    assert told == ["person_created", "key_created", "key_revoked", "key_created"]


def test_mistakes_on_the_command_line(at: Bench, tmp_path: Path) -> None:
    data = at.settings.data
    assert "root" in run(data, "add", "Ada", "--scopes", "root")[1]
    assert run(data, "add", "Ada", "--days", "0")[0] != 0
    assert "No such key" in run(data, "revoke", "key_1")[1]
    assert "unmask database migrate" in run(tmp_path / "elsewhere", "list")[1]
    with at.client() as client:
        person(client, "Twin")
        person(client, "Twin")
    assert "2 people are called Twin" in run(data, "add", "Twin")[1]
    with at.service.store.read() as db:
        assert len(db.execute(select(api_keys)).all()) == 1


def test_a_name_of_control_characters_is_refused_on_the_command_line(at: Bench) -> None:
    assert run(at.settings.data, "add", "a\x1b[31m\nb")[0] != 0
    assert run(at.settings.data, "add", "")[0] != 0
    assert run(at.settings.data, "add", "Ada", "--label", "x" * 201)[0] != 0


def test_the_database_of_a_key_may_be_named(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere.sqlite"
    Store.open(place, migrate=True).close()
    done = CliRunner().invoke(cli, ["keys", "add", "--database", str(place), "--data", str(tmp_path), "Ada"])
    assert done.exit_code == 0
    assert Scope.READ in done.output or done.output.startswith("unmask_")
