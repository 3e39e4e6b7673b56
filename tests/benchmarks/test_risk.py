"""Coverage, and risk against coverage, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.metrics import area_under_risk_coverage, coverage, risk_coverage


def test_surest_decisions_come_first() -> None:
    # By distance from 0: spoof 4 right, bona fide -3 right, bona fide 2 wrong, spoof 1 right. One more abstained.
    curve = risk_coverage(bonafide=[-3.0, 2.0], spoof=[4.0, 1.0], abstained=1)
    np.testing.assert_allclose(curve.coverage, [0.2, 0.4, 0.6, 0.8])
    np.testing.assert_allclose(curve.risk, [0, 0, 1 / 3, 1 / 4])


def test_equally_sure_decisions_are_made_together() -> None:
    curve = risk_coverage(bonafide=[1.0, -1.0], spoof=[-1.0, 2.0])
    np.testing.assert_allclose(curve.coverage, [0.25, 1.0])
    np.testing.assert_allclose(curve.risk, [0.0, 0.5])
    assert area_under_risk_coverage(bonafide=[1.0, -1.0], spoof=[-1.0, 2.0]) == pytest.approx(0.75 * 0.5)


def test_distance_is_from_the_threshold_which_itself_calls_a_spoof() -> None:
    curve = risk_coverage(bonafide=[5.0], spoof=[5.0, 9.0], threshold=5.0)
    np.testing.assert_allclose(curve.risk, [0.0, 1 / 3])


def test_area_is_the_mean_risk() -> None:
    assert area_under_risk_coverage(bonafide=[-3.0, 2.0], spoof=[4.0, 1.0]) == pytest.approx((1 / 3 + 1 / 4) / 4)
    assert area_under_risk_coverage(bonafide=[-3.0, -2.0], spoof=[4.0, 1.0]) == 0.0
    assert area_under_risk_coverage(bonafide=[3.0, 2.0], spoof=[-4.0, -1.0]) == 1.0


def test_errors_where_it_is_sure_cost_more_than_where_it_is_not() -> None:
    unsure = area_under_risk_coverage(bonafide=[-3.0, -2.0, 0.1], spoof=[2.0, 3.0])
    sure = area_under_risk_coverage(bonafide=[-3.0, -2.0, 5.0], spoof=[2.0, 3.0])
    assert unsure < sure


def test_coverage_is_a_share_of_all() -> None:
    assert coverage(0, 3) == 0.0
    assert coverage(3, 4) == 0.75
    for scored, everything in ((0, 0), (5, 4), (-1, 4)):
        with pytest.raises(ValueError, match="coverage"):
            coverage(scored, everything)
    with pytest.raises(ValueError, match="abstentions"):
        risk_coverage(bonafide=[0.0], spoof=[1.0], abstained=-1)
