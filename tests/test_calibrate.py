"""Log-likelihood ratios: from logits, in words, within what their calibration can support."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from detect.calibrate import AffineMap, Calibration, Fusion, Level, Pooling, Population, verbal
from detect.errors import WeightsMismatch
from detect.types import Modality

POPULATION = {"description": "generated", "num_bonafide": 50, "num_spoof": 50, "command": "none"}


def calibration_dict(sha256: str = "0" * 64, **changes: Any) -> dict[str, Any]:
    line = {"a": 2.0, "b": -1.0, "lower": -3.0, "upper": 3.0}
    return {
        "format_version": 1,
        "checkpoint_sha256": sha256,
        "maps": dict.fromkeys(Level, line),
        "pooling": {"subject": {"fraction": 1.0}, "modality": {"fraction": 0.0}},
        "population": POPULATION,
        **changes,
    }


def test_a_map_is_affine_within_its_bounds_and_says_where_it_was_cut() -> None:
    line = AffineMap(a=2.0, b=-1.0, lower=-3.0, upper=3.0)
    assert line.apply(1.5) == (2.0, False)
    assert line.apply(100.0) == (3.0, True)
    assert line.apply(-100.0) == (-3.0, True)


def test_a_map_never_turns_polarity_round() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        AffineMap(a=-1.0, b=0.0, lower=-1.0, upper=1.0)


@pytest.mark.parametrize(("fraction", "expected"), [(1.0, 2.5), (0.0, 4.0), (0.5, 3.5), (0.3, 3.5)])
def test_pooling_is_the_mean_of_the_highest_fraction(fraction: float, expected: float) -> None:
    assert Pooling(fraction=fraction).pool([1.0, 4.0, 2.0, 3.0]) == expected


def test_pooling_a_fraction_that_is_whole_takes_just_that_many() -> None:
    # 0.3 * 10 is 3.0000000000000004 in binary.
    assert Pooling(fraction=0.3).pool([float(n) for n in range(10)]) == pytest.approx((9 + 8 + 7) / 3)


def test_pooling_nothing_is_an_error_and_not_a_number() -> None:
    with pytest.raises(ValueError, match="no logits"):
        Pooling(fraction=1.0).pool([])


def test_a_calibration_belongs_to_one_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(calibration_dict("a" * 64)))
    assert Calibration.load(path, "a" * 64).maps[Level.WINDOW].a == 2.0
    with pytest.raises(WeightsMismatch, match="was fitted for"):
        Calibration.load(path, "b" * 64)


@pytest.mark.parametrize(
    "changes",
    [
        {"maps": {"window": {"a": 1, "b": 0, "lower": -1, "upper": 1}}},
        {"pooling": {}},
        {"format_version": 2},
        {"surprise": 1},
        {"maps": {level: {"a": "NaN", "b": 0, "lower": -1, "upper": 1} for level in Level}},
    ],
)
def test_a_malformed_calibration_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(calibration_dict(**changes)))
    with pytest.raises(WeightsMismatch, match="not a calibration"):
        Calibration.load(path, "0" * 64)


@pytest.mark.parametrize(
    ("ratio", "word"),
    [
        (2, "weak"),
        (9.99, "weak"),
        (10, "moderate "),
        (100, "moderately strong"),
        (1_000, "strong"),
        (10_000, "very strong"),
        (1_000_000, "extremely strong"),
    ],
)
def test_words_follow_the_enfsi_scale_both_ways(ratio: float, word: str) -> None:
    llr = math.log(ratio)
    manipulated = verbal(llr, Modality.FACE)
    bonafide = verbal(-llr, Modality.FACE)
    assert f"provide {word.strip()} support for the proposition that a face in the recording was manip" in manipulated
    assert f"provide {word.strip()} support for the proposition that the faces in the recording are" in bonafide
    assert "rather than that the faces in the recording are bona fide" in manipulated


def test_a_ratio_near_one_supports_neither() -> None:
    assert "do not support" in verbal(0.1, "recording")
    assert "do not support" in verbal(-0.1, "recording")


def test_words_for_a_ratio_that_would_overflow() -> None:
    assert "extremely strong" in verbal(800.0, Modality.VOICE)


def test_fusion_weighs_and_cuts() -> None:
    fusion = Fusion(
        format_version=1,
        weights={Modality.FACE: 0.5, Modality.VOICE: 1.0},
        b=-0.5,
        lower=-2.0,
        upper=2.0,
        population=Population.model_validate(POPULATION),
    )
    assert fusion.apply({Modality.FACE: 2.0, Modality.VOICE: 1.0}) == (1.5, False)
    assert fusion.apply({Modality.FACE: 20.0, Modality.VOICE: 1.0}) == (2.0, True)
