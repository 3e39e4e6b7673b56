"""`kill -9` at any time: each job ends exactly once, the API answers meanwhile, and no process is left behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from service.store.schema import analyses
from tests.pipelines.ledger.servers import free_port
from tests.pipelines.processes import alive, children_of, gone, until
from tests.service.api.bench import SETUP, bench, serving

_KILLS = 20
_JOBS = 150


@dataclass
class Served:
    """`unmask serve`, running."""

    process: subprocess.Popen[str]
    base: str
    log: Path
    said: list[str] = field(default_factory=list)

    def events(self) -> list[str]:
        """What the log tells, in order; lines of it that are no JSON are somebody else's."""
        found = []
        for line in self.log.read_text().splitlines():
            with suppress(ValueError):
                found.append(str(json.loads(line).get("event")))
        return found

    def family(self) -> list[int]:
        """Processes that it started, and theirs."""
        found, ask = list[int](), [self.process.pid]
        while ask:
            children = list(children_of(ask.pop()))
            found += children
            ask += children
        return found


@contextmanager
def serve(data: Path) -> Iterator[Served]:
    port, log = free_port(), data.with_suffix(".log")
    with log.open("a") as errors:
        process = subprocess.Popen(
            [
                *(sys.executable, "-u", "-m", "service.cli", "serve", "--engine", "local"),
                *("--data", str(data), "--port", str(port)),
            ],
            env=os.environ
            | {"UNMASK_SERVICE_RESERVE_BYTES": "0", "UNMASK_SERVICE_SIGNING_KEY": str(data.with_suffix(".pem"))},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    served = Served(process, f"http://127.0.0.1:{port}", log)
    try:

        def answers() -> bool:
            with suppress(httpx.TransportError):
                return httpx.get(f"{served.base}/health/live").status_code == 200
            return False

        assert until(answers, 60), log.read_text()
        yield served
    finally:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def first_key(served: Served) -> str:
    assert served.process.stdout is not None
    for line in served.process.stdout:
        if line.startswith("first key"):
            return line.rpartition(" ")[2].strip()
    raise AssertionError(served.log.read_text())


@pytest.mark.slow
def test_a_dispatcher_that_is_killed_at_any_time_doubles_and_loses_nothing(tmp_path: Path) -> None:
    chance = random.Random(62)  # noqa: S311 - moments of kills
    with bench(tmp_path) as made, serving(made), made.client() as client:
        made.announce()
        case = client.post("/v1/cases", json={"name": "a case"}).json()["id"]
        jobs = [
            client.post(f"/v1/cases/{case}/recordings", content=f"{number}".encode()).json()["id"]
            for number in range(_JOBS)
        ]
        call = [sys.executable, "-m", "tests.service.live.standin", str(made.settings.data), SETUP.id]
        with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as standin:
            assert standin.stdin is not None
            assert standin.stdout is not None
            for kill in range(_KILLS + 1):
                standin.stdin.write("another\n")
                standin.stdin.flush()
                process = int(standin.stdout.readline())
                if kill < _KILLS:
                    time.sleep(chance.uniform(0.0, 0.3))
                    assert client.get(f"/v1/jobs/{jobs[kill]}").status_code == 200
                else:
                    until(lambda: "open" not in client.get(f"/v1/cases/{case}").json()["states"], 60)
                os.kill(process, signal.SIGKILL)
            standin.stdin.close()
        assert client.get(f"/v1/cases/{case}").json()["states"] == {"examined": _JOBS}
        for job in jobs:
            assert client.get(f"/v1/jobs/{job}").json()["status"] == "done"
        with made.service.store.read() as db:
            rows = db.execute(select(analyses)).all()
            kinds = [row.kind for row in db.exec_driver_sql("SELECT kind FROM events").all()]
        assert {(row.state, row.charged) for row in rows} == {("examined", 1)}
        assert any(row.orphaned for row in rows)  # some were killed while they were leased
        assert kinds.count("finished") == _JOBS
        assert all((made.settings.results / json.loads(row.result)["report"] / "report.json").is_file() for row in rows)


@pytest.mark.slow
def test_the_service_as_processes_survives_kills_and_leaves_nobody_behind(tmp_path: Path) -> None:
    data = tmp_path / "data"
    secrets = ["Confidential Interview", "very_private_name.mov"]
    with serve(data) as served:
        key = first_key(served)
        secrets.append(key.removeprefix("unmask_"))
        with httpx.Client(base_url=served.base, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            assert until(lambda: "ready" in served.events(), 60), served.log.read_text()
            case = client.post("/v1/cases", json={"name": secrets[0]}).json()["id"]

            # The dispatcher dies: the API goes on, and another one begins.
            (dispatcher,) = children_of(served.process.pid)
            os.kill(dispatcher, signal.SIGKILL)
            job = client.post(
                f"/v1/cases/{case}/recordings", params={"name": secrets[1]}, content=b"no recording"
            ).json()["id"]
            assert client.get(f"/v1/jobs/{job}").json()["status"] == "queued"
            assert until(lambda: served.events().count("ready") == 2, 60), served.log.read_text()
            ended = client.get(f"/v1/jobs/{job}", params={"wait": 60}).json()
            assert ended["status"] == "done"
            assert client.get("/v1/me", headers={"Authorization": "Bearer nonsense"}).status_code == 401

            # The API dies: nobody is left after five seconds.
            family = served.family()
            assert family
            served.process.kill()
            served.process.wait(10)
            assert gone(family, 5), [one for one in family if alive(one)]

    with serve(data) as served:
        with httpx.Client(base_url=served.base, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            assert client.get(f"/v1/jobs/{job}").json() == ended
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) in {0, -signal.SIGTERM}
        log = served.log.read_text()
    for secret in secrets:
        assert secret not in log
