"""AV-Deepfake1M: stretches by modality, and the two data sets that are not to be taken for one another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.datasets.av_deepfake1m import DATA_SET, PLUS_PLUS
from detect.errors import ConfigError
from tests.benchmarks.datasets.tree import Media, replace
from tests.benchmarks.datasets.trees.av_deepfake1m import TREE
from tests.benchmarks.datasets.trees.av_deepfake1m_plusplus import TREE as TREE_PLUS_PLUS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    TREE.make(tmp_path, Media())
    return tmp_path


def test_stretches_are_those_of_what_was_modified(root: Path) -> None:
    trials = [trial for trial in DATA_SET.read(root).trials if trial.group == "id00012"]
    spans = {trial.id.rsplit("/", 1)[1]: dict(trial.spans) for trial in trials}
    word = ((4.4, 4.64),)
    assert spans["real.mp4"] == {"recording": (), "face": (), "voice": ()}
    assert spans["real_video_fake_audio.mp4"] == {"recording": word, "face": (), "voice": word}
    assert spans["fake_video_real_audio.mp4"] == {"recording": word, "face": word, "voice": ()}
    assert spans["fake_video_fake_audio.mp4"] == {"recording": word, "face": word, "voice": ((4.4, 4.6),)}


def test_metadata_without_stretches_give_none(root: Path) -> None:
    path = root / "val_metadata.json"
    kept = ("file", "original", "split", "modify_type", "audio_model")
    path.write_text(json.dumps([{name: entry[name] for name in kept} for entry in json.loads(path.read_bytes())]))
    assert all(not trial.spans for trial in DATA_SET.read(root).trials if trial.split == "val")


def test_labels_of_the_test_part_are_read_where_there_are_some(root: Path) -> None:
    entry = json.loads((root / "val_metadata.json").read_bytes())[2] | {
        "file": "id00999/x/00001/a.mp4",
        "split": "test",
    }
    (root / "test_metadata.json").write_text(json.dumps([entry]))
    listing = DATA_SET.read(root)
    assert [trial.path for trial in listing.trials if trial.split == "test"] == ["test/id00999/x/00001/a.mp4"]
    assert not any("without labels" in note for note in listing.notes)


def test_either_is_refused_where_the_other_is_meant(tmp_path: Path) -> None:
    for name, tree in (("first", TREE), ("second", TREE_PLUS_PLUS)):
        (tmp_path / name).mkdir()
        tree.make(tmp_path / name, Media())
    with pytest.raises(ConfigError, match=r"a path of AV-Deepfake1M, and this should be AV-Deepfake1M\+\+"):
        PLUS_PLUS.read(tmp_path / "first")
    with pytest.raises(ConfigError, match=r"a path of AV-Deepfake1M\+\+, and this should be AV-Deepfake1M"):
        DATA_SET.read(tmp_path / "second")


def test_an_entry_of_another_split_raises(root: Path) -> None:
    replace(root / "val_metadata.json", '"split": "val"', '"split": "train"')
    with pytest.raises(ConfigError, match=r"entry 1: .* is of 'train', not of val"):
        DATA_SET.read(root)
