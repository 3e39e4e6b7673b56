"""Score files: the logits of one checkpoint on one set of trials, in the clear state and laundered.

Every number of a table can be recomputed from them without running a network. A file says which weights and which
protocol it was made with and is used again only for the same two.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.protocol import Trial

PLAIN = "plain"
"""The condition of a trial as it is."""
LAUNDERED = "laundered"
"""The condition in which each trial has gone through the one laundering drawn for its group."""
_HEADER = re.compile(r"# checkpoint=(\S+) weights=([0-9a-f]{64}) protocol=([0-9a-f]{64})\n")
_FACTS = ("path", "label", "attack", "group")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a score file was made with."""

    checkpoint: str
    weights_sha256: str
    protocol_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Logits of one checkpoint by condition and trial; None where it abstained."""

    origin: Origin
    logits: Mapping[str, Mapping[str, float | None]]
    """Condition, then path."""

    def of(self, trials: Iterable[Trial], condition: str = PLAIN) -> tuple[list[Trial], list[float]]:
        """Trials that were scored, and their logits."""
        column = self.logits[condition]
        scored = [(trial, logit) for trial in trials if (logit := column.get(trial.path)) is not None]
        return [trial for trial, _ in scored], [logit for _, logit in scored]


def collect(
    path: Path,
    origin: Origin,
    trials: Sequence[Trial],
    conditions: Mapping[str, Callable[[], Iterable[float | None]]],
    *,
    announce: Callable[[str], None] = print,
) -> Scores:
    """Logits of all conditions: those that the file has, and those computed now and written to it, one by one.

    Args:
        path: The score file.
        origin: What it must have been made with; another file at its place is replaced.
        trials: The rows, in order.
        conditions: Name to what computes a logit for each trial, in order; called only where the file has none.
        announce: Told what is being computed.
    """
    known = read(path)
    columns = {name: dict(column) for name, column in known.logits.items()} if known and known.origin == origin else {}
    for name, compute in conditions.items():
        if set(columns.get(name, ())) >= {trial.path for trial in trials}:
            continue
        announce(f"{origin.checkpoint}: {name}, {len(trials)} trials")
        columns[name] = {trial.path: logit for trial, logit in zip(trials, compute(), strict=True)}
        write(path, origin, trials, columns)
    return Scores(origin=origin, logits={name: columns[name] for name in conditions})


def read(path: Path) -> Scores | None:
    """A score file; None where there is none, or one without the first line that says how it was made."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        header = _HEADER.fullmatch(file.readline())
        if header is None:
            return None
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else {}) if name not in _FACTS]
    return Scores(
        origin=Origin(checkpoint=header[1], weights_sha256=header[2], protocol_sha256=header[3]),
        logits={name: {row["path"]: float(row[name]) if row[name] else None for row in rows} for name in names},
    )


def write(
    path: Path, origin: Origin, trials: Sequence[Trial], columns: Mapping[str, Mapping[str, float | None]]
) -> None:
    """Write a score file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two runs may write the same file; each has its own beside it.
    beside = path.with_suffix(f".{os.getpid()}.part")
    # Trials that only an earlier condition has would lose their row: the columns of one file cover the same trials.
    kept = {name: column for name, column in columns.items() if set(column) >= {trial.path for trial in trials}}
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(
            f"# checkpoint={origin.checkpoint} weights={origin.weights_sha256} protocol={origin.protocol_sha256}\n"
        )
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_FACTS, *kept])
        for trial in trials:
            cells = ["" if (logit := column[trial.path]) is None else f"{logit:.4f}" for column in kept.values()]
            writer.writerow([trial.path, trial.label, trial.attack, trial.group, *cells])
    os.replace(beside, path)  # noqa: PTH105 - Path.replace is the same call; both are atomic
