"""The fault storm in short: a dispatcher that is killed twice, among files that break their decoders."""

from __future__ import annotations

import pytest

from benchmarks.storm import EXPECTED, FAULTS, storm


@pytest.mark.slow
def test_every_item_of_a_storm_ends_once_and_the_good_ones_are_examined() -> None:
    result = storm(50, 2, engine="local", pause=(3, 6))
    assert result.kills == 2
    assert (result.found, result.final, result.rows, result.doubled) == (50, 50, 50, 0)
    assert (result.good_examined, result.good) == (45, 45)
    assert result.states == {EXPECTED[fault]: 1 for fault in sorted(FAULTS, key=EXPECTED.__getitem__)}
