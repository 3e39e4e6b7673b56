"""WildDeepfake: archives that are not what their name says, in whole and in part."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from benchmarks.datasets.wilddeepfake import DATA_SET
from detect.errors import ConfigError
from tests.benchmarks.datasets.tree import Media
from tests.benchmarks.datasets.trees.wilddeepfake import TREE


def test_frames_of_a_sequence_come_in_order_of_time(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    trials = [one for one in DATA_SET.read(tmp_path).trials if one.group == "real_test/1"]
    assert [one.id.removeprefix("real_test/1/") for one in trials] == ["3/9.png", "3/10.png", "12/0.png"]


def test_unpacking_changes_no_names(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    packed = [one.id for one in DATA_SET.read(tmp_path).trials]
    for archive in sorted(tmp_path.rglob("[0-9]*.tar.gz")):
        with tarfile.open(archive) as opened:
            opened.extractall(archive.parent, filter="data")
        archive.unlink()
    trials = DATA_SET.read(tmp_path).trials
    assert [one.id for one in trials] == packed
    assert all((tmp_path / one.path).is_file() for one in trials)


@pytest.mark.parametrize(("name", "num_bytes"), [("fake_train/10.tar.gz", 60), ("fake_test/2.tar.gz", 1_030)])
def test_an_archive_that_ends_early_is_refused(tmp_path: Path, name: str, num_bytes: int) -> None:
    TREE.make(tmp_path, Media())
    archive = tmp_path / "deepfake_in_the_wild" / name
    archive.write_bytes(archive.read_bytes()[:num_bytes])
    with pytest.raises(ConfigError, match="it cannot be read to its end"):
        DATA_SET.read(tmp_path)


def test_a_picture_of_the_other_class_is_refused(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    Media().write(tmp_path / "deepfake_in_the_wild/fake_test/30/real/5/18.png")
    with pytest.raises(ConfigError, match="it lies in a folder for fake"):
        DATA_SET.read(tmp_path)
