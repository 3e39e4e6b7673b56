"""Protocols say what is what, and nobody is in two splits."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest

from detect.errors import ConfigError
from training.protocol import Members, read_protocol


def _write(folder: Path, *rows: str, header: str = "path,label,attack,group,speaker,split") -> Path:
    (folder / "protocol.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


def test_reads_rows_in_order_with_all_their_facts(tmp_path: Path) -> None:
    trials = read_protocol(_write(tmp_path, "a.jpg,bonafide,-,g1,,train", "b.jpg,spoof,swap,g1,,train"))
    assert [(trial.path, trial.is_spoof, trial.attack, trial.group) for trial in trials] == [
        ("a.jpg", False, "-", "g1"),
        ("b.jpg", True, "swap", "g1"),
    ]
    assert trials[1].facts["speaker"] == ""


def test_an_attack_may_be_called_a_system(tmp_path: Path) -> None:
    (trial,) = read_protocol(_write(tmp_path, "a.flac,spoof,HiFi-GAN,p1,train", header="path,label,system,pair,split"))
    assert (trial.attack, trial.group) == ("HiFi-GAN", "p1")


def test_an_unknown_label_is_an_error_and_never_a_spoof(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="genuine"):
        read_protocol(_write(tmp_path, "a.jpg,genuine,-,g1,,train"))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="label"):
        read_protocol(_write(tmp_path, "a.jpg,-,test", header="path,attack,split"))


def test_without_splits_everything_is_for_measuring(tmp_path: Path) -> None:
    (trial,) = read_protocol(_write(tmp_path, "a.jpg,bonafide,-", header="path,label,attack"))
    assert trial.split == "test"


def test_a_folder_without_a_protocol_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"protocol\.csv"):
        read_protocol(tmp_path)


def test_a_person_in_two_splits_stays_only_where_it_is_measured(tmp_path: Path) -> None:
    folder = _write(
        tmp_path,
        "a.jpg,bonafide,-,g1,ann,train",
        "b.jpg,bonafide,-,g2,ann,val",
        "c.jpg,bonafide,-,g3,ann,test",
        "d.jpg,spoof,swap,g1,bob,train",
        "e.jpg,spoof,swap,g4,,train",
        "f.jpg,spoof,swap,g5,ann,exclude",
    )
    assert {trial.path[0]: trial.split for trial in read_protocol(folder)} == {
        "a": "overlap",
        "b": "overlap",
        "c": "test",
        "d": "train",  # its group's other picture is in no later split
        "e": "train",
        "f": "exclude",
    }


def test_no_group_or_speaker_of_the_development_data_is_in_two_splits(shared: Path) -> None:
    for name in ("faces", "voice"):
        seen: dict[tuple[str, str], str] = {}
        for trial in read_protocol(shared / name):
            if trial.split in ("train", "val", "test"):
                for column in ("group", "pair", "speaker"):
                    if value := trial.facts.get(column):
                        assert seen.setdefault((column, value), trial.split) == trial.split


def test_members_of_archives_and_plain_files_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "plain.bin").write_bytes(b"plain")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("in/side.bin", b"packed")
    with Members(tmp_path) as members:
        assert members.read("plain.bin") == b"plain"
        assert members.read("some.zip!/in/side.bin") == b"packed"
        copy = pickle.loads(pickle.dumps(members))  # noqa: S301 - as a worker process gets it
        assert copy.read("some.zip!/in/side.bin") == b"packed"
        for absent in ("none.bin", "none.zip!/x", "some.zip!/none"):
            with pytest.raises(ConfigError, match="in the protocol and not in the folder"):
                members.read(absent)
