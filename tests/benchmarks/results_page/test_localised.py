"""Claimed stretches against the true ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.results_page.run_section import score
from benchmarks.scorefile import Stretch
from detect.errors import ConfigError
from tests.benchmarks.results_page.recipes import cells, gaussian, run


def _truth(number: int, start: float, end: float) -> Stretch:
    return Stretch(id=f"t{number:05d}", subject="voice", kind="truth", span=(start, end))


def _claim(number: int, start: float, end: float, value: float | None) -> Stretch:
    return Stretch(id=f"t{number:05d}", subject="voice", kind="claim", span=(start, end), score=value)


def test_right_claims_first_are_perfect_and_half_of_them_are_half(tmp_path: Path) -> None:
    rows = gaussian(40)
    truth = [_truth(number, 1.0, 2.0) for number in range(1, 40, 2)]
    right = [_claim(number, 1.0, 2.0, 3.0) for number in range(1, 40, 2)]
    wrong = [_claim(0, 0.0, 1.0, -1.0)]
    (perfect,) = cells(score(run(tmp_path, rows, [*truth, *right, *wrong])), "Stretches")
    assert perfect["trials"] == "40"
    assert (perfect["true stretches"], perfect["claims"]) == ("20", "21")
    assert perfect["AP at IoU 0.95"] == perfect["AR of 5"] == "1.000"
    (half,) = cells(score(run(tmp_path, rows, [*truth, *right[:10], *wrong])), "Stretches")
    assert half["AP at IoU 0.5"] == half["AR of 50"] == "0.500"


def test_spoofs_of_which_nobody_says_where_are_left_out_and_named(tmp_path: Path) -> None:
    text = score(run(tmp_path, gaussian(40), [_truth(1, 1.0, 2.0), _claim(3, 0.0, 1.0, 9.0), _claim(1, 1.0, 2.0, 1.0)]))
    (row,) = cells(text, "Stretches")
    assert (row["trials"], row["claims"], row["AP at IoU 0.5"]) == ("21", "1", "1.000")
    assert "19 spoofs of which nobody says where" in text


def test_runs_without_true_stretches_have_no_such_table(tmp_path: Path) -> None:
    assert "Stretches" not in score(run(tmp_path, gaussian(40), [_claim(1, 1.0, 2.0, 1.0)]))


def test_a_claim_without_a_score_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no score"):
        score(run(tmp_path, gaussian(40), [_truth(1, 1.0, 2.0), _claim(1, 1.0, 2.0, None)]))
