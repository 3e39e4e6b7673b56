"""Whether the stretches that reports claim are the manipulated ones, where the data set gives those."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.localisation import average_precision_at_iou, average_recall
from benchmarks.results_page.blocks import Table
from benchmarks.results_page.views import View
from benchmarks.scorefile import Stretch
from benchmarks.trials import SUBJECTS, Subject
from detect.errors import ConfigError

_IOUS = (0.5, 0.75, 0.9, 0.95)
"""Of AP, as LAV-DF (Cai et al., DICTA 2022) and AV-Deepfake1M (Cai et al., ACM Multimedia 2024) report it."""
_NUM_CLAIMS = (50, 20, 10, 5)
"""Of AR, likewise."""


def localised(view: View, stretches: Sequence[Stretch], of: str) -> list[Table]:
    """AP and AR of each subject; nothing where the data set gives no stretch of these trials.

    Raises:
        ConfigError: a claim has no score.
    """
    notes = [
        "Of labelled trials with a file. Claims in bona fide trials are false; a trial without claims has missed all."
    ]
    rows = [row for subject in SUBJECTS if (row := _row(view, stretches, subject, notes))]
    if not rows:
        return []
    return [
        Table(
            title=f"Stretches: {of}, {view.noun}",
            header=(
                *("subject", "trials", "true stretches", "claims"),
                *(f"AP at IoU {iou:g}" for iou in _IOUS),
                *(f"AR of {count}" for count in _NUM_CLAIMS),
            ),
            rows=rows,
            notes=notes,
        )
    ]


def _row(view: View, stretches: Sequence[Stretch], subject: Subject, notes: list[str]) -> list[str]:
    own = [stretch for stretch in stretches if stretch.subject == subject]
    given = {stretch.id for stretch in own if stretch.kind == "truth"}
    labelled = view.labelled(subject)
    truth: dict[str, list[tuple[float, float]]] = {
        row.id: [] for row in labelled if row.labels[subject] == "bonafide" or row.id in given
    }
    claims: dict[str, list[tuple[float, float, float]]] = {}
    without_length = 0
    for stretch in own:
        start, end = stretch.span
        if stretch.id not in truth:
            continue
        if stretch.kind == "truth":
            truth[stretch.id].append((start, end))
        elif stretch.score is None:
            raise ConfigError(f"{stretch.id}: the claim from {start} s to {end} s has no score")
        elif end <= start:
            without_length += 1
        else:
            claims.setdefault(stretch.id, []).append((stretch.score, start, end))
    if not any(truth.values()):
        return []
    if unknown := len(labelled) - len(truth):
        notes.append(f"{subject}: {unknown:,} spoofs of which nobody says where are left out.")
    if without_length:
        notes.append(f"{subject}: {without_length:,} claims shorter than a millisecond are left out.")
    return [
        subject,
        f"{len(truth):,}",
        f"{sum(map(len, truth.values())):,}",
        f"{sum(map(len, claims.values())):,}",
        *(f"{average_precision_at_iou(truth, claims, iou=iou):.3f}" for iou in _IOUS),
        *(f"{average_recall(truth, claims, num_claims=count):.3f}" for count in _NUM_CLAIMS),
    ]
