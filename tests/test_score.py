"""Batches: every input answers for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detect.score import BatchScorer
from detect.types import Float32Array


def mean_of_each(items: Sequence[NDArray[Any]]) -> Float32Array:
    return np.array([item.mean() for item in items], dtype=np.float32)


def test_logits_do_not_depend_on_the_batch_size() -> None:
    items = {number: np.full(3, number / 7, dtype=np.float32) for number in range(10)}
    results = []
    for size in (1, 3, 100):
        scorer = BatchScorer[int](mean_of_each, size)
        for key, item in items.items():
            scorer.add(key, item)
        scorer.flush()
        results.append(scorer.logits)
    assert results[0] == results[1] == results[2]
    assert results[0][7] == 1.0


def test_an_input_without_a_finite_logit_fails_alone() -> None:
    scorer = BatchScorer[str](mean_of_each, 8)
    scorer.add("good", np.ones(2, dtype=np.float32))
    scorer.add("bad", np.array([np.nan], dtype=np.float32))
    scorer.flush()
    assert scorer.logits == {"good": 1.0}
    assert scorer.failed == ["bad"]


def test_nothing_is_scored_before_a_batch_is_full() -> None:
    calls: list[int] = []

    def counting(items: Sequence[NDArray[Any]]) -> Float32Array:
        calls.append(len(items))
        return mean_of_each(items)

    scorer = BatchScorer[int](counting, 4)
    for key in range(6):
        scorer.add(key, np.ones(1, dtype=np.float32))
    assert calls == [4]
    scorer.flush()
    scorer.flush()
    assert calls == [4, 2]
