"""A scan of a hundred thousand files, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from detect.types import ItemState
from tests.service import sample_reports
from tests.service.results import scans


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder: 1,200 flagged recordings, 2,000 duplicates, the rest not examined for many reasons, long names."""
    out = tmp_path_factory.mktemp("large") / "out"
    recordings = [scans.entry(f"DCIM/{number}-{'n' * 200}.mov", content=f"{number}") for number in range(1_200)]
    copies = [scans.entry(f"backup/{number}.mov", content=f"{number % 600}") for number in range(2_000)]
    states = [ItemState.UNSUPPORTED, ItemState.ENCRYPTED, ItemState.LIMIT, ItemState.UNREADABLE]
    others = [
        scans.entry(
            f"{number % 97}/{'deep/' * 40}{number}.bin",
            state=states[number % 4],
            reason=f"reason_{number % 331}",
            message="It could not be examined, and this sentence says why at some length. " * 4,
            alert="watch.txt" if number % 50 == 0 else None,
        )
        for number in range(100_000 - len(recordings) - len(copies))
    ]
    results = [scans.result(face=2.5 + number % 100 / 50) for number in range(len(recordings))]
    report = sample_reports.supports_manipulation()
    scans.scan(out, [*recordings, *copies, *others], results, report=report).close()
    return out
