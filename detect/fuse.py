"""Logits of crops and windows -> subjects -> time segments -> one result a modality -> the recording.

Everything is done checkpoint by checkpoint: logits of different networks are never mixed. Where a checkpoint has a
calibration on file, each level's pooled logit becomes an LLR with that level's map; where it has none, the logit
stands alone. A missing modality is named and left out, never imputed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from detect.calibrate import UNCALIBRATED_POOLING, Calibration, Fusion, Level, Pooling, verbal
from detect.checkpoints import Model
from detect.config import Scoring
from detect.report import Finding, ModelScore, SegmentEntry, Span
from detect.score import LOGIT_DECIMALS
from detect.types import Interval, Modality


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The logits of one crop or window: when, of whom, by checkpoint."""

    subject: str
    """Track or voice."""
    interval: Interval
    logits: Mapping[str, float]


def window_llrs(logits: Mapping[str, float], models: Sequence[Model]) -> dict[str, float]:
    """LLRs of one crop or window, for the checkpoints that have a calibration on file."""
    return {
        model.spec.name: _rounded(model.calibration.maps[Level.WINDOW].apply(logits[model.spec.name])[0])
        for model in models
        if model.calibration is not None and model.spec.name in logits
    }


def subject_scores(evidence: Sequence[Evidence], models: Sequence[Model]) -> list[ModelScore]:
    """One score a checkpoint for one track, voice or utterance."""
    return [
        _score(model, Level.SUBJECT, _pooled(model, Level.SUBJECT, logits), len(logits))
        for model in models
        if (logits := [piece.logits[model.spec.name] for piece in evidence if model.spec.name in piece.logits])
    ]


def modality_finding(
    modality: Modality, evidence: Sequence[Evidence], models: Sequence[Model], flag_llr: float, absent: str | None
) -> Finding:
    """One result for all faces, or all voices.

    Args:
        modality: Which.
        evidence: Of every subject.
        models: Checkpoints of the modality.
        flag_llr: LLR from which it is flagged, nats.
        absent: Why there is no evidence, in words, where there is none.
    """
    scores = _over_subjects(evidence, models, Level.MODALITY)
    if not scores:
        return Finding(subject=modality.value, status="not_scored", explanation=absent or "Nothing could be scored.")
    llrs = [score.llr for score in scores if score.llr is not None]
    if not llrs:
        return Finding(
            subject=modality.value,
            status="uncalibrated",
            scores=scores,
            explanation="No checkpoint that ran has a calibration on file: these are raw network outputs, larger for "
            "manipulated, of unknown strength. The highest subject speaks for the modality.",
        )
    # Checkpoints of one modality see the same traces; adding their LLRs would count the same evidence twice.
    llr = _rounded(math.fsum(llrs) / len(llrs))
    left_out = len(scores) - len(llrs)
    return Finding(
        subject=modality.value,
        status="calibrated",
        llr=llr,
        verbal=verbal(llr, modality),
        flagged=llr >= flag_llr,
        scores=scores,
        explanation=f"Mean of the log-likelihood ratios of the calibrated checkpoints ({len(llrs)})"
        + (f"; {left_out} without a calibration left out." if left_out else "."),
    )


def recording_finding(findings: Mapping[Modality, Finding], fusion: Fusion | None, flag_llr: float) -> Finding:
    """One result for the recording, from those of its modalities."""
    scored = {modality: finding for modality, finding in findings.items() if finding.status != "not_scored"}
    missing = " and ".join(modality.value for modality in findings if modality not in scored)
    note = f" No {missing} was scored: it is left out, not assumed bona fide." if missing else ""
    llrs = {modality: finding.llr for modality, finding in scored.items() if finding.llr is not None}
    if not scored:
        return Finding(subject="recording", status="not_scored", explanation="Neither a face nor a voice was scored.")
    if len(llrs) < len(scored):
        open_ones = " and ".join(modality.value for modality in scored if modality not in llrs)
        verb = "results have" if len(scored) - len(llrs) > 1 else "result has"
        return Finding(
            subject="recording", status="uncalibrated", explanation=f"The {open_ones} {verb} no calibration.{note}"
        )
    if len(llrs) == 1:
        ((modality, llr),) = llrs.items()
        explanation = f"The {modality.value} result alone.{note}"
    elif fusion is None:
        return Finding(
            subject="recording",
            status="uncalibrated",
            explanation="No fusion of face and voice is on file: read the two results separately.",
        )
    else:
        llr, _ = fusion.apply(llrs)
        explanation = f"Face and voice, weighted as fitted on: {fusion.population.description}."
    llr = _rounded(llr)
    return Finding(
        subject="recording",
        status="calibrated",
        llr=llr,
        verbal=verbal(llr, "recording"),
        flagged=llr >= flag_llr,
        explanation=explanation,
    )


def segments(
    modality: Modality, evidence: Sequence[Evidence], models: Sequence[Model], config: Scoring, end: Fraction
) -> list[SegmentEntry]:
    """The timeline up to `end` in steps, each with the scores of what was seen or heard in it.

    Steps in which nothing was scored are not listed: nothing is claimed about them.
    """
    step = Fraction(config.segment_seconds).limit_denominator(1000)
    cells: defaultdict[int, list[Evidence]] = defaultdict(list)
    for piece in evidence:
        first = int(piece.interval.start // step)
        # A window that ends on a border does not reach into the next step; a frame is a point and lies in one.
        last = max(first, -int(-piece.interval.end // step) - 1)
        for cell in range(first, last + 1):
            cells[cell].append(piece)
    entries = []
    for cell, pieces in sorted(cells.items()):
        scores = _over_subjects(pieces, models, Level.SUBJECT)
        if scores:
            entries.append(
                SegmentEntry(
                    modality=modality,
                    span=span(Interval(start=cell * step, end=max(cell * step, min((cell + 1) * step, end)))),
                    subjects=sorted({piece.subject for piece in pieces}, key=_natural),
                    scores=scores,
                    flagged=any(score.llr is not None and score.llr >= config.flag_llr for score in scores),
                )
            )
    return entries


def span(interval: Interval) -> Span:
    """An interval as a report writes it: seconds, to the microsecond."""
    return Span(start_seconds=seconds(interval.start), end_seconds=seconds(interval.end))


def seconds(time: Fraction) -> float:
    """A time as a report writes it: seconds, to the microsecond."""
    return round(float(time), 6)


def _over_subjects(evidence: Sequence[Evidence], models: Sequence[Model], level: Level) -> list[ModelScore]:
    """Windows pooled within each subject, subjects pooled to one logit, one map applied."""
    by_subject: defaultdict[str, list[Evidence]] = defaultdict(list)
    for piece in evidence:
        by_subject[piece.subject].append(piece)
    scores = []
    for model in models:
        name = model.spec.name
        logits = [[piece.logits[name] for piece in pieces if name in piece.logits] for pieces in by_subject.values()]
        pooled = [_pooled(model, Level.SUBJECT, values) for values in logits if values]
        if pooled:
            logit = _pooled(model, Level.MODALITY, pooled)
            scores.append(_score(model, level, logit, sum(map(len, logits))))
    return scores


def _pooled(model: Model, level: Level, logits: Sequence[float]) -> float:
    return _pooling(model.calibration, level).pool(logits)


def _pooling(calibration: Calibration | None, level: Level) -> Pooling:
    return UNCALIBRATED_POOLING[level] if calibration is None else calibration.pooling[level]


def _score(model: Model, level: Level, logit: float, num_windows: int) -> ModelScore:
    llr, at_bound = (None, False) if model.calibration is None else model.calibration.maps[level].apply(logit)
    return ModelScore(
        model=model.spec.name,
        logit=_rounded(logit),
        llr=None if llr is None else _rounded(llr),
        at_bound=at_bound,
        num_windows=num_windows,
    )


def _rounded(value: float) -> float:
    return round(value, LOGIT_DECIMALS)


def _natural(name: str) -> tuple[str, int]:
    """`face-2` before `face-10`."""
    head, _, number = name.rpartition("-")
    return head, int(number)


def evidence_of(subject: str, pieces: Iterable[tuple[Interval, Mapping[str, float]]]) -> list[Evidence]:
    """The scored pieces of one subject."""
    return [Evidence(subject=subject, interval=interval, logits=logits) for interval, logits in pieces if logits]
