"""`python -m training face`, as somebody with another data set uses it: prepare, train, evaluate, export."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from detect.models import CATALOGUE, load_model
from tests.portraits import head, scene
from tests.portraits import paste as paste_head
from training.__main__ import main

NAME = "mobilenet-hf.unmask1"
CONFIG = f"""
checkpoint = "{NAME}"
tight_datasets = []
validation_px = 96
[batch]
pairs = 2
blended_share = 0.0
self_blended_share = 0.5
unpaired_share = 1.0
sizes_px = [64, 96]
size_shares = [0.5, 0.5]
[schedule]
steps = 4
learning_rate = 1e-4
warmup_steps = 1
validate_every = 2
workers = 0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of its own layout: plain files, no archives, no groups, no data set column."""
    folder = tmp_path_factory.mktemp("own")
    rows = [("path", "label", "attack", "split")]
    for split in ("train", "val"):
        for label in ("bonafide", "spoof"):
            for number in range(2):
                picture = paste_head(scene(number, (256, 256)), head(110, person=int(label == "spoof")), (128, 128))
                name = f"{split}_{label}_{number}.png"
                cv2.imwrite(str(folder / name), np.asarray(picture)[..., ::-1])
                rows.append((name, label, "-", split))
    with (folder / "protocol.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    (folder / "own.toml").write_text(CONFIG, encoding="utf-8")
    return folder


def _run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_from_a_folder_of_ones_own_to_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    common = ("--data", folder, "--config", folder / "own.toml", "--run", tmp_path / "run")
    _run("face", "prepare", *common)
    _run("face", "train", *common)
    with (tmp_path / "run" / "history.csv").open(encoding="utf-8", newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2", "4"]
    assert "64 px: all" in _run("face", "evaluate", *common, "--size", "64")
    lines = tomllib.loads(_run("face", "export", *common, "--out", tmp_path / "new" / "folder"))
    file = tmp_path / "new" / "folder" / str(lines["file"])
    assert file.stat().st_size == lines["num_bytes"] < 12_000_000
    load_model(CATALOGUE[NAME], file)


@pytest.mark.parametrize("command", ["prepare", "train", "evaluate", "export", "calibrate"])
@pytest.mark.parametrize("modality", ["face", "voice"])
def test_every_step_explains_itself(modality: str, command: str) -> None:
    assert "--run" in _run(modality, command, "--help")
