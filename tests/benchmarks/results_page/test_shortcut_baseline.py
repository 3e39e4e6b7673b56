"""The baseline finds a shortcut that was planted and none where there is none; groups do not leak across folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.results_page.samples import samples
from benchmarks.results_page.shortcut_baseline import ALL, Baseline, baseline, shortcut_table
from benchmarks.results_page.views import views
from benchmarks.scorefile import Row
from benchmarks.tables import classes
from tests.benchmarks.results_page.recipes import OTHER, OURS, SYSTEMS, gaussian
from training.separation import auc


def _auc(found: Baseline, feature: str) -> float:
    bonafide, spoof = classes(found.by_feature[feature])
    return auc(bonafide=bonafide, spoof=spoof)


def _planted(count: int, feature: Callable[[Row, float], str], name: str = "seconds") -> list[Row]:
    random = np.random.default_rng(7)
    return [
        replace(row, shortcuts={name: feature(row, float(random.normal())), "loudness": f"{random.normal():.4f}"})
        for row in gaussian(count)
    ]


def _is_spoof(row: Row) -> bool:
    return row.labels["voice"] == "spoof"


def _same(row: Row, noise: float) -> str:
    return "1"


def test_a_planted_number_is_found_and_a_random_one_is_not() -> None:
    found = baseline(_planted(600, lambda row, noise: f"{noise + 2 * _is_spoof(row):.3f}"), "voice")
    assert _auc(found, "seconds") == pytest.approx(0.92, abs=0.03)
    assert _auc(found, "loudness") == pytest.approx(0.5, abs=0.07)
    assert _auc(found, ALL) > 0.88


def test_a_shortcut_that_is_not_monotonic_is_found() -> None:
    rows = _planted(600, lambda row, noise: f"{noise if _is_spoof(row) else 3 * noise:.3f}")
    assert _auc(baseline(rows, "voice"), "seconds") > 0.7


def test_a_planted_word_and_an_absent_value_are_found() -> None:
    words = _planted(400, lambda row, noise: "aac" if _is_spoof(row) ^ (noise > 1.5) else "opus", "codec")
    assert _auc(baseline(words, "voice"), "codec") > 0.85
    absent = [replace(row, shortcuts={} if _is_spoof(row) else {"date": "2020"}) for row in gaussian(200)]
    assert _auc(baseline(absent, "voice"), "date") == 1.0


def test_what_names_the_group_is_no_shortcut() -> None:
    """Each group has one class and a number of its own: known within a group, worth nothing in another."""
    random = np.random.default_rng(3)
    numbers = random.permutation(100)
    rows = [
        replace(row, group=f"g{place % 100}", shortcuts={"id": f"w{numbers[place % 100]}"})
        for place, row in enumerate(gaussian(1_000))
    ]
    assert _auc(baseline(rows, "voice"), "id") == pytest.approx(0.5, abs=0.01)


def test_features_that_were_measured_on_some_trials_are_judged_on_those() -> None:
    """Half of the trials were decoded, mostly spoofs: that the others were not must not count as a shortcut."""
    random = np.random.default_rng(2)
    rows = [
        replace(
            row,
            shortcuts={"bytes": f"{random.integers(9)}"}
            | ({"leading_silence_seconds": f"{random.random():.3f}"} if place % 4 < 3 - 2 * (place % 2 == 0) else {}),
        )
        for place, row in enumerate(gaussian(2_400))
    ]
    found = baseline(rows, "voice")
    decoded = sum("leading_silence_seconds" in row.shortcuts for row in rows)
    assert {len(some) for some in found.by_feature.values()} == {decoded}
    assert _auc(found, ALL) == pytest.approx(0.5, abs=0.06)


def test_words_that_few_files_have_do_not_make_it_slow() -> None:
    rows = [replace(row, shortcuts={"encoder": f"made by {place}"}) for place, row in enumerate(gaussian(3_000))]
    assert _auc(baseline(rows, "voice"), "encoder") == pytest.approx(0.5, abs=0.01)


def test_folds_do_not_depend_on_the_order_of_trials() -> None:
    rows = _planted(200, lambda row, noise: f"{noise + _is_spoof(row):.3f}")
    assert _auc(baseline(rows, "voice"), ALL) == pytest.approx(_auc(baseline(rows[::-1], "voice"), ALL), abs=1e-9)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (gaussian(100), "no shortcut features"),
        (_planted(38, _same), "19 trials of the rarer class"),
        ([replace(row, group="one") for row in _planted(100, _same)], "too few groups"),
    ],
)
def test_where_nothing_can_be_fitted_it_says_why(rows: list[Row], why: str) -> None:
    assert why in baseline(rows, "voice").why_not


def test_the_table_has_systems_beside_shortcuts() -> None:
    (view,) = views(_planted(200, lambda row, noise: f"{noise + 2 * _is_spoof(row):.3f}"))
    table = shortcut_table(view, samples(view, SYSTEMS), "Made Up")
    decides = [row[1] for row in table.rows]
    assert decides[:3] == ["shortcut: loudness", "shortcut: seconds", f"shortcut: {ALL}"]
    assert f"system: {OURS}" in decides
    assert {row[2] for row in table.rows if row[1] != f"system: {OTHER}"} == {"100 + 100"}
    assert table.title == "Shortcuts: Made Up, utterances"
