"""More work than there is room for: what is accepted ends, the rest is told when to come again, live goes first."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from pipelines.copies import Copies
from pipelines.dispatcher import Dispatcher, Policy
from pipelines.runlog import RunLog
from service.store import endings
from service.store.queue import BATCH, Queue
from tests.pipelines.processes import until
from tests.pipelines.scans import Obedient, Obey, good
from tests.service.api.bench import SETUP, Bench, bench, serving
from tests.service.store.desk import Desk, setup

_LIMIT = 40
_CLIENTS = 1_000


@contextmanager
def dispatching(made: Bench, obey: Obey, of: str = SETUP.id) -> Iterator[Obedient]:
    """The real dispatcher over the real queue, in a thread, with an executor that answers at once."""
    folder = made.settings.data / "work"
    folder.mkdir(parents=True, exist_ok=True)
    stop, executor = threading.Event(), Obedient(obey=obey)
    queue = Queue(
        made.service.store,
        of,
        place=made.service.vault.path,
        on_begin=endings.began,
        on_end=endings.ended(lambda _: []),
    )
    with RunLog.open(folder / "test.jsonl", "test") as log:
        dispatcher = Dispatcher(
            work=queue, executor=executor, intake=None, out=made.settings.results,
            copies=Copies(folder / "copies", 1_000), policy=Policy(grace_seconds=0.2), log=log, tell=lambda _: None,
            owner="test", stop=stop, withdrawn=queue.withdrawn,
        )  # fmt: skip
        thread = threading.Thread(target=dispatcher.run, name="dispatcher")
        thread.start()
        try:
            yield executor
        finally:
            stop.set()
            thread.join(30)


async def hand_in_at_once(made: Bench, case: str) -> list[httpx.Response]:
    """A thousand clients, each with a recording of its own."""
    async with httpx.AsyncClient(
        base_url=made.base,
        headers={"Authorization": f"Bearer {made.key}"},
        timeout=120,
        limits=httpx.Limits(max_connections=_CLIENTS),
    ) as client:
        return await asyncio.gather(
            *(client.post(f"/v1/cases/{case}/recordings", content=f"{number}".encode()) for number in range(_CLIENTS))
        )


@pytest.mark.slow
def test_of_a_thousand_at_once_those_that_are_accepted_all_end(tmp_path: Path) -> None:
    with bench(tmp_path, max_open_jobs=_LIMIT, max_connections=600) as made, serving(made), made.client() as client:
        made.announce()
        case = client.post("/v1/cases", json={"name": "a case"}).json()["id"]
        answers = asyncio.run(hand_in_at_once(made, case))
        counts = Counter(answer.status_code for answer in answers)
        assert set(counts) <= {202, 429, 503}, counts
        assert counts[202] == _LIMIT
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers if answer.status_code != 202)
        jobs = [answer.json()["id"] for answer in answers if answer.status_code == 202]
        with dispatching(made, good):

            def ended() -> bool:
                return client.get(f"/v1/cases/{case}").json()["states"] == {"examined": _LIMIT}

            assert until(ended, 60)
        assert {client.get(f"/v1/jobs/{job}").json()["status"] for job in jobs} == {"done"}
        assert client.post(f"/v1/cases/{case}/recordings", content=b"now there is room").status_code == 202


def test_live_work_does_not_wait_for_a_batch(tmp_path: Path) -> None:
    with bench(tmp_path) as made, serving(made), made.client() as client:
        desk = Desk(made.service.store)
        desk.many(20_000, priority=BATCH)
        case = client.post("/v1/cases", json={"name": "a case"}).json()["id"]
        with dispatching(made, good, setup().id) as executor:
            answer = client.post(f"/v1/cases/{case}/recordings", params={"wait": 30}, content=b"urgent")
            assert answer.status_code == 200, answer.text
            assert answer.json()["status"] == "done"
            assert len(executor.began) < 5_000
