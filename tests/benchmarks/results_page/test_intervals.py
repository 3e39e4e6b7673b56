"""The fast interval of the AUC is that of `benchmarks.bootstrap`, with ties, few groups and groups of one class."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bootstrap import Scored, auc_interval, interval
from benchmarks.results_page.intervals import ends, with_interval
from training.separation import auc, eer


def _trials(count: int, groups: int, decimals: int) -> list[Scored]:
    random = np.random.default_rng(count)
    return [
        Scored(
            score=round(float(random.normal(place % 3 == 0)), decimals),
            is_spoof=place % 3 == 0,
            group=f"g{random.integers(groups)}",
        )
        for place in range(count)
    ]


@pytest.mark.parametrize(("count", "groups", "decimals"), [(60, 60, 4), (300, 20, 1), (30, 3, 0), (12, 40, 4)])
def test_it_is_the_interval_of_the_bootstrap(count: int, groups: int, decimals: int) -> None:
    trials = _trials(count, groups, decimals)
    assert auc_interval(trials) == pytest.approx(interval(auc, trials), abs=1e-12)
    assert ends(auc, trials) == pytest.approx(interval(auc, trials), abs=1e-12)
    assert ends(eer, trials) == interval(eer, trials)


def test_a_missing_class_has_no_interval() -> None:
    spoofs = [one for one in _trials(30, 30, 4) if one.is_spoof]
    assert with_interval(auc, spoofs) == "-"
    with pytest.raises(ValueError, match="both classes"):
        auc_interval(spoofs)
