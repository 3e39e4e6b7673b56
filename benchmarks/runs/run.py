"""A run: a data set's trials through the pipeline that examines evidence, and a score file of what came of them.

The run's folder holds the score file and `scan/`, the scan as any other: its ledger, log and reports. A run that was
stopped goes on from there; the score file is written when all trials have ended.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.runs.features import measure
from benchmarks.runs.finder import Finder, chain_of
from benchmarks.runs.outcome import Outcome, row_of, stretches_of
from benchmarks.runs.plan import Plan, Request, quiet
from benchmarks.runs.record import record_of
from benchmarks.scorefile import MISSING, Row, ScoreFile, Stretch, write
from benchmarks.trials import Trial
from detect.report import Report
from detect.types import ItemState
from pipelines.dispatcher import Ending, Standing
from pipelines.evidence.options import Options
from pipelines.items import Item
from pipelines.job import Done, Prepare, run_job
from pipelines.job import Request as JobRequest
from pipelines.ledger import Ledger
from pipelines.sandbox import Sandbox

SCAN = "scan"
"""Folder of the scan, below the run's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laundered:
    """Copies that stand for the trials' files."""

    condition: str
    """What was done to them."""
    copies: Mapping[str, Path]
    """By trial."""
    lost: Mapping[str, str]
    """Trials without a copy, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How a run tells of itself."""

    scan: Callable[[], AbstractContextManager[Callable[[Standing], None]]]
    """Shows the progress of a scan while its context lasts."""
    features: Callable[[int, int], None]
    """Told how many files were looked at for shortcuts, and of how many."""
    stop: threading.Event
    """Set to end it in good order."""
    prepare: Prepare


def run(request: Request, planned: Plan, watching: Watching, laundered: Laundered | None = None) -> Ending:
    """Examine the trials and write the score file; without it where the run was stopped before its end.

    Args:
        request: What is asked for.
        planned: What `plan` gave for it.
        watching: How it tells of itself.
        laundered: Copies to examine in place of the trials' files; None: the files as they are.

    Raises:
        ConfigError: the folder holds another run.
        WeightsError, DeviceError: it cannot be done here.
    """
    started, began = datetime.now(UTC), time.monotonic()
    job = _job(request, Finder(request.root, planned.trials, None if laundered is None else laundered.copies))
    with watching.scan() as tell, run_job(job, tell=tell, stop=watching.stop, prepare=watching.prepare) as done:
        if done.ending != "done":
            return done.ending
        digests = _digests(done.ledger)
        rows: list[Row] = []
        stretches: list[Stretch] = []
        for trial, outcome in _outcomes(request, planned, done, laundered):  # a report is large, a row is not
            rows.append(row_of(trial, outcome))
            stretches += stretches_of(trial, outcome)
    if laundered is None:  # a copy's loudness is the laundering's, not the data set's
        there = [trial for trial in planned.trials if chain_of(trial) in digests]
        with Sandbox() as sandbox:
            found = measure(request.root, there, sandbox, workers=request.workers or 2, tell=watching.features)
        rows = [replace(row, shortcuts={**row.shortcuts, **found.get(row.id, {})}) for row in rows]
    record = record_of(
        request,
        planned,
        digests,
        condition="as it is" if laundered is None else laundered.condition,
        started=started,
        seconds=time.monotonic() - began,
    )
    labelled = any(trial.spans for trial in planned.trials)
    write(request.out, ScoreFile(record=record, rows=rows, stretches=stretches if labelled else ()))
    return "done"


def _job(request: Request, finder: Finder) -> JobRequest:
    return JobRequest(
        roots=(request.root,),
        source=finder,
        out=request.out / SCAN,
        config=quiet(request.config),
        options=Options(),
        weights=request.weights,
        engine=request.engine,
        workers=request.workers,
        gpus=request.gpus,
        ray_address=request.ray_address,
        resume=request.resume,
    )


def _digests(ledger: Ledger) -> dict[str, str]:
    """Chain to SHA-256 of the files that were there."""
    return {item.entry.chain: item.entry.sha256 or "unreadable" for item in ledger.items()}


def _outcomes(
    request: Request, planned: Plan, done: Done, laundered: Laundered | None
) -> Iterator[tuple[Trial, Outcome]]:
    items = {item.seq: item for item in done.ledger.items()}
    by_chain = {item.entry.chain: item for item in items.values()}
    lost = {} if laundered is None else laundered.lost
    for trial in planned.trials:
        item = by_chain.get(chain_of(trial))
        if item is None:
            yield trial, Outcome(state=MISSING, reason=lost.get(trial.id, ""))
        else:
            yield trial, _outcome(request.out / SCAN, items, item)


def _outcome(scan: Path, items: Mapping[int, Item], item: Item) -> Outcome:
    # A file with the same bytes as another was examined once, and what is said of the one holds for both.
    if item.duplicate_of is not None:
        item = items[item.duplicate_of]
    result = item.result
    if result is None:
        return Outcome(state=str(item.entry.state or ItemState.CANCELLED), reason=item.entry.reason or "")
    body = None
    if result.report is not None:
        body = Report.model_validate_json((scan / result.report / "report.json").read_bytes()).body
    return Outcome(state=result.state, reason=result.reason or "", body=body)
