"""ASVspoof 2021: where its files and keys may lie, and keys of another kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.datasets.asvspoof2021 import DF, LA
from detect.errors import ConfigError
from tests.benchmarks.datasets.tree import Media

_LINE = "LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval\n"


def _keys(folder: Path, track: str, text: str) -> None:
    path = folder / f"keys/{track}/CM/trial_metadata.txt"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def test_keys_beside_the_data_are_found(tmp_path: Path) -> None:
    Media().write(tmp_path / "ASVspoof2021_LA_eval/flac/LA_E_9332881.flac")
    _keys(tmp_path, "LA", _LINE)
    (trial,) = LA.read(tmp_path / "ASVspoof2021_LA_eval").trials
    assert trial.path == "flac/LA_E_9332881.flac"


def test_the_folder_that_holds_data_and_keys_is_taken_too(tmp_path: Path) -> None:
    Media().write(tmp_path / "ASVspoof2021_LA_eval/flac/LA_E_9332881.flac")
    _keys(tmp_path, "LA", _LINE)
    (trial,) = LA.read(tmp_path).trials
    assert (tmp_path / trial.path).is_file()


def test_parts_unpacked_together_are_one_folder(tmp_path: Path) -> None:
    Media().write(tmp_path / "ASVspoof2021_DF_eval/flac/DF_E_2000011.flac")
    line = "LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -\n"
    _keys(tmp_path, "DF", line)
    listing = DF.read(tmp_path)
    assert listing.trials[0].path == "ASVspoof2021_DF_eval/flac/DF_E_2000011.flac"
    assert not listing.notes


def test_a_vocoder_is_no_fact_of_a_bona_fide_trial(tmp_path: Path) -> None:
    (tmp_path / "flac").mkdir()
    _keys(tmp_path, "DF", "LA_0048 DF_E_2000058 mp3m4a asvspoof - bonafide notrim eval bonafide - - - -\n")
    (trial,) = DF.read(tmp_path).trials
    assert trial.facts == {"speaker": "LA_0048", "codec": "mp3m4a", "source": "asvspoof", "trim": "notrim"}


def test_keys_of_the_other_track_are_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "flac").mkdir()
    _keys(tmp_path, "DF", _LINE)
    with pytest.raises(ConfigError, match=r"trial_metadata\.txt:1: a line of the full keys has 13 fields, not 8"):
        DF.read(tmp_path)


def test_without_keys_it_says_what_to_unpack(tmp_path: Path) -> None:
    (tmp_path / "set/flac").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"unpack LA-keys-full\.tar\.gz"):
        LA.read(tmp_path / "set")
