"""One row of numbers for each system of a view: how well it separates, and what its likelihood ratios are worth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.bootstrap import Scored
from benchmarks.metrics import (
    act_dcf,
    auc,
    average_precision,
    cllr,
    eer,
    expected_calibration_error,
    min_cllr,
    min_dcf,
    partial_auc,
    tpr_at_fpr,
)
from benchmarks.results_page.blocks import Table
from benchmarks.results_page.intervals import with_interval
from benchmarks.results_page.samples import Sample
from benchmarks.results_page.views import View
from benchmarks.scorefile import System
from benchmarks.tables import DASH, classes, value
from detect.config import Scoring

FALSE_ALARM_RATES = (0.01, 0.001)
"""At which detection is read: one bona fide in a hundred flagged, and one in a thousand. Chosen here, for archives of
which nearly everything is bona fide. With fewer bona fide trials than one alarm takes there is nothing to read."""
PARTIAL_RATE = 0.1
"""Up to which false-alarm rate the partial area goes; chosen here: more alarms than one in ten are of no use."""
IN_DOMAIN = "†"
"""Beside a system that knows trials like these."""


def separation(view: View, found: Sequence[Sample], of: str) -> Table:
    """Coverage and separation of each system."""
    return Table(
        title=f"Separation: {of}, {view.noun}",
        header=(
            *("system", "subject", "coverage", "bona fide + spoof", "AUC", "EER", "AP"),
            *(f"TPR at {rate * 100:g}% FPR" for rate in FALSE_ALARM_RATES),
            f"pAUC to {PARTIAL_RATE:.0%} FPR",
        ),
        rows=[_separation(sample) for sample in found],
        words=2,
        notes=[
            *([view.remark] if view.remark else []),
            "Of logits; of a finding's LLRs.",
            "Coverage: scored, of the trials that have a label and a file; all other numbers are of the scored ones.",
            "In brackets: 95 % intervals, by drawing groups. pAUC: on a scale on which chance is 0.5.",
            f"{DASH}: a class is missing, or there are too few bona fide to see so small a rate.",
            *in_domain_notes([sample.system for sample in found]),
        ],
    )


def _separation(sample: Sample) -> list[str]:
    scored = sample.separating
    num_bonafide = sum(not one.is_spoof for one in scored)
    return [
        marked(sample.system),
        sample.system.subject,
        coverage(sample),
        counts(scored),
        with_interval(auc, scored),
        with_interval(eer, scored),
        value(average_precision, scored),
        *(
            value(partial(tpr_at_fpr, fpr=rate), scored) if num_bonafide * rate >= 1 else DASH
            for rate in FALSE_ALARM_RATES
        ),
        value(partial(partial_auc, max_fpr=PARTIAL_RATE), scored),
    ]


def ratios(view: View, found: Sequence[Sample], of: str) -> Table | None:
    """What each calibrated system's LLRs are worth; None where none has any."""
    calibrated = [sample for sample in found if sample.llrs]
    if not calibrated:
        return None
    return Table(
        title=f"Likelihood ratios: {of}, {view.noun}",
        header=(
            *("system", "subject", "with an LLR", "Cllr", "min Cllr", "Cllr, abstentions as LLR 0"),
            *("minDCF", "actDCF", "ECE", "flagged bona fide", "flagged spoof"),
        ),
        rows=[_ratios(sample) for sample in calibrated],
        words=2,
        notes=[
            "Cllr in bits: 0 is perfect, 1 is what LLR 0 for everything costs.",
            "minDCF and actDCF: costs of ASVspoof 5, for voices only.",
            "ECE: expected calibration error at even prior odds.",
            f"Flagged: LLR at or above {Scoring().flag_llr:.2f}.",
            *in_domain_notes([sample.system for sample in calibrated]),
        ],
    )


def _ratios(sample: Sample) -> list[str]:
    is_voice = sample.system.subject == "voice"
    llrs = sample.llrs
    return [
        marked(sample.system),
        sample.system.subject,
        of_all(len(llrs), len(sample.labelled)),
        value(cllr, llrs),
        value(min_cllr, llrs),
        value(cllr, sample.llrs_of_all),
        value(min_dcf, sample.separating) if is_voice else DASH,
        value(act_dcf, llrs) if is_voice else DASH,
        value(expected_calibration_error, llrs),
        *flagged(llrs),
    ]


def coverage(sample: Sample) -> str:
    """How many of its labelled trials a system scored."""
    return of_all(len(sample.separating), len(sample.labelled))


def flagged(llrs: Sequence[Scored]) -> list[str]:
    """How many bona fide and how many spoofs stand at or above the flag."""
    flag = Scoring().flag_llr
    return [of_all(sum(llr >= flag for llr in part), len(part)) for part in classes(llrs)]


def counts(scored: Sequence[Scored]) -> str:
    """How many of each class."""
    spoofs = sum(one.is_spoof for one in scored)
    return f"{len(scored) - spoofs:,} + {spoofs:,}"


def of_all(some: int, count: int) -> str:
    """A count and its share; a dash where there is nothing to be a share of."""
    return f"{some:,} of {count:,} = {some / count:.1%}" if count else DASH


def marked(system: System) -> str:
    """Its name, with a dagger if it knows trials like these."""
    return f"{system.name} {IN_DOMAIN}" if system.in_domain else system.name


def in_domain_notes(systems: Sequence[System]) -> list[str]:
    """A sentence for all marked systems that know the same corpora."""
    known: dict[tuple[str, ...], list[str]] = {}
    for system in systems:
        if system.in_domain:
            known.setdefault(system.in_domain, []).append(system.name)
    return [
        f"{IN_DOMAIN} In-domain: {', '.join(names)} know {', '.join(corpora)}, from training, calibration or a choice; "
        "these trials, or what they are made of, come from there."
        for corpora, names in known.items()
    ]
