"""Keeping house: what is over is deleted, what a crash left behind is removed, and the audit log is signed each day.

Nothing of it is urgent and everything can be cut off: what is left is found the next time. Several processes may do it
at the same time.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import structlog

from detect.errors import ConfigError
from service.api.tus import expire_uploads
from service.audit.commands import sign_log
from service.deletion import delete_expired_job, remove_unheld
from service.problems import Problem
from service.state import Service
from service.store import deliveries, retention
from service.vault.errors import VaultError

_log = structlog.get_logger("unmask.housekeeping")
_ROUND_SECONDS = 3600.0
"""Retention is told in days and uploads live for hours."""
_ROUNDS_TO_SWEEP = 24
"""Reading all folders is dear on a large store, and finds only what crashes left."""
_AGE_SECONDS = 86_400.0
"""Nothing younger is taken for left behind: its row may be about to be written."""
_JOBS = 100
_DIGESTS = 500
"""Asked about at a time."""
_GROUP = re.compile(r"[0-9]{4,}")
_REPORT = re.compile(r"[0-9]{7,}-[0-9a-z]+")
"""Names of folders as `pipelines.dispatcher.report_folder` gives them, a thousand to a group."""


class Housekeeper:
    """A thread that keeps house until the service is stopping."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait until it has ended."""
        self._thread.join(seconds)

    def _run(self) -> None:
        rounds = 0
        while True:
            done, _ = keep_house(self._service, sweep=rounds % _ROUNDS_TO_SWEEP == 1)  # not while everything starts
            if any(done.values()):
                _log.info("kept house", **{name.replace(" ", "_"): number for name, number in done.items() if number})
            rounds += 1
            if self._service.stopping.wait(_ROUND_SECONDS):
                return


def keep_house(
    service: Service, *, sweep: bool, age_seconds: float = _AGE_SECONDS
) -> tuple[Mapping[str, int], Mapping[str, str]]:
    """Do everything once.

    Args:
        service: Whose.
        sweep: Look also for evidence and results that nothing belongs to.
        age_seconds: How old they must be.

    Returns:
        How many of what were dealt with; and which steps failed, and why.
    """
    done: dict[str, int] = {}
    failed: dict[str, str] = {}
    steps: dict[str, Callable[[], int]] = {
        "uploads ended": lambda: expire_uploads(service),
        "jobs deleted": lambda: _delete_expired(service),
        "rows removed": lambda: _forget(service),
        "checkpoints written": lambda: _sign(service),
    }
    if sweep:
        steps |= {
            "evidence removed": lambda: _sweep_evidence(service, age_seconds),
            "results removed": lambda: _sweep_results(service, age_seconds),
        }
    for name, step in steps.items():
        if service.stopping.is_set():
            break
        try:
            done[name] = step()
        except (Problem, VaultError, ConfigError, OSError) as error:
            failed[name] = f"{type(error).__name__}: {error}"
            _log.error("housekeeping failed", step=name, kind=type(error).__name__, error=str(error))
    return done, failed


def _delete_expired(service: Service) -> int:
    number = 0
    while not service.stopping.is_set():
        with service.store.read() as db:
            now = service.store.now(db)
            found = retention.expired_jobs(db, service.settings.retention_days, _JOBS, now=now)
        if not found:
            break
        for job in found:
            if service.stopping.is_set():
                break
            number += delete_expired_job(service, job)
    return number


def _forget(service: Service) -> int:
    with service.store.write() as db:
        now = service.store.now(db)
        hooks = [hook.name for hook in service.settings.hooks]
        return sum(retention.forget_rows(db, now=now).values()) + deliveries.give_up_unknown(db, hooks, now=now)


def _sign(service: Service) -> int:
    """The day's checkpoint. It is worth something only where it is copied to: see docs/service.md."""
    folder = service.settings.data / "checkpoints"
    folder.mkdir(mode=0o700, exist_ok=True)
    with service.store.read() as db:
        today = datetime.fromtimestamp(service.store.now(db), UTC).date()
    path = folder / f"{today.isoformat()}.checkpoint"
    if path.exists():
        return 0
    part = folder / f".{secrets.token_hex(8)}.part"
    sign_log(service.store, service.signing_key, part)
    try:
        path.hardlink_to(part)  # whole or not at all
    except FileExistsError:  # another process was first
        return 0
    finally:
        part.unlink()
    return 1


def _sweep_evidence(service: Service, age_seconds: float) -> int:
    number, digests = 0, service.vault.digests()
    while some := list(islice(digests, _DIGESTS)):
        old = [digest for digest in some if _is_old(service.vault.path(digest), age_seconds)]
        with service.store.read() as db:
            unheld = retention.unheld(db, old)
        number += sum(remove_unheld(service, digest) for digest in sorted(unheld))
    return number


def _sweep_results(service: Service, age_seconds: float) -> int:
    number = 0
    for group in _folders(service.settings.results / "reports", _GROUP):
        old = [folder for folder in _folders(group, _REPORT) if _is_old(folder, age_seconds)]
        if not old:
            continue
        first = int(group.name) * 1000
        with service.store.read() as db:
            known = retention.reports(db, first, first + 999)
        for folder in old:
            if str(folder.relative_to(service.settings.results)) not in known:
                shutil.rmtree(folder)
                number += 1
    return number


def _folders(folder: Path, name: re.Pattern[str]) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if name.fullmatch(path.name) and path.is_dir())


def _is_old(path: Path, seconds: float) -> bool:
    """Whether nothing has been done to it for so long; not where it is gone."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return max(status.st_mtime, status.st_ctime) < time.time() - seconds
