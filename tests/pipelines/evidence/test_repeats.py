"""Counting names."""

from __future__ import annotations

import random
from collections import Counter

from pipelines.evidence.repeats import Repeats


def test_it_counts_as_a_dictionary_would() -> None:
    chooser = random.Random(0)  # noqa: S311
    repeats, counts = Repeats(), Counter[bytes]()
    for _ in range(20_000):
        name = b"%d" % chooser.randrange(8_000)
        assert repeats.count(name) == counts[name]
        counts[name] += 1
    assert repeats.count(b"") == 0
    assert repeats.count(b"") == 1
