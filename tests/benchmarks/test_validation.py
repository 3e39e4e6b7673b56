"""A copy that is not what it should be is told apart from one that is only partial."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from benchmarks.datasets import data_set
from benchmarks.datasets.dataset import Counts, DataSet
from benchmarks.validation import validate
from pipelines.sandbox import Sandbox
from tests.benchmarks.datasets.real import RealMedia
from tests.benchmarks.datasets.test_contract import TREES

SET = replace(data_set("in-the-wild"), expected={"test": Counts(bonafide=1, spoof=2)})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Two sounds that are there and one that is not."""
    TREES["in-the-wild"].make(tmp_path, RealMedia())
    return tmp_path


def test_a_partial_copy_is_no_error(copy: Path, sandbox: Sandbox) -> None:
    found = validate(SET, copy, sandbox, every_file=True)
    assert found.partial
    assert found.errors == 0
    assert "2.wav" in found.text
    assert "| test | 1 / 1 | 2 / 2 | 3 / 3 | 2 |" in found.text


def test_a_whole_copy_says_so(copy: Path, sandbox: Sandbox) -> None:
    RealMedia().write(copy / "2.wav")
    (copy / "2.wav").write_bytes((copy / "2.wav").read_bytes() + b"\0\0")
    found = validate(SET, copy, sandbox, every_file=True)
    assert not found.partial
    assert found.errors == 0


def test_a_file_that_cannot_be_read_is_an_error(copy: Path, sandbox: Sandbox) -> None:
    (copy / "1.wav").write_bytes(b"nothing that sounds")
    found = validate(SET, copy, sandbox, every_file=True)
    assert found.errors == 1
    assert "1.wav" in found.text


def test_the_same_bytes_under_both_labels_are_an_error(copy: Path, sandbox: Sandbox) -> None:
    (copy / "1.wav").write_bytes((copy / "0.wav").read_bytes())
    found = validate(SET, copy, sandbox, every_file=False)
    assert found.errors == 1
    assert "0.wav = 1.wav" in found.text


def test_the_same_bytes_under_one_label_are_told(copy: Path, sandbox: Sandbox) -> None:
    (copy / "2.wav").write_bytes((copy / "0.wav").read_bytes())
    found = validate(SET, copy, sandbox, every_file=False)
    assert found.errors == 0
    assert "0.wav = 2.wav" in found.text


def test_more_trials_than_there_can_be_are_an_error(copy: Path, sandbox: Sandbox) -> None:
    found = validate(_expecting(Counts(bonafide=1, spoof=1)), copy, sandbox, every_file=False)
    assert found.errors == 2
    assert "test spoof: 2 trials, 1 published" in found.text


def test_published_checksums_are_compared(copy: Path, sandbox: Sandbox) -> None:
    right = f"sha256:{sha256((copy / 'meta.csv').read_bytes()).hexdigest()}"
    held = replace(SET, checksums={"meta.csv": right, "release_in_the_wild.zip": "md5:0"})
    found = validate(held, copy, sandbox, every_file=False)
    assert found.errors == 0
    assert "release_in_the_wild.zip" in found.text, "an archive that was deleted after unpacking is no error"
    wrong = replace(SET, checksums={"meta.csv": "md5:" + "0" * 32})
    assert validate(wrong, copy, sandbox, every_file=False).errors == 1


def _expecting(counts: Counts) -> DataSet:
    return replace(SET, expected={"test": counts})
