"""MLAAD: without M-AILABS, and rows that cannot be taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.datasets.mlaad import DATA_SET
from detect.errors import ConfigError
from tests.benchmarks.datasets.tree import Media
from tests.benchmarks.datasets.trees.mlaad import TREE

_HEADER = "path|original_file|language|model_name|architecture\n"


def _model(root: Path, row: str) -> None:
    (root / "fake/en/model").mkdir(parents=True)
    (root / "fake/en/model/meta.csv").write_text(_HEADER + row + "\n", encoding="utf-8")


def test_without_m_ailabs_there_are_spoofed_trials_and_a_note(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    (tmp_path / "M-AILABS").rename(tmp_path / "elsewhere")
    listing = DATA_SET.read(tmp_path)
    assert all(trial.is_spoof for trial in listing.trials)
    assert "M-AILABS is not there" in "\n".join(listing.notes)


def test_m_ailabs_may_be_a_symbolic_link(tmp_path: Path) -> None:
    TREE.make(tmp_path / "set", Media())
    (tmp_path / "set/M-AILABS").rename(tmp_path / "books")
    (tmp_path / "set/real").symlink_to(tmp_path / "books")
    genuine = [trial for trial in DATA_SET.read(tmp_path / "set").trials if not trial.is_spoof]
    assert [trial.id for trial in genuine] == sorted(row.id for row in TREE.rows if row.labels["voice"] == "bonafide")
    assert all(trial.path.startswith("real/") for trial in genuine)


def test_a_row_without_an_original_is_grouped_by_its_model(tmp_path: Path) -> None:
    _model(tmp_path, "./fake/en/model/a.wav|-|en|m|VITS")
    (trial,) = DATA_SET.read(tmp_path).trials
    assert trial.group == "fake/en/model"


@pytest.mark.parametrize("row", ["|en_US/a.wav|en|m|VITS", "a.wav|../a.wav|en|m|VITS", "a.wav|/a.wav|en|m|VITS", "a"])
def test_a_row_that_names_nothing_or_leads_outside_is_refused_by_line(tmp_path: Path, row: str) -> None:
    _model(tmp_path, row)
    with pytest.raises(ConfigError, match=r"meta\.csv:2"):
        DATA_SET.read(tmp_path)
