"""Celeb-DF: labels the other way round, and two versions that look alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.datasets.celeb_df import V1
from detect.errors import ConfigError
from tests.benchmarks.datasets.tree import Media, replace
from tests.benchmarks.datasets.trees.celeb_df_v1 import TREE
from tests.benchmarks.datasets.trees.celeb_df_v2 import LIST


def test_a_list_in_which_1_is_fake_is_refused(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    replace(tmp_path / LIST, "0 Celeb-synthesis", "1 Celeb-synthesis")
    with pytest.raises(ConfigError, match=r":2: the label 1 contradicts the folder"):
        V1.read(tmp_path)


def test_more_videos_than_version_1_has_are_another_version(tmp_path: Path) -> None:
    TREE.make(tmp_path, Media())
    for number in range(158):
        (tmp_path / f"Celeb-real/id20_{number:04}.mp4").touch()
    with pytest.raises(ConfigError, match="160 videos, and Celeb-DF v1 has 158"):
        V1.read(tmp_path)
