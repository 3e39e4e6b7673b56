"""FakeAVCeleb: the split that this repository derives, and rows that contradict themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.datasets.fakeavceleb import DATA_SET, split_digest, split_of
from detect.errors import ConfigError
from tests.benchmarks.datasets.tree import Media, replace
from tests.benchmarks.datasets.trees.fakeavceleb import TREE


def test_a_person_is_on_one_side_only(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    splits: dict[str, set[str]] = {}
    for trial in DATA_SET.read(tmp_path).trials:
        splits.setdefault(trial.group, set()).add(trial.split)
    assert splits == {"id00076": {"test"}, "id00475": {"test"}, "id00166": {"dev"}, "id07686": {"train"}}


def test_the_rule_is_the_one_that_is_stated() -> None:
    people = [f"id{number:05d}" for number in range(10_000)]
    share = {split: sum(split_of(one) == split for one in people) / len(people) for split in ("train", "dev", "test")}
    assert share == pytest.approx({"train": 0.7, "dev": 0.1, "test": 0.2}, abs=0.01)
    assert split_digest(reversed(people)) == split_digest([*people, *people])


def test_a_row_of_nine_values_names_its_line(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    replace(tmp_path / "meta_data.csv", "00099.mp4,FakeAVCeleb/RealVideo-RealAudio/African/men/id00475", "00099.mp4")
    with pytest.raises(ConfigError, match=r"meta_data\.csv:3: 9 values"):
        DATA_SET.read(tmp_path)


def test_a_category_that_is_not_the_folders_raises(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    replace(tmp_path / "meta_data.csv", "rtvc,B,", "rtvc,A,")
    with pytest.raises(ConfigError, match="is category B"):
        DATA_SET.read(tmp_path)
