"""DeeperForensics-1.0: bona fide videos that are a download of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.datasets.deeperforensics import DATA_SET
from tests.benchmarks.datasets.tree import Media
from tests.benchmarks.datasets.trees.deeperforensics import TREE


def test_without_faceforensics_there_are_fakes_only(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    shutil.rmtree(tmp_path / "original_sequences")
    listing = DATA_SET.read(tmp_path)
    assert {trial.labels["face"] for trial in listing.trials} == {"spoof"}
    assert any("There are no bona fide videos" in note for note in listing.notes)


def test_a_symbolic_link_to_faceforensics_is_enough(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "deeper", tmp_path / "faceforensics"
    TREE.make(root, Media())
    (root / "original_sequences").rename(elsewhere)
    (root / "original_sequences").symlink_to(elsewhere)
    bonafide = [trial for trial in DATA_SET.read(root).trials if trial.labels["face"] == "bonafide"]
    assert {trial.group for trial in bonafide} == {"000", "103", "104", "980"}
    assert all("faceforensics" in trial.corpora for trial in bonafide)
