"""Frames and sequences of frames: each has a table of its own, and no number is of both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.results_page.run_section import score
from benchmarks.results_page.views import as_number, views
from benchmarks.scorefile import Row, System
from benchmarks.trials import Unit
from tests.benchmarks.results_page.recipes import OURS, cells, gaussian, row, run, silent


def _frames(count: int, length: int, **changes: Any) -> list[Row]:
    """Sequences of frames whose logits are the sequence's, plus and minus 1 in turn."""
    found = []
    for number, one in enumerate(gaussian(count)):
        for frame in range(length):
            logit = one.logits[OURS] + (1 if frame % 2 else -1)
            found.append(
                replace(
                    row(number * length + frame, spoof=bool(number % 2), logit=logit),
                    unit=Unit.FRAME,
                    sequence=f"s{number:03d}",
                    group=one.group,
                    **changes,
                )
            )
    return found


def test_frames_and_sequences_have_tables_of_their_own(tmp_path: Path) -> None:
    text = score(run(tmp_path, _frames(60, 4), systems=(System(name=OURS, subject="voice"),)))
    assert cells(text, "Separation: Made Up, split eval, frames")[0]["coverage"] == "240 of 240 = 100.0%"
    assert cells(text, "Separation: Made Up, split eval, sequences")[0]["coverage"] == "60 of 60 = 100.0%"
    assert "Likelihood ratios: Made Up, split eval, frames" in text
    assert "Likelihood ratios: Made Up, split eval, sequences" not in text
    assert "mean logit of its scored frames" in text


def test_a_sequence_scores_the_mean_of_its_scored_frames() -> None:
    frames = _frames(2, 3)
    frames[1] = silent(frames[1])
    first = views(frames)[1].rows[0]
    expected = (frames[0].logits[OURS] + frames[2].logits[OURS]) / 2
    assert (first.id, first.logits[OURS], first.llrs) == ("s000", expected, {})


def test_a_sequence_without_a_scored_frame_is_not_scored(tmp_path: Path) -> None:
    frames = [silent(one) if one.sequence == "s003" else one for one in _frames(40, 2)]
    text = score(run(tmp_path, frames, systems=(System(name=OURS, subject="voice"),)))
    assert cells(text, "Separation: Made Up, split eval, sequences")[0]["coverage"].startswith("39 of 40")


def test_a_sequence_keeps_what_all_its_frames_share() -> None:
    frames = _frames(2, 2, facts={"compression": "c23"}, shortcuts={"bytes": "100"})
    frames[1] = replace(frames[1], facts={"compression": "c40"}, shortcuts={"bytes": "300"})
    first, second = views(frames)[1].rows
    assert (first.facts, first.shortcuts) == ({}, {"bytes": "200"})
    assert (second.facts, second.shortcuts) == ({"compression": "c23"}, {"bytes": "100"})


def test_a_sequence_is_a_spoof_where_a_frame_is_one() -> None:
    frames = _frames(2, 2)
    frames[1] = replace(frames[1], labels={"voice": "spoof"})
    assert [dict(one.labels) for one in views(frames)[1].rows] == [{"voice": "spoof"}] * 2


def test_frames_of_no_sequence_are_named(tmp_path: Path) -> None:
    frames = [*_frames(40, 2), *(replace(one, unit=Unit.FRAME, id=f"x{one.id}") for one in gaussian(5))]
    text = score(run(tmp_path, frames))
    assert "5 frames belong to no sequence" in text
    assert cells(text, "Separation: Made Up, split eval, frames")[0]["coverage"] == "85 of 85 = 100.0%"


def test_recordings_and_utterances_do_not_mix(tmp_path: Path) -> None:
    rows = [replace(one, unit=Unit.RECORDING) if place < 40 else one for place, one in enumerate(gaussian(100))]
    text = score(run(tmp_path, rows))
    assert cells(text, "Separation: Made Up, split eval, recordings")[0]["coverage"].startswith("40 of 40")
    assert cells(text, "Separation: Made Up, split eval, utterances")[0]["coverage"].startswith("60 of 60")


def test_numbers_are_told_from_words() -> None:
    told = {text: as_number(text) for text in ("3", "-2.5", "1e3", "30000/1001", "aac", "", "nan", "inf", "1/0")}
    assert told["30000/1001"] == 30_000 / 1_001
    assert [told["3"], told["-2.5"], told["1e3"]] == [3.0, -2.5, 1_000.0]
    assert {told[text] for text in ("aac", "", "nan", "inf", "1/0")} == {None}
