"""Small scans made by recipe: evidence that breaks decoders, a ledger, a dispatcher, and an executor that obeys."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detect.errors import DeviceError
from detect.types import ItemState
from pipelines.copies import Copies
from pipelines.dispatcher import Dispatcher, Policy, Standing
from pipelines.examine import Examined
from pipelines.executor import Failed, Worker
from pipelines.intake import Found, Intake
from pipelines.items import Container, Entry, JobFacts, Lease, Result, Step
from pipelines.ledger import Ledger
from pipelines.ledger.sqlite import SqliteLedger
from pipelines.names import escape
from pipelines.runlog import RunLog


def facts(*, triage: bool = False) -> JobFacts:
    return JobFacts(
        id="4d5b7f5e-0000-4000-8000-000000000001",
        tool="unmask test",
        config_digest="0" * 64,
        config={},
        models={},
        roots=("/evidence",),
        options={"triage": triage},
        created_at="2026-01-01T00:00:00+00:00",
    )


def entry(path: Path, **more: object) -> Entry:
    content = path.read_bytes() if path.is_file() else path.name.encode()
    values = {
        "chain": path.name,
        "locator": (Step("file", escape(os.fsencode(path))),),
        "num_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return Entry(**{**values, **more})  # type: ignore[arg-type]


def found(entries: Sequence[Entry], size: int = 10) -> Iterator[Found]:
    for start in range(0, len(entries), size):
        yield list(entries[start : start + size])
    yield [Container(chain="evidence", kind="folder", state="listed", num_members=len(entries))]


Obey = Callable[[Lease], Examined | Failed | None]
"""What an examination gives; None never ends."""


@dataclass
class Obedient:
    """An executor without processes: it does what it is told to, in any order."""

    obey: Obey
    places: int = 2
    began: list[tuple[int, int, str]] = field(default_factory=list)
    killed: list[int] = field(default_factory=list)
    _ended: deque[Examined | Failed] = field(default_factory=deque)
    _busy: set[int] = field(default_factory=set)

    def free(self) -> int:
        return self.places - len(self._busy)

    def submit(self, lease: Lease) -> None:
        assert self.free() > 0
        self.began.append((lease.seq, lease.attempt, lease.stage))
        self._busy.add(lease.seq)
        outcome = self.obey(lease)
        if outcome is not None:
            self._ended.append(outcome)

    def wait(self, seconds: float) -> list[Examined | Failed]:
        if not self._ended:
            threading.Event().wait(min(seconds, 0.01))
            return []
        outcome = self._ended.pop()  # the last first: results come in any order
        self._busy.discard(outcome.lease.seq)
        return [outcome]

    def kill(self, lease: Lease) -> bool:
        self.killed.append(lease.seq)
        self._busy.discard(lease.seq)
        return True

    def workers(self) -> list[Worker]:
        return [Worker(host="here", protections={})]

    def close(self) -> None:
        self._busy.clear()


def good(lease: Lease, *, flagged: bool = False) -> Examined:
    if lease.stage == "look":
        return Examined(lease=lease, result=_result(flagged=False), suspicion=float(lease.seq % 7))
    return Examined(
        lease=lease, result=_result(flagged=flagged), report_json=f'"{lease.chain}"', report_html=f"<p>{lease.seq}"
    )


def _result(*, flagged: bool) -> Result:
    return Result(state=ItemState.EXAMINED, reason=None, message="", flagged=flagged, llr=1.0 if flagged else -1.0)


def died(lease: Lease) -> Failed:
    return Failed(lease=lease, blame="item", state=ItemState.CRASHED, reason="worker_died", message="gone")


def machine(lease: Lease, fatal: DeviceError | None = None) -> Failed:
    return Failed(lease=lease, blame="machine", state=ItemState.CRASHED, reason="ray_died", message="gone", fatal=fatal)


@dataclass
class Bench:
    """A folder, a ledger and a log; makes dispatchers."""

    out: Path
    ledger: Ledger
    log: RunLog
    copies: Copies
    told: list[Standing] = field(default_factory=list)

    def dispatcher(
        self,
        executor: Obedient,
        entries: Iterator[Found],
        *,
        policy: Policy | None = None,
        owner: str = "test",
        stop: threading.Event | None = None,
    ) -> Dispatcher:
        return Dispatcher(
            work=self.ledger,
            executor=executor,
            intake=Intake(self.ledger, entries, self.copies, self.log),
            out=self.out,
            copies=self.copies,
            policy=policy or Policy(grace_seconds=0.2),
            log=self.log,
            tell=self.told.append,
            owner=owner,
            stop=stop or threading.Event(),
        )


def bench(out: Path, *, triage: bool = False) -> Bench:
    (out / "work").mkdir(parents=True)
    ledger = SqliteLedger(out / "work" / "ledger.sqlite")
    ledger.begin(facts(triage=triage))
    return Bench(
        out=out,
        ledger=ledger,
        log=RunLog.open(out / "run.jsonl", facts().id),
        copies=Copies(out / "work" / "copies", 1000),
    )
