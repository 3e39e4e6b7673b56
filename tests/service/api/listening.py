"""Somebody who watches: opens a stream of events, and reads it as a browser does; and somebody who makes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from detect.types import ItemState
from pipelines.items import Lease, Result
from service.store import endings
from service.store.events import add_event
from service.store.queue import Queue
from service.store.setups import Setup
from tests.service.api.bench import SETUP, Bench


@dataclass
class Heard:
    """One event."""

    kind: str
    id: str | None
    data: dict[str, Any] = field(default_factory=dict)


def heard(lines: Iterable[str]) -> Iterator[Heard]:
    """Events out of the lines of a stream; what has no data is none."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields:
            yield Heard(fields.get("event", "message"), fields.get("id"), json.loads(fields["data"]))
        fields = {}


@contextmanager
def listening(client: httpx.Client, path: str, last: str | None = None, **params: str) -> Iterator[Iterator[Heard]]:
    """A stream's events, as they come; they end when the stream does."""
    headers = {} if last is None else {"Last-Event-ID": last}
    with client.stream("GET", path, params=params, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield heard(answer.iter_lines())


def new_case(client: httpx.Client, name: str = "a case") -> str:
    answer = client.post("/v1/cases", json={"name": name})
    assert answer.status_code == 201
    return str(answer.json()["id"])


def hand_in(client: httpx.Client, case: str, content: bytes = b"anything") -> dict[str, Any]:
    """A job that stays in the queue."""
    answer = client.post(f"/v1/cases/{case}/recordings", params={"name": "a.mp4"}, content=content)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def happen(at: Bench, case: str, job: str, number: int, **data: Any) -> None:
    """Let a number of things happen to a job, at once."""
    with at.service.store.write() as db:
        for _ in range(number):
            add_event(db, "reviewed", case, job, data, now=at.service.store.now(db))


class Examiner:
    """A dispatcher's hands: leases and ends examinations as the test says."""

    def __init__(self, at: Bench, setup: Setup = SETUP) -> None:
        hooks = at.settings.hooks_of
        service = at.service
        self.queue = Queue(
            service.store, setup.id, place=service.vault.path, on_begin=endings.began, on_end=endings.ended(hooks)
        )  # fmt: skip

    def begin(self) -> Lease:
        """The next examination."""
        (lease,) = self.queue.lease("test", 1, 600)
        return lease

    def end(self, lease: Lease, *, flagged: bool, report: str | None = None) -> None:
        """Its end."""
        verbal = "supports manipulation" if flagged else "supports bona fide"
        finding = {"subject": "face", "status": "calibrated", "llr": 1.0, "verbal": verbal, "flagged": flagged}
        result = Result(
            state=ItemState.EXAMINED, reason=None, message="", flagged=flagged, llr=1.0, report=report,
            summary={"findings": [finding]},
        )  # fmt: skip
        assert self.queue.finish(lease, result)
