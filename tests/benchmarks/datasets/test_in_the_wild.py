"""In-the-Wild: as its archive unpacks it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.datasets.in_the_wild import DATA_SET
from tests.benchmarks.datasets.tree import Media
from tests.benchmarks.datasets.trees.in_the_wild import TREE


def test_the_folder_in_which_the_archive_was_unpacked_is_taken_too(tmp_path: Path) -> None:
    (tmp_path / "release_in_the_wild").mkdir()
    TREE.make(tmp_path / "release_in_the_wild", Media())
    trials = DATA_SET.read(tmp_path).trials
    assert [trial.id for trial in trials] == [row.id for row in TREE.rows]
    assert (tmp_path / trials[0].path).is_file()
