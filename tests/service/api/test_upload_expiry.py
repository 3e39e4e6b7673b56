"""Uploads whose end was cut off, and those that nobody goes on with: what becomes of them, and when."""

from __future__ import annotations

import os
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from service.api import receive
from service.api.tus import expire_uploads
from service.store.keys import caller_of_key
from service.store.schema import audit, uploads
from service.vault.vault import Stored
from tests.service.api.bench import Bench
from tests.service.api.test_jobs import new_case
from tests.service.api.test_tus import DIGEST, MOVIE, TUS, begin, send


class Killed(BaseException):
    """In place of a power cut."""


@pytest.mark.parametrize("step", ["before", "after"])
@pytest.mark.parametrize("who", ["head", "patch", "housekeeping"])
def test_an_upload_whose_end_was_cut_off_becomes_a_job(at: Bench, client: httpx.Client, step: str, who: str) -> None:
    """Cut off before the database knew of the job, or before the upload's own names were gone."""
    case = new_case(client)
    url = begin(client, case)
    upload = url.rpartition("/")[2]
    send(client, url, 0, MOVIE[:-1])
    at.service.incoming.append(upload, len(MOVIE) - 1, [MOVIE[-1:]])
    if step == "after":
        cut = Path(at.settings.data / "incoming" / upload)
        kept = cut.read_bytes()
        assert "Unmask-Job" in client.head(url, headers=TUS).headers
        cut.write_bytes(kept)
        cut.with_name(f"{upload}.state").touch()
    else:

        def cut_off(_: Stored) -> None:
            raise Killed

        with pytest.raises(Killed):
            at.service.incoming.finish(upload, None, cut_off)
    if who == "housekeeping":
        assert expire_uploads(at.service) == 1
        assert list(at.service.incoming.uploads()) == []
    elif who == "patch":
        assert "Unmask-Job" in send(client, url, len(MOVIE), b"").headers
    assert client.head(url, headers=TUS).headers["Unmask-Job"].startswith("job_")
    assert len(client.get("/v1/jobs", params={"case": case}).json()["jobs"]) == 1
    assert list(at.service.vault.digests()) == [DIGEST]


def test_a_recording_whose_request_died_with_the_service_goes(at: Bench, client: httpx.Client) -> None:
    """Nobody was told its id, so that nobody can go on; who handed it in got no answer, and hands it in again."""
    case = new_case(client)
    with at.service.store.read() as db:
        caller = caller_of_key(db, at.key, now=time.time())
    assert caller is not None
    delivery = receive.Delivery(case_id=case, filename="a", priority=0, num_bytes=5, sha256=None)
    young, old = (receive.begin(at.service, caller, delivery) for _ in range(2))
    for upload in (young, old):
        at.service.incoming.append(upload, 0, [b"movie"])
        assert client.head(f"/v1/uploads/{upload}", headers=TUS).status_code == 404
    grow_old(at, old)
    assert expire_uploads(at.service) == 1
    assert [part.id for part in at.service.incoming.uploads()] == [young]
    assert client.get("/v1/jobs", params={"case": case}).json()["jobs"] == []


def grow_old(at: Bench, upload: str, seconds: float = 4000) -> None:
    """Make it as if the last byte came so long ago."""
    for name in (upload, f"{upload}.state"):
        path = at.settings.data / "incoming" / name
        if path.exists():
            age = path.stat().st_mtime - seconds
            os.utime(path, (age, age))
    with at.service.store.write() as db:
        changed = {"created_at": uploads.c.created_at - seconds}
        db.execute(update(uploads).where(uploads.c.id == upload).values(changed))


def test_expired_uploads_end(at: Bench, client: httpx.Client) -> None:
    case = new_case(client)
    old, young, lost = (begin(client, case) for _ in range(3))
    send(client, old, 0, b"x" * 100)
    send(client, young, 0, b"x" * 100)
    at.service.incoming.discard(lost.rpartition("/")[2])
    stray = "upload_" + "a" * 32
    at.service.incoming.create(stray)
    assert expire_uploads(at.service) == 0
    with at.service.store.write() as db:
        row = db.execute(select(uploads).where(uploads.c.id == young.rpartition("/")[2])).one()
        assert row.received_bytes == 100
        db.execute(update(uploads).where(uploads.c.id == old.rpartition("/")[2]).values(expires_at=row.created_at - 1))
    grow_old(at, lost.rpartition("/")[2])
    grow_old(at, stray)
    assert client.head(old, headers=TUS).status_code == 410
    assert send(client, old, 100, b"x").status_code == 410
    assert expire_uploads(at.service) == 3
    assert [client.head(url, headers=TUS).status_code for url in (old, young, lost)] == [410, 200, 410]
    assert [part.id for part in at.service.incoming.uploads()] == [young.rpartition("/")[2]]
    with at.service.store.read() as db:
        ended = db.execute(select(audit.c.object).where(audit.c.action == "upload_terminated")).all()
    assert len(ended) == 2
