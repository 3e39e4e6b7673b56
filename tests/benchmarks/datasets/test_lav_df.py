"""LAV-DF: whose stretches are whose, and which of its two files is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.datasets.lav_df import DATA_SET
from detect.errors import ConfigError
from tests.benchmarks.datasets.tree import Media, replace
from tests.benchmarks.datasets.trees.lav_df import ENTRIES, TREE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    TREE.make(tmp_path, Media())
    return tmp_path


def test_stretches_belong_to_what_was_modified(root: Path) -> None:
    spans = {trial.id: dict(trial.spans) for trial in DATA_SET.read(root).trials}
    both, one = ((1.44, 1.98),), ((0.5, 99.0),)
    assert spans["test/000000.mp4"] == {"recording": (), "face": (), "voice": ()}
    assert spans["test/000001.mp4"] == {"recording": both, "face": both, "voice": both}
    assert spans["test/000002.mp4"] == {"recording": both, "face": both, "voice": ()}
    assert spans["test/000003.mp4"] == {"recording": one, "face": (), "voice": one}


def test_the_full_file_is_read_before_the_short_one(root: Path) -> None:
    (root / "metadata.json").write_text(json.dumps(ENTRIES[:3]), encoding="utf-8")
    assert len(DATA_SET.read(root).trials) == 3


@pytest.mark.parametrize("periods", ["null", "[[1.0]]", '[["1", "2"]]', "[[NaN, 2]]", "{}"])
def test_what_is_no_list_of_pairs_names_its_entry(root: Path, periods: str) -> None:
    replace(root / "metadata.min.json", "[[1.44, 1.98], [3.0, 3.0]]", periods)
    with pytest.raises(ConfigError, match=r"entry 2: fake_periods should be a list of pairs of seconds"):
        DATA_SET.read(root)


def test_an_unknown_split_raises(root: Path) -> None:
    replace(root / "metadata.min.json", '"split": "dev"', '"split": "validation"')
    with pytest.raises(ConfigError, match="'validation' is no word"):
        DATA_SET.read(root)


def test_a_file_that_stands_twice_raises(root: Path) -> None:
    replace(root / "metadata.min.json", '"file": "test/000002.mp4"', '"file": "test/000001.mp4"')
    with pytest.raises(ConfigError, match="1 files stand twice"):
        DATA_SET.read(root)
