"""AP@IoU and AR@N on stretches whose overlaps can be counted on fingers."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.localisation import AR_IOUS, average_precision_at_iou, average_recall


def test_right_claims_before_all_others_are_perfect() -> None:
    truth = {"a": [(1.0, 2.0), (5.0, 6.0)], "b": [(0.0, 4.0)], "real": []}
    claims = {
        "a": [(0.9, 1.0, 2.0), (0.7, 5.0, 6.0)],
        "b": [(0.8, 0.0, 4.0), (0.1, 8.0, 9.0)],
        "real": [(0.2, 0.0, 1.0)],
    }
    assert average_precision_at_iou(truth, claims, iou=0.95) == 1.0
    assert average_recall(truth, claims, num_claims=2) == 1.0
    # The best claim of `a` alone finds one of its two.
    assert average_recall(truth, claims, num_claims=1) == pytest.approx(2 / 3)


def test_interpolated_precision_by_hand() -> None:
    truth = {"a": [(0.0, 1.0), (2.0, 3.0)], "b": [(0.0, 1.0)], "real": []}
    claims = {
        "a": [(0.9, 0.0, 1.0), (0.6, 2.0, 3.0)],
        "real": [(0.8, 0.0, 1.0), (0.7, 1.0, 2.0)],
        "b": [(0.5, 4.0, 5.0)],
    }
    # By score: right, wrong, wrong, right, wrong. Precision 1 at recall 1/3, 2/4 at 2/3; the third is never found.
    assert average_precision_at_iou(truth, claims, iou=0.5) == pytest.approx(1 / 3 + 1 / 2 / 3)


def test_precision_at_a_recall_is_the_best_from_there_on() -> None:
    truth = {"a": [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)]}
    claims = {"a": [(0.9, 8.0, 9.0), (0.8, 0.0, 1.0), (0.7, 2.0, 3.0), (0.6, 4.0, 5.0)]}
    # Wrong, right, right, right: precisions 1/2, 2/3, 3/4, and 3/4 counts throughout.
    assert average_precision_at_iou(truth, claims, iou=0.5) == pytest.approx(3 / 4)


def test_a_stretch_is_found_once() -> None:
    truth = {"a": [(0.0, 1.0), (2.0, 3.0)]}
    claims = {"a": [(0.9, 0.0, 1.0), (0.8, 0.0, 1.0), (0.7, 2.0, 3.0)]}
    # Right, double, right: 1 at recall 1/2, 2/3 at 1.
    assert average_precision_at_iou(truth, claims, iou=0.5) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)


def test_the_surest_claim_chooses_first_and_takes_the_best_stretch() -> None:
    truth = {"a": [(0.0, 4.0), (1.0, 5.0)]}
    # The surer one overlaps the first by 2.9 of 4.6 and the second by 3.5 of 4, so it leaves the first to the other.
    claims = {"a": [(0.9, 1.1, 4.6), (0.8, 0.0, 4.0)]}
    assert average_precision_at_iou(truth, claims, iou=0.5) == 1.0


def test_an_iou_must_be_above_the_threshold() -> None:
    truth = {"a": [(0.0, 2.0)]}
    half, more = {"a": [(1.0, 0.0, 1.0)]}, {"a": [(1.0, 0.0, 1.01)]}
    assert average_precision_at_iou(truth, half, iou=0.5) == 0.0
    assert average_precision_at_iou(truth, more, iou=0.5) == 1.0
    assert average_precision_at_iou(truth, half, iou=0.0) == 1.0
    # Touching is not overlapping.
    assert average_precision_at_iou(truth, {"a": [(1.0, 2.0, 3.0)]}, iou=0.0) == 0.0


def test_average_recall_counts_thresholds() -> None:
    # An IoU of 0.72 is above 0.50, 0.55, 0.60, 0.65 and 0.70: five of ten.
    assert average_recall({"a": [(0.0, 1.0)]}, {"a": [(1.0, 0.0, 0.72)]}, num_claims=5) == pytest.approx(0.5)
    np.testing.assert_allclose(AR_IOUS, [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])


def test_average_recall_takes_the_best_claims_of_each_trial_and_pools_stretches() -> None:
    truth = {"a": [(0.0, 1.0)], "b": [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)], "c": []}
    claims = {
        "a": [(0.1, 0.0, 1.0), (0.9, 7.0, 8.0)],
        "b": [(0.5, 0.0, 1.0), (0.4, 2.0, 3.0)],
        "c": [(0.9, 0.0, 1.0)],
    }
    assert average_recall(truth, claims, num_claims=1) == pytest.approx(1 / 4)
    assert average_recall(truth, claims, num_claims=2) == pytest.approx(3 / 4)
    assert average_recall(truth, claims, num_claims=100) == pytest.approx(3 / 4)


def test_a_trial_without_claims_has_missed_its_stretches() -> None:
    truth = {"a": [(0.0, 1.0)], "b": [(0.0, 1.0)]}
    assert average_recall(truth, {"a": [(1.0, 0.0, 1.0)]}, num_claims=1) == 0.5
    assert average_precision_at_iou(truth, {"a": [(1.0, 0.0, 1.0)], "b": []}, iou=0.5) == 0.5
    assert average_precision_at_iou(truth, {}, iou=0.5) == 0.0
    assert average_recall(truth, {}, num_claims=1) == 0.0


def test_the_order_of_trials_and_of_equally_sure_claims_means_nothing() -> None:
    truth = {"a": [(0.0, 1.0)], "real": []}
    right, wrong = (0.5, 0.0, 1.0), (0.5, 3.0, 4.0)
    # One right of three at one score.
    for claims in ({"a": [right, wrong], "real": [wrong]}, {"real": [wrong], "a": [wrong, right]}):
        assert average_precision_at_iou(truth, claims, iou=0.5) == pytest.approx(1 / 3)


def test_a_claim_of_no_length_is_wrong() -> None:
    truth = {"a": [(0.0, 1.0)]}
    assert average_precision_at_iou(truth, {"a": [(0.9, 0.5, 0.5), (0.8, 0.0, 1.0)]}, iou=0.5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("truth", "claims", "message"),
    [
        ({"a": []}, {}, "no true stretch"),
        ({"a": [(0.0, 1.0)]}, {"b": [(1.0, 0.0, 1.0)]}, "nobody labelled: b"),
        ({"a": [(1.0, 1.0)]}, {}, "ends after"),
        ({"a": [(0.0, 1.0)]}, {"a": [(1.0, 2.0, 1.0)]}, "ends after"),
        ({"a": [(0.0, 1.0)]}, {"a": [(np.nan, 0.0, 1.0)]}, "finite"),
        ({"a": [(0.0, np.inf)]}, {}, "finite"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    truth: dict[str, list[tuple[float, float]]], claims: dict[str, list[tuple[float, float, float]]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        average_precision_at_iou(truth, claims, iou=0.5)
    with pytest.raises(ValueError, match=message):
        average_recall(truth, claims, num_claims=5)


def test_thresholds_out_of_range_are_refused() -> None:
    truth = {"a": [(0.0, 1.0)]}
    with pytest.raises(ValueError, match="IoU"):
        average_precision_at_iou(truth, {}, iou=1.0)
    with pytest.raises(ValueError, match="claim"):
        average_recall(truth, {}, num_claims=0)


def test_thousands_of_trials_with_a_hundred_claims_each() -> None:
    random = np.random.default_rng(0)
    truth, claims = {}, {}
    for trial in range(2_000):
        start = float(random.uniform(0, 8))
        truth[str(trial)] = [(start, start + 1)] if trial % 2 else []
        starts = random.uniform(0, 9, 100)
        claims[str(trial)] = [(float(random.uniform(0, 0.5)), float(one), float(one) + 1) for one in starts]
        if trial % 4 == 1:
            claims[str(trial)].append((1.0, start, start + 1))
    # Half of the stretches are claimed first and perfectly; the rest drown in wrong claims.
    assert average_precision_at_iou(truth, claims, iou=0.95) == pytest.approx(0.5, abs=0.02)
    assert average_recall(truth, claims, num_claims=1) == pytest.approx(0.5, abs=0.05)
