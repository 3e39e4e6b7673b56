"""Several things measured in turn, and what their numbers come to.

A round runs each thing once, one after the other, so that a change of the machine's speed during the run meets all of
them. Ratios are taken within rounds, and their median and range are what is said.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Result = TypeVar("Result")


def alternate(
    works: Mapping[str, Callable[[], Result]], rounds: int
) -> tuple[dict[str, tuple[float, ...]], dict[str, Result]]:
    """Run things in turn.

    Args:
        works: By name, in the order in which they run.
        rounds: How many times each.

    Returns:
        Seconds of each run, and what the last run gave.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    results: dict[str, Result] = {}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            results[name] = work()
            seconds[name].append(time.perf_counter() - start)
    return {name: tuple(values) for name, values in seconds.items()}, results


def ratios(values: Sequence[float], to: Sequence[float]) -> tuple[float, ...]:
    """Each value over that of the same round.

    Raises:
        ValueError: the rounds are not the same.
    """
    return tuple(one / other for one, other in zip(values, to, strict=True))


def spread(values: Sequence[float], decimals: int = 2) -> str:
    """The median, and the range where there is more than one."""
    median = f"{statistics.median(values):.{decimals}f}"
    return median if len(values) == 1 else f"{median} [{min(values):.{decimals}f}, {max(values):.{decimals}f}]"
