"""Crops and windows -> logits, in full batches, each item answering for itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from detect.types import Float32Array

Key = TypeVar("Key", bound=Hashable)

LOGIT_DECIMALS = 4
"""Logits are rounded to this. The parity tolerance with the original implementations is 1e-4, so further digits are
noise; and equal digits make equal reports."""


class BatchScorer(Generic[Key]):
    """Collects the inputs of one checkpoint, scores them in batches of a fixed size, and keeps only the logits.

    Args:
        score: Takes a list of arrays, returns one spoof logit each, (n,) float32.
        batch_size: Inputs a batch.
    """

    def __init__(self, score: Callable[[Sequence[NDArray[Any]]], Float32Array], batch_size: int) -> None:
        self._score = score
        self._batch_size = batch_size
        self._waiting: list[tuple[Key, NDArray[Any]]] = []
        self.logits: dict[Key, float] = {}
        """Finished so far."""
        self.failed: list[Key] = []
        """Inputs for which the network returned no finite number."""

    def add(self, key: Key, item: NDArray[Any]) -> None:
        """Queue one input; scores when a batch is full."""
        self._waiting.append((key, item))
        if len(self._waiting) >= self._batch_size:
            self.flush()

    def flush(self) -> None:
        """Score what is waiting."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        logits = self._score([item for _, item in waiting])
        for (key, _), logit in zip(waiting, logits, strict=True):
            if np.isfinite(logit):
                self.logits[key] = round(float(logit), LOGIT_DECIMALS)
            else:
                self.failed.append(key)
