"""Numbers as rows of Markdown, with their 95 % intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks.bootstrap import Scored, interval, share_interval
from benchmarks.metrics import act_dcf, auc, cllr, eer, min_cllr, min_dcf
from detect.calibrate import AffineMap
from detect.config import Scoring

DASH = "-"
"""Nothing to say: a class is missing, or the checkpoint abstained throughout."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table; every column but the first is set to the right."""
    lines = ["| " + " | ".join(header) + " |", "|---" + "|--:" * (len(header) - 1) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def classes(trials: Sequence[Scored]) -> tuple[list[float], list[float]]:
    """Scores of the bona fide and of the spoofs."""
    return [one.score for one in trials if not one.is_spoof], [one.score for one in trials if one.is_spoof]


def value(metric: Callable[..., float], trials: Sequence[Scored]) -> str:
    """A metric with three decimals; a dash where a class is missing."""
    bonafide, spoof = classes(trials)
    return f"{metric(bonafide=bonafide, spoof=spoof):.3f}" if bonafide and spoof else DASH


def with_interval(metric: Callable[..., float], trials: Sequence[Scored]) -> str:
    """A metric with its interval by groups; a dash where a class is missing."""
    bonafide, spoof = classes(trials)
    if not bonafide or not spoof:
        return DASH
    low, high = interval(metric, trials)
    return f"{metric(bonafide=bonafide, spoof=spoof):.3f} [{low:.3f}, {high:.3f}]"


def share(successes: Sequence[bool]) -> str:
    """A share with its interval and what it is of; a dash where there is nothing."""
    if not successes:
        return DASH
    low, high = share_interval(successes)
    return f"{sum(successes)} of {len(successes)} = {sum(successes) / len(successes):.0%} [{low:.0%}, {high:.0%}]"


QUALITY = ("AUC", "EER", "Cllr", "min Cllr", "flagged bona fide", "flagged spoof")
"""Columns of `quality`."""
COST = ("minDCF", "actDCF")
"""Columns of `cost`."""


def mapped(logits: Sequence[Scored], fitted: AffineMap) -> list[Scored]:
    """The same trials with LLRs in nats for scores."""
    return [replace(one, score=fitted.apply(one.score)[0]) for one in logits]


def quality(logits: Sequence[Scored], fitted: AffineMap) -> list[str]:
    """Separation by logits, with intervals, and calibration of the LLRs that `fitted` makes of them."""
    flag, llrs = Scoring().flag_llr, mapped(logits, fitted)
    flagged = [
        f"{sum(one >= flag for one in scores) / len(scores):.1%}" if scores else DASH for scores in classes(llrs)
    ]
    return [
        with_interval(auc, logits),
        with_interval(eer, logits),
        value(cllr, llrs),
        value(min_cllr, logits),
        *flagged,
    ]


def cost(logits: Sequence[Scored], fitted: AffineMap) -> list[str]:
    """Detection costs of ASVspoof 5: the least that any threshold gives, and that of deciding by LLRs."""
    return [value(min_dcf, logits), value(act_dcf, mapped(logits, fitted))]
