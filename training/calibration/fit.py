"""From held-out logits to the calibration file of a checkpoint: pooling chosen, three maps fitted, all printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from detect.calibrate import Calibration, Level, Pooling, Population
from detect.config import Scoring
from training.calibration.maps import Labelled, fit_map, quality
from training.calibration.simulate import Pool, Recording, Trialled, labelled, level_logits, simulate, try_fractions

NUM_RECORDINGS = 4_000
"""Simulated at each level, half of them manipulated: Cllr moves by less than 0.01 bits from one seed to the next."""
SEED = 1
"""Of the simulated recordings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What one checkpoint's calibration is fitted on."""

    windows: Labelled
    """Logits of single crops or windows."""
    pools: Sequence[Pool]
    """From which subjects and recordings are simulated."""


def fit_calibration(
    material: Material, *, checkpoint_sha256: str, description: str, command: str, console: Console | None = None
) -> Calibration:
    """Choose the pooling by Cllr, fit a map for each level, and print what was tried and what came of it.

    Args:
        material: Logits of validation trials.
        checkpoint_sha256: Of the weights that gave them.
        description: Of the data, for whoever reads the calibration.
        command: What fits it again.
        console: Where the tables go; None for standard output.

    Raises:
        ValueError: a class is missing.
    """
    console = console if console is not None else Console()
    windows = material.windows
    subjects = simulate(material.pools, num=NUM_RECORDINGS, max_subjects=1, seed=SEED)
    recordings = simulate(material.pools, num=NUM_RECORDINGS, seed=SEED + 1)
    subject, tried_subject = try_fractions(Level.SUBJECT, subjects)
    modality, tried_modality = try_fractions(Level.MODALITY, recordings, subject_fraction=subject.fraction)
    console.print(_table([*tried_subject, *tried_modality]), soft_wrap=True, markup=False)
    data = {
        Level.WINDOW: windows,
        Level.SUBJECT: _simulated(Level.SUBJECT, subjects, subject, None, windows),
        Level.MODALITY: _simulated(Level.MODALITY, recordings, modality, subject, windows),
    }
    maps = {level: fit_map(one) for level, one in data.items()}
    flag = Scoring().flag_llr
    for level, fitted in maps.items():
        result = quality(fitted, data[level], flag)
        console.print(
            f"{level}: llr = {fitted.a:.4f} * logit + {fitted.b:.4f} in [{fitted.lower}, {fitted.upper}]; "
            f"Cllr {result.cllr:.3f}, min Cllr {result.min_cllr:.3f}; at the flag {flag:.3f}: "
            f"{result.false_alarms:.1%} of bona fide, {result.hits:.1%} of spoofs",
            soft_wrap=True,
            markup=False,
        )
    return Calibration(
        format_version=1,
        checkpoint_sha256=checkpoint_sha256,
        maps=maps,
        pooling={Level.SUBJECT: subject, Level.MODALITY: modality},
        population=Population(
            description=description,
            num_bonafide=windows.num_bonafide,
            num_spoof=windows.num_spoof,
            command=command,
        ),
    )


def write_calibration(calibration: Calibration, path: Path) -> Path:
    """Write a calibration as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path


def _simulated(
    level: Level, recordings: Sequence[Recording], own: Pooling, below: Pooling | None, windows: Labelled
) -> Labelled:
    logits = level_logits(level, recordings, own.fraction, below.fraction if below else None)
    return labelled(logits, recordings, num_bonafide=windows.num_bonafide, num_spoof=windows.num_spoof)


def _table(tried: Sequence[Trialled]) -> str:
    """What each pooling fraction achieves, as a table of Markdown."""
    shares = list(tried[0].cllr_by_share)
    lines = ["| level | fraction | Cllr | " + " | ".join(f"Cllr, {share:.0%} spoofed" for share in shares) + " |"]
    lines.append("|---|--:|--:" + "|--:" * len(shares) + "|")
    for one in tried:
        cells = [f"{one.cllr_by_share[share]:.3f}" for share in shares]
        lines.append(f"| {one.level} | {one.fraction:g} | {one.cllr:.3f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
