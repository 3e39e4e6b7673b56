"""Runs on the same trials, as they are and laundered, put together; what does not belong together is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results_page.run_section import AS_IT_IS
from benchmarks.robustness.laundering import Laundering
from benchmarks.robustness.launderings import LAUNDERINGS, laundering
from benchmarks.scorefile import RunRecord, ScoreFile, read
from detect.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """One set of trials in all its conditions."""

    clean: ScoreFile
    laundered: Sequence[tuple[Laundering, ScoreFile]]
    """In the order of `LAUNDERINGS`."""


def conditions(folders: Iterable[Path]) -> list[Conditions]:
    """Runs by the trials they are of, by name of the clean one.

    Raises:
        ConfigError: a run is of a development split, laundered runs have no clean one beside them or two, a condition
            is no laundering, or a system's weights or calibration differ between conditions.
    """
    groups: dict[tuple[str, ...], list[ScoreFile]] = {}
    for folder in folders:
        run = read(folder)
        if run.record.development:
            raise ConfigError(f"{run.record.name} is of trials that served for development: its numbers are not shown")
        groups.setdefault(_trials(run.record), []).append(run)
    return sorted(map(_together, groups.values()), key=lambda one: one.clean.record.name)


def _trials(record: RunRecord) -> tuple[str, ...]:
    return (record.data_set, record.split, record.split_sha256)


def _together(runs: Sequence[ScoreFile]) -> Conditions:
    clean = [run for run in runs if run.record.condition == AS_IT_IS]
    names = ", ".join(run.record.name for run in runs)
    if len(clean) != 1:
        raise ConfigError(f"of the same trials one run has to be of files as they are, not {len(clean)}: {names}")
    (reference,) = clean
    changed = [(laundering(run.record.condition), run) for run in runs if run is not reference]
    if len({one.name for one, _ in changed}) < len(changed):
        raise ConfigError(f"two runs are of the same trials after the same laundering: {names}")
    for _, run in changed:
        _check_systems(reference.record, run.record)
    order = {one.name: place for place, one in enumerate(LAUNDERINGS)}
    return Conditions(clean=reference, laundered=sorted(changed, key=lambda pair: order[pair[0].name]))


def _check_systems(clean: RunRecord, laundered: RunRecord) -> None:
    for system in clean.systems:
        other = laundered.system(system.name)
        made = [(one.weights_sha256, one.calibration_sha256) for one in (system, other)]
        if made[0] != made[1]:
            raise ConfigError(
                f"{laundered.name} has other weights or another calibration of {system.name} than {clean.name}"
            )
