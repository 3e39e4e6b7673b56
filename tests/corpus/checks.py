"""What must hold of every report, and whether it holds scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from detect.report import Body, ModelScore, Report, Span
from detect.types import ItemState


def check_report(report: Report) -> None:
    """Assert that a report is valid, says why, keeps to its timeline, and scores nothing it calls not scored."""
    text = report.to_json()
    assert Report.model_validate_json(text) == report
    for value in values(json.loads(text, parse_constant=_refuse)):
        assert not isinstance(value, float) or math.isfinite(value)
    body, outcome = report.body, report.body.outcome
    assert outcome.message
    assert (outcome.examination == "complete") == (outcome.state in (ItemState.EXAMINED, ItemState.NO_SUBJECT))
    assert (outcome.examination == "partial") == (outcome.state is ItemState.PARTIAL)
    assert outcome.examination != "failed" or not has_scores(body)
    assert (outcome.state is ItemState.EXAMINED) <= has_scores(body)
    for finding in body.findings:
        assert finding.explanation
        assert finding.status != "not_scored" or (finding.llr is None and not finding.scores and not finding.flagged)
    _check_times(body)


def _refuse(constant: str) -> None:
    raise AssertionError(f"JSON knows no {constant}")


def _check_times(body: Body) -> None:
    for coverage in body.coverage:
        _in_order(coverage.sampled_seconds)
        assert 0 <= coverage.examined_seconds <= coverage.total_seconds + 1e-6
    for track in body.tracks:
        _in_order([sample.time_seconds for sample in track.samples])
        _forward([track.span])
    for voice in body.voices:
        _forward([utterance.span for utterance in voice.utterances])
        for utterance in voice.utterances:
            _forward([window.span for window in utterance.windows])
    for modality in {segment.modality for segment in body.segments}:
        _forward([segment.span for segment in body.segments if segment.modality is modality])


def _in_order(times: Sequence[float]) -> None:
    assert list(times) == sorted(times)


def _forward(spans: Sequence[Span]) -> None:
    assert all(span.start_seconds <= span.end_seconds for span in spans)
    _in_order([span.start_seconds for span in spans])


def scored(body: Body) -> set[str]:
    """Subjects of the findings that have a score: `face`, `voice`, `recording`."""
    return {finding.subject for finding in body.findings if finding.status != "not_scored"}


def has_scores(body: Body) -> bool:
    """Whether any number of any model about this recording is anywhere in the report."""
    scores: list[ModelScore] = []
    for parts in (body.findings, body.segments, body.tracks, body.voices):
        scores += [score for part in parts for score in part.scores]
    logits = [sample.logits for track in body.tracks for sample in track.samples]
    logits += [window.logits for voice in body.voices for part in voice.utterances for window in part.windows]
    return bool(scores or scored(body) or any(logits))


def values(document: Any) -> Iterator[Any]:
    """A JSON document and everything in it, keys too."""
    yield document
    if isinstance(document, dict):
        yield from document
        document = list(document.values())
    if isinstance(document, list):
        for inner in document:
            yield from values(inner)
