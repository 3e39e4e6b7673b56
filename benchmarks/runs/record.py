"""The record of a run: what was run on what, in digests that anybody can recompute."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime

from benchmarks.datasets.dataset import Counts
from benchmarks.machine import commit, this_machine, typed
from benchmarks.runs.choice import title
from benchmarks.runs.finder import chain_of
from benchmarks.runs.guards import is_development
from benchmarks.runs.plan import Plan, Request, quiet
from benchmarks.scorefile import FINDING, RunRecord, System
from benchmarks.trials import SUBJECTS, Subject, split_sha256
from detect.types import Modality
from detect.version import VERSION
from weights import load_manifest


def record_of(
    request: Request,
    planned: Plan,
    digests: Mapping[str, str],
    *,
    condition: str,
    started: datetime,
    seconds: float,
) -> RunRecord:
    """The record of a run that has ended.

    Args:
        request: What was asked for.
        planned: What was run.
        digests: Chain to SHA-256 of the files that were there.
        condition: What was done to the files before.
        started: When it began, or was resumed.
        seconds: How long it took since then.
    """
    trials = planned.trials
    there = [trial for trial in trials if chain_of(trial) in digests]
    data = hashlib.sha256()
    for trial in sorted(there, key=lambda one: one.id):
        data.update(f"{trial.id}\t{digests[chain_of(trial)]}\n".encode())
    whole = not request.choice.filters and request.choice.limit is None
    counts = request.data_set.expected.get(request.choice.split, Counts()) if whole else Counts()
    return RunRecord(
        name=request.out.name,
        data_set=request.data_set.name,
        title=title(request.title or request.data_set.title, request.choice),
        split=request.choice.split,
        filters=dict(request.choice.filters),
        condition=condition,
        limit=request.choice.limit,
        data_sha256=data.hexdigest(),
        split_sha256=split_sha256(trials),
        num_trials=len(trials),
        num_missing=len(trials) - len(there),
        expected={"bonafide": counts.bonafide, "spoof": counts.spoof, "total": counts.all},
        partial=len(there) < len(trials) or (counts.all is not None and len(trials) < counts.all),
        development=is_development(request.data_set, trials),
        systems=tuple(_systems(planned)),
        config_digest=quiet(request.config).digest(),
        config=quiet(request.config).model_dump(mode="json"),
        tool=f"unmask {VERSION}",
        commit=commit(),
        command=typed(),
        engine=request.engine,
        machine=this_machine("cpu" if not request.gpus else "cuda"),
        started_at=started.isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
        notes=tuple(planned.listing.notes),
    )


def _systems(planned: Plan) -> Iterator[System]:
    """Checkpoints of the subjects that have labels; the report as a whole where something calibrated it."""
    manifest = load_manifest()
    labelled = {subject for trial in planned.trials for subject in trial.labels}
    calibrated: set[Subject] = set()
    for modality in Modality:
        subject: Subject = modality.value
        for model in planned.checkpoints.models[modality]:
            filed = manifest.calibration_path(model.checkpoint)
            if filed is not None:
                calibrated |= {subject, "recording"}
            if subject in labelled:
                yield System(
                    name=model.checkpoint.name,
                    subject=subject,
                    weights_sha256=model.checkpoint.sha256,
                    calibration_sha256=None if filed is None else hashlib.sha256(filed.read_bytes()).hexdigest(),
                    in_domain=planned.in_domain.get(model.checkpoint.name, ()),
                )
    everything = tuple(sorted({corpus for seen in planned.in_domain.values() for corpus in seen}))
    for subject in SUBJECTS:
        if subject in labelled & calibrated:
            yield System(name=FINDING + subject, subject=subject, in_domain=everything)
