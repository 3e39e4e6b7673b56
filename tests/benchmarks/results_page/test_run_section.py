"""What `score` prints of one run: what it is of, where every trial went, and the numbers of its recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import pytest

from benchmarks.results_page.run_section import score
from benchmarks.scorefile import System
from detect.errors import ConfigError
from tests.benchmarks.results_page.recipes import FINDING, OTHER, OURS, SYSTEMS, cells, gaussian, run, silent


def _number(cell: str) -> float:
    return float(cell.partition(" ")[0])


def test_numbers_are_those_of_two_normal_distributions(tmp_path: Path) -> None:
    text = score(run(tmp_path, gaussian(2_000)))
    normal = NormalDist()
    separation = cells(text, "Separation")[0]
    assert separation["system"] == OURS
    assert separation["coverage"] == "2,000 of 2,000 = 100.0%"
    assert _number(separation["AUC"]) == pytest.approx(normal.cdf(2**0.5), abs=0.01)
    assert _number(separation["EER"]) == pytest.approx(normal.cdf(-1), abs=0.015)
    assert _number(separation["TPR at 1% FPR"]) == pytest.approx(normal.cdf(2 + normal.inv_cdf(0.01)), abs=0.08)
    ratios = cells(text, "Likelihood ratios")[0]
    assert _number(ratios["Cllr"]) == pytest.approx(_number(ratios["min Cllr"]), abs=0.02)
    assert ratios["Cllr"] == ratios["Cllr, abstentions as LLR 0"]


def test_systems_without_a_calibration_or_a_score_have_dashes_and_no_ratios(tmp_path: Path) -> None:
    rows = [replace(one, logits={**one.logits, OTHER: 1.0}) for one in gaussian(60)]
    text = score(run(tmp_path, rows))
    assert [row["system"] for row in cells(text, "Separation")] == [OURS, OTHER, FINDING]
    assert [row["system"] for row in cells(text, "Likelihood ratios")] == [OURS, FINDING]
    assert _number(cells(text, "Separation")[1]["AUC"]) == 0.5
    none = cells(score(run(tmp_path, gaussian(60))), "Separation")[1]
    assert (none["system"], none["coverage"], none["AUC"]) == (OTHER, "0 of 60 = 0.0%", "-")


def test_a_rate_is_not_read_from_fewer_bona_fide_than_one_alarm_takes(tmp_path: Path) -> None:
    few = cells(score(run(tmp_path, gaussian(198))), "Separation")[0]
    assert (few["TPR at 1% FPR"], few["TPR at 0.1% FPR"]) == ("-", "-")
    more = cells(score(run(tmp_path, gaussian(200))), "Separation")[0]
    assert more["TPR at 1% FPR"] != "-"
    assert more["TPR at 0.1% FPR"] == "-"


def test_every_trial_is_counted_once(tmp_path: Path) -> None:
    rows = gaussian(100)
    rows[0] = silent(rows[0], state="missing")
    rows[1] = silent(rows[1], state="unreadable", reason="truncated")
    rows[2] = silent(rows[2], state="no_subject", abstentions={"voice": "no_speech"})
    rows[3] = replace(rows[3], labels={"face": "spoof"})
    text = score(run(tmp_path, rows))
    ends = {(row["state"], row["reason"]): row["trials"] for row in cells(text, "How trials ended")}
    everything = ends.pop(("all", ""))
    assert ends[("unreadable", "truncated")] == "1"
    assert sum(map(int, ends.values())) == int(everything) == 100
    outcomes = {row["outcome"]: int(row["trials"]) for row in cells(text, "What became of each subject")}
    assert outcomes.pop("all") == sum(outcomes.values()) == 100
    assert outcomes == {
        "scored": 96,
        "file missing": 1,
        "no label": 1,
        "abstained: no_speech": 1,
        "no score: unreadable truncated": 1,
    }
    assert cells(text, "Separation")[0]["coverage"] == "96 of 98 = 98.0%"
    assert "1 of 100 trials have no file in this copy" in text
    assert "1,000 bona fide, 2,000 spoof, 3,000 in all" in text


def test_abstentions_cost_one_bit(tmp_path: Path) -> None:
    rows = gaussian(200)
    rows = [silent(one) if place < 100 else one for place, one in enumerate(rows)]
    ratios = cells(score(run(tmp_path, rows)), "Likelihood ratios")[0]
    scored = float(ratios["Cllr"])
    assert float(ratios["Cllr, abstentions as LLR 0"]) == pytest.approx((scored + 1) / 2, abs=0.001)
    assert ratios["with an LLR"] == "100 of 200 = 50.0%"


def test_titles_say_what_the_numbers_are_of(tmp_path: Path) -> None:
    rows = gaussian(60)
    rows[0] = silent(rows[0], state="missing")
    text = score(run(tmp_path, rows, partial=True, development=True, condition="MP3 at 32 kbit/s"))
    titles = [line for line in text.splitlines() if line.startswith("**") and ": Made Up" in line]
    assert len(titles) >= 4
    for title in titles:
        assert "Made Up, split eval" in title
        assert "after MP3 at 32 kbit/s" in title
        assert "partial copy, 1 of 60 trials without a file" in title
        assert "DEVELOPMENT SPLIT" in title
    assert "served for training, calibration or a choice" in text


def test_systems_that_know_the_trials_are_marked(tmp_path: Path) -> None:
    known = System(name=OURS, subject="voice", in_domain=("asvspoof2019-la", "vctk"))
    text = score(run(tmp_path, gaussian(60), systems=(known, *SYSTEMS[1:])))
    assert cells(text, "Separation")[0]["system"] == f"{OURS} †"
    assert cells(text, "Separation")[1]["system"] == OTHER
    assert "know asvspoof2019-la, vctk" in text


def test_published_numbers_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    text = score(run(tmp_path, gaussian(60), data_set="in-the-wild"))
    rows = cells(text, "Published on In-the-Wild")
    assert {"AASIST", "SSL-AASIST (XLS-R)"} <= {row["system"] for row in rows}
    assert all(row["protocol"] and row["source"] for row in rows)
    assert "Published" not in score(run(tmp_path, gaussian(60)))


def test_names_from_data_sets_become_no_markup(tmp_path: Path) -> None:
    rows = [replace(one, attack="<b>a|b</b>" if one.labels["voice"] == "spoof" else "-") for one in gaussian(60)]
    text = score(run(tmp_path, rows))
    assert "&lt;b>a\\|b&lt;/b>" in text
    assert "<b>" not in text


def test_the_same_files_give_the_same_text(tmp_path: Path) -> None:
    folder = run(tmp_path, gaussian(100))
    assert score(folder) == score(folder)


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no run\.json"):
        score(tmp_path)
