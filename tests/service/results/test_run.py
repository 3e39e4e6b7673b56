"""How a run went, from a run log as it is written."""

from __future__ import annotations

from pathlib import Path

from detect.types import ItemState
from pipelines.runlog import RunLog
from service.results.run import gather, read_run


def test_sittings_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunLog.open(path, "job") as log:
        log.append("begin", engine="ray")
        log.item(1, "a", ItemState.EXAMINED, None, None)
        log.append("worker_died", item=2, reason="signal", message="x")
    with path.open("ab") as file:
        file.write(b'{"torn')
    with RunLog.open(path, "job") as log:
        log.append("resume", engine="local")
        log.append("interrupt", why="time_limit", unfinished=1)
        log.append("end", ending="time_limit")
        log.append("resume", engine="local")
        log.append("end", ending="done")
    run = read_run(path, {"lab": {"network": "refused"}})
    assert [(sitting.ending, sitting.engine) for sitting in run.sittings] == [
        (None, "ray"),
        ("time_limit", "local"),
        ("done", "local"),
    ]
    assert run.sittings[0].ended_at is None
    assert run.sittings[1].ended_at is not None
    assert (run.num_worker_deaths, run.num_torn) == (1, 1)
    assert run.hosts == {"lab": {"network": "refused"}}


def test_a_log_without_a_begin_has_no_sitting() -> None:
    assert gather([{"event": "end", "at": "2025-11-22T08:00:00Z"}], {}).sittings == ()
