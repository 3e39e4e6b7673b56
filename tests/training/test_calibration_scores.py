"""Score files, and the reading of trials, on a small protocol with an archive."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from torch import nn

from detect.models import FaceInput, FaceSpec
from training.calibration.crops import Crops
from training.calibration.face import labelled_windows, recording_trials
from training.calibration.frames import laundering_of, vary
from training.calibration.scores import LAUNDERED, PLAIN, Origin, Scores, collect, read
from training.face.launder import LAUNDERINGS
from training.protocol import Trial, read_protocol

_ORIGIN = Origin(checkpoint="net.data", weights_sha256="1" * 64, protocol_sha256="2" * 64)
_SPEC = FaceSpec(
    name="net.data",
    input=FaceInput(size_px=48, margin=1.0),
    spoof_index=1,
    paper="none",
    explain_layer="",
    build=nn.Identity,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three people of a tight data set, the last without a fake; pictures of smooth noise, in an archive."""
    random = np.random.default_rng(0)
    rows = ["path,dataset,label,attack,group,split"]
    with zipfile.ZipFile(tmp_path / "crops.zip", "w") as archive:
        for group, label in (("a", "bonafide"), ("a", "spoof"), ("b", "bonafide"), ("b", "spoof"), ("c", "bonafide")):
            noise = random.integers(0, 256, (160, 160, 3), dtype=np.uint8)
            _, data = cv2.imencode(".png", cv2.GaussianBlur(noise, (0, 0), 3))
            archive.writestr(f"{group}/{label}.png", data.tobytes())
            attack = "swap" if label == "spoof" else "-"
            rows.append(f"crops.zip!/{group}/{label}.png,dfdc,{label},{attack},{group},val")
    (tmp_path / "protocol.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def _collect(path: Path, trials: list[Trial], origin: Origin, log: list[str], value: float | None = 1.0) -> Scores:
    def computed(name: str) -> Iterable[float | None]:
        log.append(name)
        return [value] * len(trials)

    conditions = {name: (lambda name=name: computed(name)) for name in (PLAIN, LAUNDERED)}
    return collect(path, origin, trials, conditions, announce=lambda _: None)


def test_what_is_on_file_is_not_computed_again(folder: Path) -> None:
    trials, log = read_protocol(folder), list[str]()
    first = _collect(folder / "scores.csv", trials, _ORIGIN, log)
    assert _collect(folder / "scores.csv", trials, _ORIGIN, log) == first
    assert log == [PLAIN, LAUNDERED]
    assert first.of(trials)[1] == [1.0] * 5


@pytest.mark.parametrize("field", ["weights_sha256", "protocol_sha256"])
def test_other_weights_or_another_protocol_are_scored_anew(folder: Path, field: str) -> None:
    trials, log = read_protocol(folder), list[str]()
    _collect(folder / "scores.csv", trials, _ORIGIN, log)
    other = Origin(**{**{name: getattr(_ORIGIN, name) for name in Origin.__slots__}, field: "3" * 64})
    scores = _collect(folder / "scores.csv", trials, other, log, value=2.0)
    assert log == [PLAIN, LAUNDERED] * 2
    assert scores.of(trials)[1] == [2.0] * 5
    assert read(folder / "scores.csv") == scores


def test_an_abstention_is_an_empty_cell(folder: Path) -> None:
    trials = read_protocol(folder)
    _collect(folder / "scores.csv", trials, _ORIGIN, [], value=None)
    kept = read(folder / "scores.csv")
    assert kept is not None
    assert kept.of(trials) == ([], [])


def test_a_file_of_another_kind_is_not_read(folder: Path) -> None:
    assert read(folder / "protocol.csv") is None
    assert read(folder / "nothing.csv") is None


def test_tight_crops_go_in_whole_and_changes_are_repeatable(folder: Path) -> None:
    crops, trial = Crops(folder), read_protocol(folder)[0]
    plain = crops.input(trial, _SPEC)
    assert plain is not None
    assert plain.shape == (48, 48, 3)
    noisy = [crops.input(trial, _SPEC, LAUNDERINGS["noise"], seed=seed) for seed in ("x", "x", "y")]
    assert np.array_equal(noisy[0], noisy[1])
    assert not np.array_equal(noisy[0], noisy[2])
    assert not np.array_equal(noisy[0], plain)


@pytest.mark.parametrize("name", sorted(LAUNDERINGS))
def test_launderings_keep_the_shape_and_change_the_picture(folder: Path, name: str) -> None:
    picture = Crops(folder).picture(read_protocol(folder)[0])[:151, :133]
    changed = LAUNDERINGS[name](picture, np.random.default_rng(1))
    assert changed.shape == picture.shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, picture)
    assert np.array_equal(changed, LAUNDERINGS[name](picture, np.random.default_rng(1)))
    assert np.abs(changed.astype(int) - picture).mean() < 20


def test_a_frame_is_another_look_at_the_same_face(folder: Path) -> None:
    picture = Crops(folder).picture(read_protocol(folder)[0])
    frames = [vary(picture, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert frames[0].shape == picture.shape
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], frames[2])


def test_conditions_and_data_sets_weigh_the_same_and_people_are_counted_once(folder: Path) -> None:
    trials = read_protocol(folder)
    scores = _collect(folder / "scores.csv", trials, _ORIGIN, [])
    windows = labelled_windows(scores, trials)
    assert len(windows.logits) == 10
    assert (windows.num_bonafide, windows.num_spoof) == (3, 2)
    datasets = {is_spoof: {t.facts["dataset"] for t in trials if t.is_spoof is is_spoof} for is_spoof in (False, True)}
    bonafide, spoof = windows.split(windows.weights)
    assert bonafide.sum() == pytest.approx(2 * len(datasets[False]))
    assert spoof.sum() == pytest.approx(2 * len(datasets[True]))


def test_recordings_are_made_of_pairs_and_of_those_without_a_partner(folder: Path) -> None:
    trials = read_protocol(folder)
    assert recording_trials(trials) == trials


def test_the_laundering_of_a_group_depends_on_its_name_alone() -> None:
    assert laundering_of("a") == laundering_of("a")
    assert {laundering_of(str(number)) for number in range(100)} == set(LAUNDERINGS)
