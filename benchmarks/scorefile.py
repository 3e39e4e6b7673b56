"""Score files: what a run leaves, and all that `score`, `table` and `compare` need. No data and no GPU.

A run is a folder:

    run.json      what was run on what: digests of data, split, checkpoints and configuration, commit, machine
    scores.tsv    one row a trial, in the order of ids: labels, facts, how it ended, scores, or why there is none
    segments.tsv  only where the data set gives manipulated stretches: the true ones, and those of the reports

Columns of `scores.tsv`: those of `COLUMNS`; `fact:NAME` for each fact of the data set; `shortcut:NAME` for what a file
tells without anybody looking at it; `logit:SYSTEM` and `llr:SYSTEM`. A system is a checkpoint, or `finding.face`,
`finding.voice`, `finding.recording`: what the report as a whole says of a subject. An empty cell is an abstention.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.trials import SUBJECTS, Label, Span, Subject, Unit
from detect.errors import ConfigError

RUN, SCORES, SEGMENTS = "run.json", "scores.tsv", "segments.tsv"
FORMAT_VERSION: Literal[1] = 1
COLUMNS = ("id", "unit", "sequence", *SUBJECTS, "attack", "group", "split", "state", "reason", "abstentions")
_FACT, _SHORTCUT, _LOGIT, _LLR = "fact:", "shortcut:", "logit:", "llr:"
_DECIMALS = 4
"""Of scores in the file: `detect` rounds logits to as many."""
FINDING = "finding."
"""Before a subject: the system that is the report as a whole, which has LLRs and no logits."""
MISSING = "missing"
"""State of a trial whose file is not in this copy of the data set. Every other state is a `detect.types.ItemState`."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class System(_Part):
    """Something that gives scores."""

    name: str
    """Checkpoint, or `finding.SUBJECT`."""
    subject: Subject
    """Whose label its scores are held against."""
    weights_sha256: str | None = None
    """None for a finding: those of all checkpoints decide."""
    calibration_sha256: str | None = None
    in_domain: tuple[str, ...] = ()
    """Corpora of these trials on which it, or what it began from, was trained or chosen. Empty: none that is known."""


class Machine(_Part):
    """Where it was run."""

    platform: str
    processor: str
    num_cpus: int
    memory_bytes: int
    device: str
    """`cpu`, or the GPU's name."""
    versions: dict[str, str]


class RunRecord(_Part):
    """How the scores came about."""

    format_version: Literal[1] = FORMAT_VERSION
    name: str
    """Of the run; its folder's name."""
    data_set: str
    title: str
    """Data set, split and filters in words: what a table says that it is of."""
    split: str
    filters: dict[str, str]
    condition: str = "as it is"
    """What was done to the files before: `as it is`, or a laundering."""
    limit: int | None = None
    """Only so many trials, drawn by group; None: all."""
    data_sha256: str
    """Over ids and bytes of the files that were there."""
    split_sha256: str
    """Over ids and labels of all trials of the run: `benchmarks.trials.split_sha256`."""
    num_trials: int
    num_missing: int
    expected: dict[str, int | None]
    """`bonafide`, `spoof`, `total` of the whole split as published; None where nobody says, or filters apply."""
    partial: bool
    """Whether this copy lacks trials of the split."""
    development: bool
    """Whether the split, or a group of it, served for training, calibration or a choice: for no results page."""
    systems: tuple[System, ...]
    config_digest: str
    config: dict[str, Any]
    tool: str
    commit: str
    """Of the source tree, with `+` where it had changes; `unknown` outside of one."""
    command: str
    engine: str
    machine: Machine
    started_at: str
    """ISO 8601, UTC."""
    seconds: float
    notes: tuple[str, ...] = ()
    """Of the adapter: what a reader should know of this copy."""

    def system(self, name: str) -> System:
        """The system of that name.

        Raises:
            ConfigError: there is none in this run.
        """
        for one in self.systems:
            if one.name == name:
                return one
        raise ConfigError(f"{self.name} has no system {name}; it has {', '.join(one.name for one in self.systems)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One trial and what came of it."""

    id: str
    unit: Unit
    sequence: str | None
    labels: Mapping[Subject, Label]
    attack: str
    group: str
    split: str
    state: str
    """`detect.types.ItemState`, or `missing`."""
    reason: str
    """Of the state; empty where there is nothing to say."""
    abstentions: Mapping[Subject, str]
    """Subject to `detect.types.Reason`, for those without a score."""
    facts: Mapping[str, str]
    shortcuts: Mapping[str, str]
    """`benchmarks.shortcuts`' features, as text; absent where they could not be had."""
    logits: Mapping[str, float]
    """By system; absent where it abstained. Findings have none."""
    llrs: Mapping[str, float]
    """By system, natural log, positive for spoof; absent where it abstained or nothing is filed to calibrate it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One stretch of one trial."""

    id: str
    subject: Subject
    kind: Literal["truth", "claim"]
    span: Span
    score: float | None = None
    """Of a claim: the LLR, or the logit where nothing is filed to calibrate it; larger for spoof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFile:
    """A run as read."""

    record: RunRecord
    rows: Sequence[Row]
    stretches: Sequence[Stretch] = field(default=())


def write(folder: Path, run: ScoreFile) -> None:
    """Write the files of a run, each whole or not at all, the record last: a folder with a record is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    systems = [system.name for system in run.record.systems]
    facts = sorted({name for row in run.rows for name in row.facts})
    shortcuts = sorted({name for row in run.rows for name in row.shortcuts})
    names = [("logit", name) for name in systems if not name.startswith(FINDING)]
    names += [("llr", name) for name in systems]
    header = [*COLUMNS, *(_FACT + name for name in facts), *(_SHORTCUT + name for name in shortcuts)]
    header += [f"{kind}:{name}" for kind, name in names]
    cells = (
        [
            *(row.id, row.unit.value, row.sequence or "", *(row.labels.get(subject, "") for subject in SUBJECTS)),
            *(row.attack, row.group, row.split, row.state, row.reason),
            ";".join(f"{subject}={row.abstentions[subject]}" for subject in SUBJECTS if subject in row.abstentions),
            *(row.facts.get(name, "") for name in facts),
            *(row.shortcuts.get(name, "") for name in shortcuts),
            *(_number((row.logits if kind == "logit" else row.llrs).get(name)) for kind, name in names),
        ]
        for row in sorted(run.rows, key=lambda row: row.id)
    )
    _write_table(folder / SCORES, header, cells)
    if run.stretches:
        kept = sorted(run.stretches, key=lambda one: (one.id, one.subject, one.kind, one.span))
        _write_table(
            folder / SEGMENTS,
            ("id", "subject", "kind", "start_seconds", "end_seconds", "score"),
            ([s.id, s.subject, s.kind, f"{s.span[0]:.3f}", f"{s.span[1]:.3f}", _number(s.score)] for s in kept),
        )
    text = json.dumps(run.record.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    _replace(folder / RUN, text)


def read_record(folder: Path) -> RunRecord:
    """The record of a run.

    Raises:
        ConfigError: there is none, or it is not one of this version.
    """
    path = folder / RUN
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ConfigError(f"{folder} is no finished run: it has no {RUN}") from error
    except ValidationError as error:
        raise ConfigError(f"{path} is not a run record of this version: {error}") from error


def read(folder: Path) -> ScoreFile:
    """A run.

    Raises:
        ConfigError: a file is missing or is not what `write` writes.
    """
    record = read_record(folder)
    rows = [_row(values, place) for place, values in _read_table(folder / SCORES)]
    if len(rows) != record.num_trials:
        raise ConfigError(f"{folder / SCORES} has {len(rows)} rows; its record says {record.num_trials}")
    stretches = [_stretch(values) for _, values in _read_table(folder / SEGMENTS)] if _has_segments(folder) else []
    return ScoreFile(record=record, rows=rows, stretches=stretches)


def _has_segments(folder: Path) -> bool:
    return (folder / SEGMENTS).is_file()


def _row(values: Mapping[str, str], place: str) -> Row:
    labels = {subject: values[subject] for subject in SUBJECTS if values[subject]}
    if unknown := set(labels.values()) - {"bonafide", "spoof"}:
        raise ConfigError(f"{place}: {', '.join(sorted(unknown))} is no label")
    abstentions = dict(part.split("=", 1) for part in values["abstentions"].split(";") if part)
    return Row(
        id=values["id"],
        unit=Unit(values["unit"]),
        sequence=values["sequence"] or None,
        labels=cast("Mapping[Subject, Label]", labels),
        attack=values["attack"],
        group=values["group"],
        split=values["split"],
        state=values["state"],
        reason=values["reason"],
        abstentions=cast("Mapping[Subject, str]", abstentions),
        facts=_part(values, _FACT),
        shortcuts=_part(values, _SHORTCUT),
        logits={name: float(cell) for name, cell in _part(values, _LOGIT).items()},
        llrs={name: float(cell) for name, cell in _part(values, _LLR).items()},
    )


def _part(values: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): cell for name, cell in values.items() if name.startswith(prefix) and cell}


def _stretch(values: Mapping[str, str]) -> Stretch:
    return Stretch(
        id=values["id"],
        subject=cast("Subject", values["subject"]),
        kind=cast("Literal['truth', 'claim']", values["kind"]),
        span=(float(values["start_seconds"]), float(values["end_seconds"])),
        score=float(values["score"]) if values["score"] else None,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.{_DECIMALS}f}"


def _read_table(path: Path) -> list[tuple[str, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            return [(f"{path}:{reader.line_num}", row) for row in reader]
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is not there") from error


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    # Names of files may hold anything; a tab or a line's end in one would break the row, so both are written as spaces.
    lines = ["\t".join(" ".join(cell.split()) if set(cell) & set("\t\r\n") else cell for cell in row) for row in rows]
    _replace(path, "\n".join(["\t".join(header), *lines]) + "\n")


def _replace(path: Path, text: str) -> None:
    beside = path.with_suffix(f".{os.getpid()}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
