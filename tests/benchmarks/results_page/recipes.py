"""Runs made by recipe: scores from two normal distributions a known distance apart, written as a run writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scorefile import Machine, Row, RunRecord, ScoreFile, Stretch, System, write
from benchmarks.trials import Subject, Unit

OURS, OTHER, FINDING = "ours.unmask1", "other.set1", "finding.voice"
SYSTEMS = (
    System(name=OURS, subject="voice", weights_sha256="a" * 64, calibration_sha256="b" * 64),
    System(name=OTHER, subject="voice", weights_sha256="c" * 64),
    System(name=FINDING, subject="voice"),
)


def row(number: int, *, spoof: bool, logit: float | None, subject: Subject = "voice", **changes: Any) -> Row:
    """A trial that `OURS`, which is calibrated, and the finding score alike; and `OTHER` not at all."""
    whole = Row(
        id=f"t{number:05d}",
        unit=Unit.UTTERANCE,
        sequence=None,
        labels={subject: "spoof" if spoof else "bonafide"},
        attack="-",
        group=f"g{number:05d}",
        split="eval",
        state="examined",
        reason="",
        abstentions={},
        facts={},
        shortcuts={},
        logits={} if logit is None else {OURS: round(logit, 4)},
        llrs={} if logit is None else {OURS: round(2 * logit, 4), FINDING: round(2 * logit, 4)},
    )
    return replace(whole, **changes)


def silent(of: Row, **changes: Any) -> Row:
    """The same trial without any score."""
    return replace(of, logits={}, llrs={}, **changes)


def gaussian(count: int, *, distance: float = 2.0, seed: int = 1, **changes: Any) -> list[Row]:
    """As many trials, half of them spoofs, whose logits are normal with standard deviation 1 around +- distance / 2.

    At distance d the AUC is Phi(d / sqrt 2) and the EER Phi(-d / 2); logits times d are LLRs, so at distance 2 the LLRs
    of the recipe are right.
    """
    random = np.random.default_rng(seed)
    return [
        row(number, spoof=bool(number % 2), logit=float(random.normal(distance * (number % 2 - 0.5))), **changes)
        for number in range(count)
    ]


def record(rows: Sequence[Row], **changes: Any) -> RunRecord:
    """The record of a run of these rows."""
    values: dict[str, Any] = {
        "name": "made-up-eval",
        "data_set": "made-up",
        "title": "Made Up, split eval",
        "split": "eval",
        "filters": {},
        "data_sha256": "d" * 64,
        "split_sha256": "e" * 64,
        "num_trials": len(rows),
        "num_missing": sum(one.state == "missing" for one in rows),
        "expected": {"bonafide": 1_000, "spoof": 2_000, "total": 3_000},
        "partial": False,
        "development": False,
        "systems": SYSTEMS,
        "config_digest": "f" * 64,
        "config": {},
        "tool": "unmask 0.0",
        "commit": "0123abc",
        "command": "python -m benchmarks run made-up",
        "engine": "local",
        "machine": Machine(
            platform="Linux", processor="x", num_cpus=2, memory_bytes=8 * 2**30, device="cpu", versions={}
        ),
        "started_at": "2026-01-02T03:04:05+00:00",
        "seconds": 12.0,
    }
    return RunRecord(**(values | changes))


def run(folder: Path, rows: Sequence[Row], stretches: Sequence[Stretch] = (), **changes: Any) -> Path:
    """A run's folder, written."""
    where = folder / str(changes.get("name", "made-up-eval"))
    write(where, ScoreFile(record=record(rows, **changes), rows=rows, stretches=stretches))
    return where


def cells(text: str, title: str) -> list[dict[str, str]]:
    """Rows of the Markdown table whose title begins so, each by its header."""
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"**{title}")) + 2
    found = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    header, _, *body = found
    return [dict(zip(header, values, strict=True)) for values in body]
