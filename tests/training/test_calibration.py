"""Calibration on scores whose LLRs are known, its bounds, and the choice of pooling on simulated recordings."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from sklearn.isotonic import IsotonicRegression

from detect.calibrate import Level, Pooling, Population
from detect.types import Modality
from training.calibration.bounds import elub
from training.calibration.cost import cllr, min_cllr
from training.calibration.fit import Material, fit_calibration
from training.calibration.fusion import fuse
from training.calibration.logistic import LEAST_SLOPE, fit_affine, fit_logistic
from training.calibration.maps import Labelled, apply, fit_map
from training.calibration.simulate import SHARES, WINDOWS, Pool, pooled, simulate, try_fractions

_SHA256 = "0" * 64
scores = st.lists(st.integers(-5, 5), min_size=1, max_size=20)


def gaussian_llrs(d_prime: float, num: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two Gaussians that are their own LLRs: means -d^2/2 and d^2/2, variance d^2."""
    random = np.random.default_rng(seed)
    return random.normal(-(d_prime**2) / 2, d_prime, num), random.normal(d_prime**2 / 2, d_prime, num)


def _fit(bonafide: np.ndarray, spoof: np.ndarray) -> tuple[float, float]:
    return fit_affine(np.concatenate([bonafide, spoof]), np.repeat([False, True], [len(bonafide), len(spoof)]))


def _labelled(bonafide: np.ndarray, spoof: np.ndarray, people: int) -> Labelled:
    return Labelled(
        logits=np.concatenate([bonafide, spoof]),
        is_spoof=np.repeat([False, True], [len(bonafide), len(spoof)]),
        weights=np.ones(len(bonafide) + len(spoof)),
        num_bonafide=people,
        num_spoof=people,
    )


def test_cllr_by_hand() -> None:
    assert cllr(bonafide=[0.0], spoof=[0.0]) == 1.0
    # Odds of 3 for the truth cost log2(4 / 3) on each side.
    assert cllr(bonafide=[-math.log(3)], spoof=[math.log(3)]) == pytest.approx(math.log2(4 / 3))
    assert cllr(bonafide=[-1000.0], spoof=[1000.0]) == 0.0
    assert cllr(bonafide=[0, 5], spoof=[0.0], bonafide_weights=[1, 0]) == 1.0


@given(bonafide=scores, spoof=scores)
def test_least_cllr_agrees_with_isotonic_regression(bonafide: list[int], spoof: list[int]) -> None:
    values = np.array(bonafide + spoof, float)
    labels = np.array([0] * len(bonafide) + [1] * len(spoof))
    weights = np.where(labels == 1, 1 / len(spoof), 1 / len(bonafide))
    posterior = IsotonicRegression().fit(values, labels, sample_weight=weights).predict(values)
    with np.errstate(divide="ignore"):
        llrs = np.log(posterior) - np.log1p(-posterior)
    expected = cllr(bonafide=llrs[labels == 0], spoof=llrs[labels == 1])
    assert min_cllr(bonafide=bonafide, spoof=spoof) == pytest.approx(expected, abs=1e-9)


def test_what_is_calibrated_stays_as_it_is() -> None:
    a, b = _fit(*gaussian_llrs(2.0, 20_000))
    assert a == pytest.approx(1.0, abs=0.03)
    assert b == pytest.approx(0.0, abs=0.03)


def test_a_scale_and_a_shift_are_undone() -> None:
    bonafide, spoof = gaussian_llrs(2.0, 20_000)
    a, b = _fit(bonafide * 4 + 3, spoof * 4 + 3)
    assert a == pytest.approx(0.25, abs=0.01)
    assert b == pytest.approx(-0.75, abs=0.03)


def test_the_share_of_spoofs_in_the_data_is_no_evidence() -> None:
    bonafide, spoof = gaussian_llrs(2.0, 20_000)
    assert _fit(bonafide[:1_000], spoof) == pytest.approx(_fit(bonafide, spoof), abs=0.15)


def test_weights_count_as_copies_do() -> None:
    logits, labels = np.array([-1.0, 0.5, 0.0, 2.0]), np.array([False, False, True, True])
    copied = fit_affine(np.append(logits, [0.5, 0.0]), np.append(labels, [False, True]))
    assert fit_affine(logits, labels, [1, 2, 2, 1]) == pytest.approx(copied)


def test_separable_and_reversed_scores_give_finite_positive_slopes() -> None:
    separable, _ = fit_affine([-1.0, -2.0, 1.0, 2.0], [False, False, True, True])
    assert 1 < separable < 100
    slope, offset = fit_affine([1.0, 3.0, -1.0, -3.0], [False, False, True, True])
    assert (slope, offset) == (LEAST_SLOPE, 0.0)


def test_two_modalities_are_added_as_evidence() -> None:
    face, voice = gaussian_llrs(2.0, 20_000, seed=1), gaussian_llrs(1.5, 20_000, seed=2)
    inputs = np.column_stack([np.concatenate(face), np.concatenate(voice)])
    slopes, offset = fit_logistic(inputs, np.repeat([False, True], 20_000))
    assert slopes == pytest.approx([1.0, 1.0], abs=0.05)
    assert offset == pytest.approx(0.0, abs=0.05)


def test_errorless_trials_support_about_as_much_as_there_are_of_them() -> None:
    lower, upper = elub(bonafide=[-50.0] * 99, spoof=[50.0] * 99, num_bonafide=99, num_spoof=99)
    # One misleading trial more in each class: ln(0.99 / 0.01).
    assert (lower, upper) == pytest.approx((-math.log(99), math.log(99)), abs=0.01)


def test_many_trials_of_few_people_support_little() -> None:
    bonafide, spoof = gaussian_llrs(4.0, 5_000)
    lower, upper = elub(bonafide=bonafide, spoof=spoof, num_bonafide=10, num_spoof=20)
    assert 0 < upper <= math.log(11)
    assert -math.log(21) <= lower < 0


def test_scores_the_wrong_way_round_support_nothing() -> None:
    bonafide, spoof = gaussian_llrs(2.0, 1_000)
    assert elub(bonafide=spoof, spoof=bonafide, num_bonafide=1_000, num_spoof=1_000) == (0.0, 0.0)


def test_an_overconfident_system_is_cut_where_it_begins_to_mislead() -> None:
    bonafide, spoof = gaussian_llrs(1.0, 2_000)
    honest = elub(bonafide=bonafide, spoof=spoof, num_bonafide=2_000, num_spoof=2_000)
    boasting = elub(bonafide=bonafide * 5, spoof=spoof * 5, num_bonafide=2_000, num_spoof=2_000)
    assert boasting[1] < honest[1] + 0.01
    assert boasting[0] > honest[0] - 0.01


def test_a_map_stays_within_its_bounds() -> None:
    fitted = fit_map(_labelled(*gaussian_llrs(3.0, 1_000), people=50))
    llrs = apply(fitted, [-1e6, 0.0, 1e6])
    assert llrs.tolist() == [fitted.lower, pytest.approx(fitted.b), fitted.upper]
    assert fitted.upper <= math.log(51)
    assert [fitted.apply(logit)[0] for logit in (-1e6, 0.0, 1e6)] == pytest.approx(llrs.tolist())


def _pools(separation: float) -> list[Pool]:
    """Thirty people, whose windows differ little from each other and whose spoofs lie above."""
    random = np.random.default_rng(3)
    return [
        Pool(
            condition=condition,
            bonafide=random.normal(level, 0.5, 8),
            spoof=random.normal(level + separation, 0.5, 8),
        )
        for level in random.normal(0, 0.5, 30)
        for condition in ("clear", "laundered")
    ]


def test_simulated_recordings_are_half_bona_fide_and_repeatable() -> None:
    recordings = simulate(_pools(4.0), num=400, seed=1)
    assert sum(one.share == 0 for one in recordings) == 200
    assert {one.share for one in recordings} == {0.0, *SHARES}
    assert {len(one.subjects) for one in recordings} == {1, 2, 3}
    assert all(WINDOWS[0] <= len(subject) <= WINDOWS[1] for one in recordings for subject in one.subjects)
    again = simulate(_pools(4.0), num=400, seed=1)
    assert all(np.array_equal(a.subjects[0], b.subjects[0]) for a, b in zip(recordings, again, strict=True))


def test_pooling_is_that_of_the_program() -> None:
    values = np.random.default_rng(0).normal(size=30)
    for fraction in (0.0, 0.05, 0.3, 1.0):
        assert pooled(values, fraction) == pytest.approx(Pooling(fraction=fraction).pool(values.tolist()))


def test_partial_manipulations_surface_where_spoofs_stand_out() -> None:
    subjects = simulate(_pools(4.0), num=1_000, max_subjects=1, seed=1)
    chosen, tried = try_fractions(Level.SUBJECT, subjects)
    by_fraction = {one.fraction: one for one in tried}
    assert chosen.fraction < 1.0
    assert by_fraction[chosen.fraction].cllr_by_share[0.05] < 0.7 * by_fraction[1.0].cllr_by_share[0.05]


def test_windows_that_deviate_speak_against_the_maximum() -> None:
    steady = _pools(2.0)
    restless = [replace(pool, deviation=2.0) for pool in steady]
    costs = [
        {one.fraction: one.cllr_by_share[1.0] for one in try_fractions(Level.SUBJECT, recordings)[1]}
        for recordings in (simulate(pools, num=1_000, max_subjects=1, seed=1) for pools in (steady, restless))
    ]
    assert costs[1][0.0] - costs[1][1.0] > costs[0][0.0] - costs[0][1.0] + 0.1


def test_a_pool_without_a_class_is_used_for_the_other() -> None:
    pools = [
        Pool(condition="clear", bonafide=np.zeros(4), spoof=np.zeros(0)),
        Pool(condition="clear", bonafide=np.zeros(0), spoof=np.ones(4)),
    ]
    with pytest.raises(ValueError, match="no pool"):
        simulate(pools, num=200, seed=1)


def test_a_whole_calibration_and_a_fusion() -> None:
    bonafide, spoof = gaussian_llrs(2.0, 300)
    console = Console(file=io.StringIO(), width=200)
    material = Material(windows=_labelled(bonafide, spoof, people=40), pools=_pools(3.0))
    calibration = fit_calibration(
        material, checkpoint_sha256=_SHA256, description="generated", command="none", console=console
    )
    assert set(calibration.maps) == set(Level)
    assert all(fitted.upper <= math.log(41) for fitted in calibration.maps.values())
    assert isinstance(console.file, io.StringIO)
    assert "| subject | 0 |" in console.file.getvalue()
    people = Population(description="generated", num_bonafide=40, num_spoof=40, command="none")
    fusion = fuse(
        gaussian_llrs(2.0, 500, seed=4),
        gaussian_llrs(2.0, 500, seed=5),
        {Modality.FACE: people, Modality.VOICE: people},
        command="none",
        console=console,
    )
    assert fusion.weights[Modality.FACE] == pytest.approx(fusion.weights[Modality.VOICE], abs=0.1)
    both, _ = fusion.apply({Modality.FACE: 2.0, Modality.VOICE: 2.0})
    one, _ = fusion.apply({Modality.FACE: 2.0, Modality.VOICE: -2.0})
    assert both > one
    assert fusion.upper <= math.log(81)
