"""The timeline's rows: direction by place, gaps where they are, nothing lost between two marks."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from detect.report import AbstentionEntry, Report
from detect.types import Modality, Reason
from service.timeline import Timeline, build_timeline, highest
from tests.service import sample_reports
from tests.service.sample_parts import FACE_MODEL, span


def _timeline(report: Report) -> Timeline:
    timeline = build_timeline(report.body)
    assert timeline is not None
    return timeline


@pytest.mark.parametrize(
    ("case", "above"), [(sample_reports.supports_manipulation, True), (sample_reports.supports_bonafide, False)]
)
def test_support_for_manipulation_points_up_and_for_bona_fide_down(case: Callable[[], Report], above: bool) -> None:
    rows = [row for row in _timeline(case()).rows if row.scale == "llr"]
    assert len(rows) == 4
    for row in rows:
        # The sign of each mark and its side of the line agree; nearly all of these reports' marks are on one side.
        sides = [mark.top < row.height / 2 for mark in row.marks]
        assert sum(side == above for side in sides) > 0.9 * len(sides)
        for mark in row.marks:
            assert mark.kind == "neutral" or mark.kind.startswith("for") == (mark.top < row.height / 2)


def test_marks_stand_at_their_times() -> None:
    report = sample_reports.supports_manipulation()
    seconds = report.body.recording.duration_seconds
    assert seconds is not None
    row = next(row for row in _timeline(report).rows if row.label == "face-1")
    times = [sample.time_seconds for sample in report.body.tracks[0].samples if sample.logits]
    assert [mark.left for mark in row.marks] == pytest.approx([100 * time / seconds for time in times], abs=0.01)


def test_a_gap_is_drawn_where_it_is_and_said_in_words() -> None:
    rows = {row.label: row for row in _timeline(sample_reports.partial()).rows}
    sampled = rows["Stream 0, sampled"]
    (gap,) = sampled.gaps
    assert gap.left == pytest.approx(100 * 13.4 / 42, abs=0.01)
    assert gap.left + gap.width == pytest.approx(100 * 20.9 / 42, abs=0.01)
    assert "Pictures are missing." in gap.title
    assert "1 gap." in sampled.description
    assert not any(gap.left < tick < gap.left + gap.width for tick in sampled.ticks)
    # A voice does not lose what the picture loses.
    assert "0.3 s of speech" in rows["voice-1"].gaps[0].title
    assert len(rows["voice-1"].gaps) == 1


def test_a_stream_that_begins_late_has_a_gap_before_it() -> None:
    report = sample_reports.supports_manipulation()
    streams = [
        report.body.recording.streams[0],
        report.body.recording.streams[1].model_copy(update={"start_seconds": 3.0}),
    ]
    late = report.body.recording.model_copy(update={"streams": streams})
    row = next(r for r in _timeline(sample_reports.with_body(report, recording=late)).rows if r.label == "voice-1")
    (gap,) = row.gaps
    assert (gap.left, gap.width) == (0, pytest.approx(100 * 3 / 12.48, abs=0.01))


def test_thousands_of_values_become_few_marks_that_keep_the_extremes() -> None:
    report = sample_reports.two_hours()
    row = next(row for row in _timeline(report).rows if row.label == "face-1")
    values = [sample.llrs[FACE_MODEL] for sample in report.body.tracks[0].samples if sample.llrs]
    assert row.count == len(values) > 3_000
    assert len(row.marks) <= 160
    assert (row.lowest, row.highest) == (min(values), max(values))
    reaches = [mark.reach for mark in row.marks if mark.reach]
    top = min(reach[0] for reach in reaches)
    full = _timeline(report).full_bar
    assert top == pytest.approx(5 + (row.height - 10) * (0.5 - 0.5 * max(values) / full), abs=0.1)


@pytest.mark.parametrize("name", sample_reports.ALL)
def test_everything_is_drawn_within_the_plot(name: str) -> None:
    timeline = build_timeline(sample_reports.ALL[name]().body)
    if timeline is None:
        assert name in ("failed", "picture")
        return
    assert 2 <= len(timeline.axis) <= 10
    for row in timeline.rows:
        for piece in (*row.marks, *row.bands, *row.gaps):
            assert piece.left >= 0
            assert piece.left + piece.width <= 100.001
        for mark in row.marks:
            assert mark.top >= 0
            assert mark.top + mark.height <= row.height


def test_raw_outputs_are_drawn_against_their_own_model_and_not_as_support() -> None:
    timeline = _timeline(sample_reports.uncalibrated())
    assert not timeline.has("llr")
    rows = [row for row in timeline.rows if row.scale == "logit"]
    assert {mark.kind for row in rows for mark in row.marks} == {"logit"}
    tops = [mark.top for row in rows if row.model == FACE_MODEL for mark in row.marks]
    assert (min(tops), max(tops)) == (5, rows[0].height - 5)


def test_a_track_that_nobody_scored_keeps_its_row() -> None:
    report = sample_reports.supports_manipulation()
    bare = report.body.tracks[0].model_copy(update={"scores": [], "num_scored": 0})
    why = AbstentionEntry(
        reason=Reason.FACE_TOO_SMALL, subject="face-1", detail="12 px", modality=Modality.FACE, span=span(0, 12)
    )
    timeline = _timeline(sample_reports.with_body(report, tracks=[bare], abstentions=[why]))
    row = next(row for row in timeline.rows if row.label == "face-1")
    assert (row.scale, row.marks, row.overall) == ("none", [], "not scored")
    assert "12 px" in row.gaps[0].title


def test_the_highest_keep_their_order() -> None:
    assert highest([3.0, 9.0, 1.0, 9.0, 5.0], 3, lambda value: (value, 0.0)) == [(1, 9.0), (3, 9.0), (4, 5.0)]


def test_times_beyond_belief_end() -> None:
    report = sample_reports.supports_manipulation()
    recording = report.body.recording.model_copy(update={"duration_seconds": 1e15})
    timeline = _timeline(sample_reports.with_body(report, recording=recording))
    assert len(timeline.axis) <= 10
    assert math.isfinite(timeline.rows[0].ticks[0])
