"""One line a system: what the README and the top of the page say of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.metrics import auc, cllr, eer
from benchmarks.results_page.intervals import with_interval
from benchmarks.results_page.numbers import coverage, flagged, marked
from benchmarks.results_page.samples import Sample, samples
from benchmarks.results_page.shortcut_baseline import shortcut_auc
from benchmarks.results_page.views import View, views
from benchmarks.scorefile import ScoreFile, read
from benchmarks.tables import DASH, value
from benchmarks.trials import Subject
from detect.errors import ConfigError

HEADER = (
    *("system", "subject", "coverage", "AUC", "EER", "Cllr"),
    *("flagged bona fide", "flagged spoof", "AUC of shortcuts alone"),
)
"""Of `lines`: two columns of words, the others numbers."""
WORDS = 2
MEANING = (
    "Coverage: scored, of the trials that have a label and a file; the other numbers are of the scored ones.",
    "In brackets: 95 % intervals, by drawing groups. Larger AUC is better, and smaller EER and Cllr.",
    "Cllr in bits: 1 is what saying nothing costs. Shortcuts: what a file tells without a look at any face or voice.",
    "finding: what the report as a whole says of a subject; its LLRs are cut at what the calibration can support.",
)
"""Sentences below such a table."""


def fit_for_show(folders: Iterable[Path]) -> list[ScoreFile]:
    """Runs, read.

    Raises:
        ConfigError: one is of a development split, which belongs on no page; two have the same name; or one is no
            finished run.
    """
    runs = [read(folder) for folder in folders]
    for run in runs:
        if run.record.development:
            raise ConfigError(
                f"{run.record.name} ({run.record.title}) served for training, calibration or a choice; "
                "its numbers belong neither on the results page nor in the README"
            )
    names = [run.record.name for run in runs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"two runs have the same name: {', '.join(twice)}")
    return runs


def shown(run: ScoreFile) -> list[tuple[View, list[Sample]]]:
    """Views of a run with the systems that have labels there; views without any are left out."""
    pairs = [(view, samples(view, run.record.systems)) for view in views(run.rows)]
    return [(view, found) for view, found in pairs if found]


def lines(view: View, found: Sequence[Sample]) -> list[list[str]]:
    """A row of `HEADER` for each system."""
    subjects: list[Subject] = list(dict.fromkeys(sample.system.subject for sample in found))
    shortcuts = {subject: shortcut_auc(view, subject) for subject in subjects}
    return [
        [
            marked(sample.system),
            sample.system.subject,
            coverage(sample),
            with_interval(auc, sample.separating),
            with_interval(eer, sample.separating),
            value(cllr, sample.llrs),
            *(flagged(sample.llrs) if sample.llrs else (DASH, DASH)),
            shortcuts[sample.system.subject],
        ]
        for sample in found
    ]
