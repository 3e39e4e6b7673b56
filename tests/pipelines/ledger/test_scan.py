"""A whole scan with its ledger in PostgreSQL: begun, resumed, and the same results as with a file."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from detect.config import Config, Sampling
from pipelines.evidence.options import Options
from pipelines.job import WORK, Request, run_job
from tests.pipelines.evidence.small import EXPECTED, make_case
from tests.pipelines.ledger.servers import Server


def _states(request: Request) -> dict[str, str]:
    with run_job(request, tell=lambda _standing: None, stop=threading.Event(), prepare=lambda: None) as done:
        assert done.ending == "done"
        return {item.entry.chain: str(item.entry.state) for item in done.ledger.items()}


def test_a_scan_with_its_ledger_on_a_server(server: Server, tmp_path: Path) -> None:
    request = Request(
        roots=(make_case(tmp_path),),
        out=tmp_path / "out",
        config=Config(sampling=Sampling(min_frames=4)),
        options=Options(),
        engine="local",
        ledger=server.url(),
    )
    assert _states(request) == EXPECTED
    assert not list((tmp_path / "out" / WORK).glob("*.sqlite*"))
    assert _states(replace(request, resume=True)) == EXPECTED
