"""One scan from its evidence to a final row for every item: the loop that leases, watches, collects and commits.

What it promises, and where:

1. nothing is lost        what is found and how it ended is in the ledger before anything is done about it
2. nothing is doubled     a result counts only under the lease it was ordered with
3. nothing hangs          every examination has a deadline, and its worker is killed there
4. nothing poisons        an item whose workers die is set aside after `MAX_ATTEMPTS`
5. stopping is safe       a signal gives unfinished items back; `kill -9` leaves leases that `recover` opens
6. memory is bounded      finding waits for the ledger, copies wait for room, items for a free worker

The loop and the ledger live in one thread.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from detect.errors import DeviceError
from detect.types import ItemState
from pipelines.copies import Copies
from pipelines.examine import Examined
from pipelines.executor import Executor, Failed
from pipelines.intake import Intake
from pipelines.items import Counts, Lease, Result
from pipelines.ledger import Work
from pipelines.runlog import RunLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long things may take."""

    deadline_floor_seconds: float = 900.0
    """For one examination, whatever its size. Decoding alone may take `limits.deadline_floor_seconds`, twice, for
    pictures and for sound; finding faces takes several times that on a slow CPU."""
    deadline_seconds_per_megabyte: float = 120.0
    """Added for each megabyte: four times what decoding alone may take."""
    lease_seconds: float = 60.0
    """A dispatcher that is gone is noticed by others after this long."""
    time_limit_seconds: float | None = None
    """After this no new item is begun."""
    grace_seconds: float = 3.0
    """What is nearly done when a scan is stopped may finish; the rest is given back."""
    max_device_errors: int = 3
    """Errors of the device one after the other that stop the scan: then it is not the items."""


Ending = Literal["done", "interrupted", "time_limit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a scan is, for whoever shows progress."""

    counts: Counts
    current: tuple[str, ...]
    """Chains that are being examined."""
    seconds: float
    """Since this run began."""
    num_ended: int
    """Items that ended in this run."""


@dataclass(slots=True, kw_only=True)
class _Running:
    lease: Lease
    began: float
    deadline: float


@dataclass(slots=True)
class Dispatcher:
    """Runs one scan.

    Args:
        work: Gives items out and takes results: a ledger, or a queue that others fill.
        executor: Who examines.
        intake: Files what is found; None where others do, and then it works until it is stopped.
        out: Result folder.
        copies: Of members of containers, which are examined from a file of their own.
        policy: How long things may take.
        log: Where it is written down what was done.
        tell: Shown where the scan is, about twice a second.
        owner: Under which items are leased; never used before.
        stop: Set it to end the scan in good order.
        withdrawn: Which of these leases nobody wants a result of any more.
    """

    work: Work
    executor: Executor
    intake: Intake | None
    out: Path
    copies: Copies
    policy: Policy
    log: RunLog
    tell: Callable[[Standing], None]
    owner: str
    stop: threading.Event
    withdrawn: Callable[[Collection[Lease]], Collection[Lease]] = lambda _leases: ()
    _running: dict[int, _Running] = field(default_factory=dict)
    _num_ended: int = 0
    _num_device_errors: int = 0
    _began: float = field(default_factory=time.monotonic)

    def run(self) -> Ending:
        """Work until everything has ended, the time is up, or `stop` is set.

        Raises:
            WeightsError, DeviceError, ConfigError: the scan cannot go on; what was done is kept.
        """
        next_renewal = next_tell = 0.0
        try:
            while True:
                busy = self.intake is not None and self.intake.take()
                self._collect(0.0 if busy else 0.05)
                self._end_overdue()
                now = time.monotonic()
                if now >= next_renewal:
                    self.work.renew(self.owner, self.policy.lease_seconds)
                    self.work.recover(self.owner)
                    next_renewal = now + self.policy.lease_seconds / 4
                if now >= next_tell:
                    self._end_withdrawn()
                    self.tell(self._standing())
                    next_tell = now + _TELL_SECONDS
                if self.stop.is_set():
                    return self._leave("interrupted")
                if self._time_is_up():
                    return self._leave("time_limit")
                given_out = self._give_out()
                if not given_out and self.intake is not None and self.intake.complete and not self._running:
                    self.tell(self._standing())
                    return "done"
        finally:
            if self.intake is not None:
                self.intake.close()
            for running in self._running.values():
                self.work.release(running.lease)
            self._running.clear()

    def _give_out(self) -> bool:
        """Lease what there is room for; True where something was given out or could be."""
        free = self.executor.free()
        if not free:
            return True
        leases = self.work.lease(self.owner, free, self.policy.lease_seconds)
        for lease in leases:
            # 3. A deadline for each examination.
            seconds = self.policy.deadline_floor_seconds
            seconds += self.policy.deadline_seconds_per_megabyte * (lease.num_bytes or 0) / 1e6
            now = time.monotonic()
            self._running[lease.seq] = _Running(lease=lease, began=now, deadline=now + seconds)
            self.executor.submit(lease)
        return bool(leases)

    def _collect(self, seconds: float) -> None:
        for outcome in self.executor.wait(seconds):
            self._running.pop(outcome.lease.seq, None)
            if isinstance(outcome, Failed):
                self._settle(outcome)
            else:
                self._num_device_errors = 0
                self._keep(outcome)

    def _keep(self, examined: Examined) -> None:
        """2. Files first, each put in place whole; then the result and the state, in one transaction."""
        lease, result = examined.lease, examined.result
        if examined.suspicion is not None:
            self.work.looked(lease, examined.suspicion)
            if lease.spool is not None and self.copies.crowded():
                self.copies.drop(lease.spool)  # or finding would wait for room, and the full examinations for finding
            return
        if examined.report_json is not None:
            folder = report_folder(lease)
            write_whole(self.out / folder / "report.json", examined.report_json)
            if examined.report_html is not None:
                write_whole(self.out / folder / "report.html", examined.report_html)
            result = replace(result, report=folder)
        if self.work.finish(lease, result):
            self._ended(lease, result.state, result.reason, result.report)

    def _settle(self, failed: Failed) -> None:
        """4. An attempt that failed: charged to the item, or to the machine."""
        self.log.append("worker_died", item=failed.lease.seq, reason=failed.reason, message=failed.message)
        if failed.blame == "item":
            if self.work.fail(failed.lease, failed.state, failed.reason, failed.message):
                self._ended(failed.lease, failed.state, failed.reason)
            return
        self.work.release(failed.lease)
        if failed.fatal is not None:
            self._num_device_errors += 1
            if self._num_device_errors >= self.policy.max_device_errors:
                raise DeviceError(f"{self._num_device_errors} times one after the other: {failed.fatal}")

    def _end_overdue(self) -> None:
        """3. Kill what is past its deadline; that is the item's end, for waiting again would take as long again."""
        now = time.monotonic()
        for running in [running for running in self._running.values() if now > running.deadline]:
            if not self.executor.kill(running.lease):
                continue
            del self._running[running.lease.seq]
            message = f"Its examination was ended after {running.deadline - running.began:.0f} s, its deadline."
            result = Result(state=ItemState.TIMEOUT, reason="deadline", message=message)
            if self.work.finish(running.lease, result):
                self._ended(running.lease, result.state, result.reason)

    def _end_withdrawn(self) -> None:
        """What was cancelled meanwhile need not go on; an executor that cannot end it lets it run out."""
        for lease in self.withdrawn([running.lease for running in self._running.values()]):
            if self.executor.kill(lease):
                del self._running[lease.seq]

    def _leave(self, ending: Ending) -> Ending:
        """5. Let what is nearly done finish, give the rest back."""
        until = time.monotonic() + self.policy.grace_seconds
        while self._running and time.monotonic() < until:
            self._collect(0.1)
        self.log.append("interrupt", why=ending, unfinished=len(self._running))
        self.tell(self._standing())
        return ending

    def _ended(self, lease: Lease, state: ItemState, reason: str | None, report: str | None = None) -> None:
        self._num_ended += 1
        self.log.item(lease.seq, lease.chain, state, reason, self.out / report / "report.json" if report else None)
        if lease.spool is not None:
            self.copies.drop(lease.spool)

    def _time_is_up(self) -> bool:
        limit = self.policy.time_limit_seconds
        return limit is not None and time.monotonic() - self._began > limit

    def _standing(self) -> Standing:
        return Standing(
            counts=self.work.counts(),
            current=tuple(running.lease.chain for running in self._running.values()),
            seconds=time.monotonic() - self._began,
            num_ended=self._num_ended,
        )


_TELL_SECONDS = 0.5


def new_owner() -> str:
    """A name to lease under: tells a person which process it is, and was never used before."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def report_folder(lease: Lease) -> str:
    """Where an item's report lies: by number, a thousand to a folder; a name from the evidence chooses no place."""
    digest = (lease.sha256 or "unhashed")[:12]
    return f"reports/{lease.seq // 1000:04d}/{lease.seq:07d}-{digest}"


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
