"""DFDC: two files of labels for the test split."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.datasets.dfdc import DATA_SET
from detect.errors import ConfigError
from tests.benchmarks.datasets.tree import Media, replace
from tests.benchmarks.datasets.trees.dfdc import TREE


def test_files_of_labels_that_disagree_are_refused(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    replace(tmp_path / "test/labels.csv", "aalscayrfi.mp4,1", "aalscayrfi.mp4,0")
    with pytest.raises(ConfigError, match=r"labels\.csv:2: metadata\.json says otherwise of aalscayrfi\.mp4"):
        DATA_SET.read(tmp_path)


@pytest.mark.parametrize("absent", ["labels.csv", "metadata.json"])
def test_either_file_of_labels_is_enough(tmp_path: Path, absent: str) -> None:
    TREE.make(tmp_path, Media())
    both = {trial.id: trial.labels for trial in DATA_SET.read(tmp_path).trials}
    (tmp_path / "test" / absent).unlink()
    assert {trial.id: trial.labels for trial in DATA_SET.read(tmp_path).trials} == both


def test_a_test_split_without_labels_is_refused(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    (tmp_path / "test/labels.csv").unlink()
    (tmp_path / "test/metadata.json").unlink()
    with pytest.raises(ConfigError, match="nothing is known of its videos"):
        DATA_SET.read(tmp_path)
