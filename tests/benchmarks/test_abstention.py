"""The rule that chooses a limit, on curves with a known one."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.abstention import MOST_ALARMS, Step, curve, limit


def _step(value: float, cllr: float, false_alarms: float = 0.0) -> Step:
    return Step(value=value, coverage=1.0, risk=0.0, cllr=cllr, false_alarms=false_alarms, hits=0.5)


def test_a_limit_is_where_all_above_inform() -> None:
    assert limit([_step(10, 0.99), _step(20, 0.9), _step(40, 0.5)]) == 20
    # A step that informs below one that does not is luck.
    assert limit([_step(10, 0.9), _step(20, 0.99), _step(40, 0.5)]) == 40


def test_false_alarms_count_as_well() -> None:
    assert limit([_step(10, 0.5, MOST_ALARMS + 0.01), _step(20, 0.5)]) == 20


def test_where_nothing_informs_there_is_no_limit() -> None:
    assert limit([_step(10, 1.0), _step(20, 1.0)]) is None


def test_a_curve_counts_what_lies_at_a_step_and_above() -> None:
    values = np.array([1.0, 1.0, 2.0, 2.0])
    llrs = np.array([3.0, -3.0, -3.0, 3.0])
    is_spoof = np.array([False, True, False, True])
    first, second = curve(values, (0.5, 1.5, 9.0), llrs, is_spoof)
    assert (first.coverage, second.coverage) == (1.0, 0.5)
    assert (first.risk, second.risk) == (0.5, 0.0)
    assert (first.false_alarms, first.hits) == (1.0, 0.0)
    assert second.cllr < 0.1
    assert first.cllr > 1
    assert second.hits == pytest.approx(1.0)
