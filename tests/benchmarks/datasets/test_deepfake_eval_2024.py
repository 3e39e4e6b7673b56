"""Deepfake-Eval-2024: its parts can stand alone, and its three kinds of trials are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.datasets.deepfake_eval_2024 import DATA_SET
from detect.errors import ConfigError
from tests.benchmarks.datasets.tree import Media, replace
from tests.benchmarks.datasets.trees.deepfake_eval_2024 import TREE, UNITS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    TREE.make(tmp_path, Media())
    return tmp_path


def test_a_trial_is_what_its_part_is_of(root: Path) -> None:
    assert {trial.id.partition("/")[0]: trial.unit for trial in DATA_SET.read(root).trials} == UNITS


def test_a_part_that_is_not_there_is_told(root: Path) -> None:
    (root / "video-metadata-publish-with-links.csv").unlink()
    listing = DATA_SET.read(root)
    assert {trial.facts["part"] for trial in listing.trials} == {"audio", "image"}
    assert any("the video part is not there" in note for note in listing.notes)


def test_the_corrected_list_of_videos_is_taken_and_the_other_one_is_told(root: Path) -> None:
    corrected = root / "video-metadata-publish-with-links.csv"
    text = corrected.read_text(encoding="utf-8")
    older = root / "video-metadata-publish.csv"
    older.write_text(text.replace(",Real,Real,", ",Unknown,Unknown,"), encoding="utf-8")
    assert len(DATA_SET.read(root).trials) == len(TREE.rows)
    corrected.unlink()
    listing = DATA_SET.read(root)
    assert len(listing.trials) == len(TREE.rows) - 1
    assert any("corrected an error" in note for note in listing.notes)


def test_a_video_of_unknown_sound_is_not_genuine_as_a_whole(root: Path) -> None:
    trials = {trial.id: trial for trial in DATA_SET.read(root).trials}
    with pytest.raises(KeyError):
        _ = trials["video-data/EMU-LOZWXKGjPUBy5NgH8g5ULyA.mp4"].is_spoof


def test_a_name_that_stands_twice_with_two_labels_raises(root: Path) -> None:
    replace(root / "audio-metadata-publish.csv", "HICemuEclIn-ZDbqZVUULNCfNMI.wav", "oU0MuTlffWBW8HzTdz78Z0XkiYw.mp3")
    with pytest.raises(ConfigError, match=r"audio-metadata-publish\.csv:3: .* labelled otherwise"):
        DATA_SET.read(root)
