"""What a report says of a trial, as a row of a score file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.scorefile import FINDING, Row, Stretch
from benchmarks.trials import SUBJECTS, Span, Subject, Trial
from detect.report import Body, Finding, SegmentEntry
from detect.types import Modality

_TOUCHING_SECONDS = 0.01
"""Segments lie on a grid; between neighbours there is nothing but rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the examination of one file ended."""

    state: str
    reason: str = ""
    body: Body | None = None
    """None where there is no report."""


def row_of(trial: Trial, outcome: Outcome) -> Row:
    """One row; whatever has no score has a reason."""
    logits: dict[str, float] = {}
    llrs: dict[str, float] = {}
    body = outcome.body
    for finding in body.findings if body is not None else ():
        if finding.llr is not None:
            llrs[FINDING + finding.subject] = finding.llr
        for score in finding.scores:
            logits[score.model] = score.logit
            if score.llr is not None:
                llrs[score.model] = score.llr
    return Row(
        id=trial.id,
        unit=trial.unit,
        sequence=trial.sequence,
        labels=trial.labels,
        attack=trial.attack,
        group=trial.group,
        split=trial.split,
        state=outcome.state,
        reason=outcome.reason,
        abstentions=dict(_abstentions(trial, outcome)),
        facts=trial.facts,
        shortcuts=_shortcuts(body) if body is not None else {},
        logits=logits,
        llrs=llrs,
    )


def stretches_of(trial: Trial, outcome: Outcome) -> Iterator[Stretch]:
    """The true stretches of a trial, and those that its report claims.

    A claim is a run of neighbouring segments that speak for spoof, by their LLR or, where nothing is filed to calibrate
    it, by their logit; its score is the highest among them. Those of the recording are those of faces and voices.
    """
    for subject, spans in trial.spans.items():
        for span in spans:
            yield Stretch(id=trial.id, subject=subject, kind="truth", span=span)
    if outcome.body is None:
        return
    for modality in Modality:
        segments = [segment for segment in outcome.body.segments if segment.modality is modality]
        for span, score in _runs(segments):
            yield Stretch(id=trial.id, subject=modality.value, kind="claim", span=span, score=score)
            yield Stretch(id=trial.id, subject="recording", kind="claim", span=span, score=score)


def _runs(segments: Sequence[SegmentEntry]) -> list[tuple[Span, float]]:
    runs: list[tuple[Span, float]] = []
    for segment in sorted(segments, key=lambda one: one.span.start_seconds):
        score = _score(segment)
        if score is None or score <= 0:
            continue
        span = segment.span.start_seconds, segment.span.end_seconds
        if runs and span[0] - runs[-1][0][1] < _TOUCHING_SECONDS:
            (start, _), highest = runs.pop()
            runs.append(((start, span[1]), max(highest, score)))
        else:
            runs.append((span, score))
    return runs


def _score(segment: SegmentEntry) -> float | None:
    llrs = [score.llr for score in segment.scores if score.llr is not None]
    return max(llrs, default=max((score.logit for score in segment.scores), default=None))


def _abstentions(trial: Trial, outcome: Outcome) -> Iterator[tuple[Subject, str]]:
    if outcome.body is None:
        yield from ((subject, outcome.state) for subject in SUBJECTS if subject in trial.labels)
        return
    findings = {finding.subject: finding for finding in outcome.body.findings}
    for subject in SUBJECTS:
        finding = findings.get(subject)
        if subject not in trial.labels or (finding is not None and _has_score(finding)):
            continue
        yield subject, _reason(outcome.body, subject)


def _has_score(finding: Finding) -> bool:
    return finding.llr is not None or bool(finding.scores)


def _reason(body: Body, subject: Subject) -> str:
    """The most frequent reason of a subject; of the recording, of its faces and voices, or that none is calibrated."""
    if subject == "recording" and any(finding.scores for finding in body.findings):
        return "not_calibrated"
    reasons = [
        entry.reason.value for entry in body.abstentions if subject == "recording" or entry.modality in (subject, None)
    ]
    return Counter(reasons).most_common(1)[0][0] if reasons else body.outcome.state.value


def _shortcuts(body: Body) -> dict[str, str]:
    """What the container tells without anybody looking at a face or listening to a voice."""
    recording = body.recording
    seconds = recording.duration_seconds
    found: dict[str, object] = {
        "num_bytes": recording.num_bytes,
        "container": recording.container,
        "duration_seconds": seconds,
        "bytes_per_second": round(recording.num_bytes / seconds) if seconds else None,
        "encoder": recording.provenance.container_tags.get("encoder"),
    }
    for stream in recording.streams:
        if stream.kind == "video" and "video_codec" not in found:
            found |= {
                "video_codec": stream.codec,
                "width_px": stream.width_px,
                "height_px": stream.height_px,
                "frame_rate": stream.average_rate,
            }
        if stream.kind == "audio" and "audio_codec" not in found:
            found |= {"audio_codec": stream.codec, "audio_rate_hz": stream.rate_hz, "audio_channels": stream.channels}
    return {name: str(value) for name, value in found.items() if value is not None}
