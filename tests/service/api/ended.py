"""Jobs that have ended with a given report, without anybody who examines: what readers do does not rest on that."""

from __future__ import annotations

from typing import Any

import httpx

from detect.report import Report
from detect.types import ItemState
from pipelines.items import Result
from service.audit import log
from service.audit.entry import Entry
from service.store import endings
from service.store.queue import Queue
from tests.service import sample_reports
from tests.service.api.bench import SETUP, Bench

CONTENT = b"\0the bytes of a recording"


def new_case(client: httpx.Client, name: str = "harbour") -> str:
    """A case of the client's; returns its id."""
    answer = client.post("/v1/cases", json={"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def hand_in(client: httpx.Client, case: str, content: bytes = CONTENT, name: str = "evening.mp4") -> dict[str, Any]:
    """A job on a recording."""
    answer = client.post(f"/v1/cases/{case}/recordings", params={"name": name}, content=content)
    assert answer.status_code in {200, 202}, answer.text
    return dict(answer.json())


def end(at: Bench, report: Report | None, state: ItemState = ItemState.EXAMINED, *, flagged: bool = False) -> None:
    """End the job that is next in the queue, as the dispatcher does."""
    queue = Queue(
        at.service.store,
        SETUP.id,
        place=at.service.vault.path,
        on_begin=endings.began,
        on_end=endings.ended(lambda _case: ()),
    )
    (lease,) = queue.lease("a test", 1, 60)
    place = None
    if report is not None:
        place = f"reports/{lease.seq:04d}"
        recording = report.body.recording.model_copy(
            update={"name": lease.chain, "chain": lease.chain, "sha256": lease.sha256, "num_bytes": lease.num_bytes}
        )
        folder = at.settings.results / place
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(sample_reports.with_body(report, recording=recording).to_json())
    assert queue.finish(lease, Result(state=state, reason=None, message="", flagged=flagged, report=place))


def examined(
    at: Bench, client: httpx.Client, report: Report | None = None, *, case: str | None = None, **given: Any
) -> dict[str, Any]:
    """A job that was examined, with a sample report unless another is given."""
    job = hand_in(client, case or new_case(client), **given)
    end(at, report or sample_reports.supports_manipulation(), flagged=True)
    return job


def recorded(at: Bench, action: str) -> list[Entry]:
    """Entries of the audit log with this action, in order."""
    with at.service.store.read() as db:
        return [entry for entry in log.entries(db) if isinstance(entry, Entry) and entry.action == action]
