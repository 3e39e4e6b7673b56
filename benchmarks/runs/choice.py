"""Which trials of a data set a run takes: a split, filters on facts, a number drawn by group."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.datasets.dataset import DataSet
from benchmarks.trials import Trial
from detect.errors import ConfigError

EVERY_SPLIT = "all"
"""Takes the trials of every split; data sets without splits call their one split so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was asked for."""

    split: str
    filters: Mapping[str, str] = field(default_factory=dict)
    """Fact to the value it must have; `attack` can be asked for as well. Bona fide trials that do not have the fact at
    all are kept: what is said of an attack says nothing of them."""
    limit: int | None = None
    """About so many trials: whole groups, in an order that depends on their names alone, until there are as many."""


def choose(data_set: DataSet, trials: Sequence[Trial], choice: Choice) -> list[Trial]:
    """The trials of a run, in the data set's order.

    Raises:
        ConfigError: there is no such split, no trial has such a fact, or nothing is left.
    """
    splits = sorted({trial.split for trial in trials})
    kept = [trial for trial in trials if choice.split in (EVERY_SPLIT, trial.split)]
    if not kept:
        raise ConfigError(
            f"{data_set.name} has no trials of a split {choice.split!r} here; there are: {', '.join(splits)}"
        )
    for name, value in choice.filters.items():
        values = sorted({found for trial in kept if (found := _fact(trial, name)) is not None})
        if value not in values:
            raise ConfigError(
                f"no trial of the split has {name}={value}; values of {name} here: {', '.join(values) or 'none'}"
            )
        kept = [trial for trial in kept if _fact(trial, name) in (value, None)]
    if choice.limit is not None:
        kept = _limited(kept, choice.limit)
    return kept


def title(data_set: str, choice: Choice) -> str:
    """What a table of these trials says that it is of."""
    parts = [f"{data_set}, split {choice.split}"]
    parts += [f"{name} {value}" for name, value in choice.filters.items()]
    if choice.limit is not None:
        parts.append(f"about {choice.limit} trials drawn by group")
    return ", ".join(parts)


def _fact(trial: Trial, name: str) -> str | None:
    if name == "attack":
        return trial.attack if trial.attack != "-" else None
    return trial.facts.get(name)


def _limited(trials: Sequence[Trial], limit: int) -> list[Trial]:
    groups: dict[str, list[str]] = {}
    for trial in trials:
        groups.setdefault(trial.group, []).append(trial.id)
    order = sorted(groups, key=lambda group: hashlib.sha256(group.encode()).digest())
    taken: set[str] = set()
    for group in order:
        if len(taken) >= limit:
            break
        taken.update(groups[group])
    return [trial for trial in trials if trial.id in taken]
