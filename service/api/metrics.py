"""Numbers for Prometheus. None carries the name of a person, a case or a recording."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

registry = CollectorRegistry()
"""Of this process."""
seconds = Histogram(
    "unmask_request_seconds",
    "Time from a request's first byte to the end of its answer",
    ("method", "route", "status"),
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
    registry=registry,
)
running = Gauge("unmask_requests_running", "Requests that are being answered", registry=registry)
received_bytes = Counter("unmask_received_bytes", "Evidence received", registry=registry)
_jobs = Gauge("unmask_analyses", "Examinations by where they stand", ("state",), registry=registry)
_dispatchers = Gauge("unmask_dispatchers", "Dispatchers that have been heard of lately", registry=registry)


def page(states: Mapping[str, int], num_dispatchers: int) -> bytes:
    """All numbers, as Prometheus reads them.

    Args:
        states: How many examinations are `pending`, `leased`, or ended in which state.
        num_dispatchers: How many work.
    """
    for state, number in states.items():
        _jobs.labels(state).set(number)
    _dispatchers.set(num_dispatchers)
    return generate_latest(registry)
