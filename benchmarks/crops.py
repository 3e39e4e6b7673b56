"""Face checkpoints on single crops of data sets they know, side by side on the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.scoring import Scorer, as_scored, names
from benchmarks.tables import QUALITY, quality, share, table
from detect.types import Modality
from training.calibration.scores import PLAIN
from training.protocol import Trial


def section(scorer: Scorer) -> list[str]:
    """The `test` crops: by data set and together, and original against fake of one clip."""
    trials = scorer.trials(Modality.FACE, "test")
    lines = [
        "DFDC crops are tight squares and go in whole; in OpenForensics crops the program's own detector finds the",
        "face, and a crop without one is an abstention. AUC, EER and min Cllr are of logits; LLRs by each",
        "checkpoint's window map: the filed one of ours, for the others a map fitted in the same way on the same",
        "`val` crops, so that Cllr compares like with like. Intervals are 95 %, by drawing groups (an original and",
        "its fake) with replacement.",
        "",
    ]
    for dataset in (*sorted({_dataset(trial) for trial in trials}), None):
        rows = [trial for trial in trials if dataset in (None, _dataset(trial))]
        lines += [f"### {dataset or 'all crops'}", ""]
        cells = []
        for name in names(Modality.FACE):
            pairs = scorer.logits(name, "test", PLAIN, rows)
            cells.append(
                [
                    name,
                    f"{len(pairs) / len(rows):.1%} of {len(rows)}",
                    *quality(as_scored(pairs), scorer.window_map(name)),
                ]
            )
        lines += table(("checkpoint", "coverage", *QUALITY), cells)
    ordered = [[name, share(_ordered(scorer.logits(name, "test", PLAIN, trials)))] for name in names(Modality.FACE)]
    lines += ["### Original below its own fake", "", *table(("checkpoint", "DFDC pairs"), ordered)]
    return lines


def _ordered(pairs: Sequence[tuple[Trial, float]]) -> list[bool]:
    """For each group with both classes, whether the original scores below every fake of it."""
    groups: dict[str, tuple[list[float], list[float]]] = {}
    for trial, logit in pairs:
        groups.setdefault(trial.group, ([], []))[trial.is_spoof].append(logit)
    return [max(bonafide) < min(spoof) for bonafide, spoof in groups.values() if bonafide and spoof]


def _dataset(trial: Trial) -> str:
    return trial.facts["dataset"]
