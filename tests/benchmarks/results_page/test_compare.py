"""Differences and tests of two systems: the same scores tie, a better system wins, other trials are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.results_page.compare import compare
from benchmarks.scorefile import Row, System
from detect.errors import ConfigError
from tests.benchmarks.results_page.recipes import FINDING, OTHER, OURS, cells, gaussian, run, silent


def _with_other(rows: list[Row], noise: float, *, llr: bool = True) -> list[Row]:
    """The same trials, scored by `OTHER` as `OURS` does with noise on top."""
    random = np.random.default_rng(5)
    found = []
    for row in rows:
        logit = row.logits[OURS] + float(random.normal(scale=noise))
        llrs = {**row.llrs, OTHER: logit} if llr else row.llrs
        found.append(replace(row, logits={**row.logits, OTHER: logit}, llrs=llrs))
    return found


def test_a_better_system_is_told_apart(tmp_path: Path) -> None:
    folder = run(tmp_path, _with_other(gaussian(400), 2.0))
    text = compare(folder, OURS, folder, OTHER)
    auc, eer, cllr = cells(text, "Differences")
    assert (auc["metric"], eer["metric"], cllr["metric"]) == ("AUC", "EER", "Cllr")
    assert float(auc["A"]) > float(auc["B"])
    assert float(auc["A - B"]) == pytest.approx(float(auc["A"]) - float(auc["B"]), abs=0.0011)
    assert {row["told apart"] for row in (auc, eer)} == {"yes"}
    tests = cells(text, "Tests")
    assert tests[0]["p"] == "below 0.001"
    assert [row["test"] for row in tests[1:]] == ["McNemar, decisions at the flag", "McNemar, decisions at LLR 0"]
    assert "assume that trials are independent" in text


def test_a_system_ties_with_itself(tmp_path: Path) -> None:
    folder = run(tmp_path, gaussian(100))
    text = compare(folder, OURS, folder, OURS)
    assert {row["A - B"] for row in cells(text, "Differences")} == {"+0.000"}
    assert {row["told apart"] for row in cells(text, "Differences")} == {"no"}
    assert {row["p"] for row in cells(text, "Tests")} == {"1.000"}


def test_only_trials_that_both_scored_count(tmp_path: Path) -> None:
    rows = _with_other(gaussian(100), 1.0)
    first = run(tmp_path, [silent(row) if place < 10 else row for place, row in enumerate(rows)], name="first")
    second = run(tmp_path, [silent(row) if place >= 80 else row for place, row in enumerate(rows)], name="second")
    text = compare(first, OURS, second, OTHER)
    assert {row["trials of both"] for row in cells(text, "Differences")} == {"70"}
    assert "Of 100 labelled trials" in text


def test_without_llrs_decisions_are_those_at_equal_error_and_called_optimistic(tmp_path: Path) -> None:
    folder = run(tmp_path, _with_other(gaussian(100), 1.0, llr=False))
    text = compare(folder, OURS, folder, OTHER)
    assert cells(text, "Tests")[1]["test"] == "McNemar, decisions at each one's EER"
    assert "optimistic" in text
    assert [row["metric"] for row in cells(text, "Differences")] == ["AUC", "EER"]


def test_a_finding_is_compared_by_its_llrs(tmp_path: Path) -> None:
    folder = run(tmp_path, gaussian(100))
    assert {row["A - B"] for row in cells(compare(folder, FINDING, folder, OURS), "Differences")} == {"+0.000"}


def test_other_trials_other_subjects_and_unknown_systems_are_refused(tmp_path: Path) -> None:
    rows = gaussian(60)
    face = System(name="face.set1", subject="face")
    voice = System(name=OURS, subject="voice")
    one = run(tmp_path, rows, name="one", systems=(voice, face))
    other = run(tmp_path, rows, name="other", split_sha256="0" * 64)
    with pytest.raises(ConfigError, match="not of the same trials"):
        compare(one, OURS, other, OURS)
    with pytest.raises(ConfigError, match="labels of voice"):
        compare(one, OURS, one, "face.set1")
    with pytest.raises(ConfigError, match="no system nobody"):
        compare(one, "nobody", one, OURS)
    with pytest.raises(ConfigError, match="lack one of the two classes"):
        compare(other, OURS, other, OTHER)
