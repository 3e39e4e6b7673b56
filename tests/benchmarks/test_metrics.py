"""Metrics against cases worked out by hand and against scikit-learn, which comes with librosa."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmarks.metrics import auc, eer

scores = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


def test_perfect_and_reversed_separation() -> None:
    assert auc(bonafide=[0, 1], spoof=[2, 3]) == 1.0
    assert eer(bonafide=[0, 1], spoof=[2, 3]) == 0.0
    assert auc(bonafide=[2, 3], spoof=[0, 1]) == 0.0
    assert eer(bonafide=[2, 3], spoof=[0, 1]) == 1.0


def test_one_of_four_on_the_wrong_side() -> None:
    assert eer(bonafide=[0, 1, 2, 7], spoof=[3, 8, 9, 10]) == 0.25


@given(bonafide=scores, spoof=scores)
def test_auc_agrees_with_scikit_learn(bonafide: list[int], spoof: list[int]) -> None:
    labels = [0] * len(bonafide) + [1] * len(spoof)
    assert auc(bonafide=bonafide, spoof=spoof) == pytest.approx(roc_auc_score(labels, bonafide + spoof))


@pytest.mark.parametrize("bad", [[], [np.nan], [np.inf]])
def test_what_is_not_a_score_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="score"):
        auc(bonafide=bad, spoof=[1.0])
