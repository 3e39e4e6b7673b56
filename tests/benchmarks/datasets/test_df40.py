"""DF40: folders without JSON files, where the archives unpack to, and frames that are where they should not be."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.datasets.df40 import DATA_SET
from detect.errors import ConfigError
from tests.benchmarks.datasets.tree import Media, replace
from tests.benchmarks.datasets.trees.df40 import TREE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    TREE.make(tmp_path, Media())
    return tmp_path


def test_a_sequence_is_a_folder_of_one_video(root: Path) -> None:
    sequences = {trial.id: trial.sequence for trial in DATA_SET.read(root).trials}
    assert sequences["DF40/simswap/ff/frames/071_054/012.png"] == "DF40/simswap/ff/frames/071_054"
    assert sequences["DF40/e4e/ff/inversions/071.png"] is None
    assert sequences["DF40/StarGAN2/fake/fake/000001.jpg"] is None


def test_folders_without_a_protocol_say_the_same_of_what_is_there(root: Path) -> None:
    listed = {trial.id: trial for trial in DATA_SET.read(root).trials if (root / trial.path).exists()}
    shutil.rmtree(root / "dataset_json")
    walked = DATA_SET.read(root)
    assert {trial.id: trial for trial in walked.trials} == listed
    assert any("no dataset_json" in note for note in walked.notes)


def test_a_folder_of_the_name_in_the_paths_may_stand_in_between(root: Path) -> None:
    inner = root / "deepfakes_detection_datasets"
    inner.mkdir()
    for name in ("DF40", "DF40_train", "FaceForensics++"):
        (root / name).rename(inner / name)
    trials = DATA_SET.read(root).trials
    assert {trial.path for trial in trials} == {f"{inner.name}/{trial.id}" for trial in trials}
    assert sum((root / trial.path).exists() for trial in trials) == len(trials) - 1


def test_an_unknown_method_raises(root: Path) -> None:
    Media().write(root / "DF40" / "newswap" / "ff" / "frames" / "071_054" / "000.png")
    shutil.rmtree(root / "dataset_json")
    with pytest.raises(ConfigError, match="'newswap' is no word"):
        DATA_SET.read(root)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("DF40/StarGAN2/real/", "DF40/StarGAN2/fake/", "is not bonafide by its path"),
        ("DF40/StarGAN2/real/", "DF40/StarGAN2/genuine/", "none of ff, cdf, fake, real"),
        ("DF40/StarGAN2/real/", "DFDC/StarGAN2/real/", "lies below none of DF40, DF40_train"),
        ("StarGAN2/real/000001.jpg", "StarGAN2/fake/fake/000001.jpg", "labelled otherwise"),
    ],
)
def test_a_path_that_contradicts_the_label_raises(root: Path, old: str, new: str, words: str) -> None:
    replace(root / "dataset_json" / "starganv2.json", old, new)
    with pytest.raises(ConfigError, match=words):
        DATA_SET.read(root)
