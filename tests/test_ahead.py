"""Reading ahead keeps order, bounds what is held, and hands on how the items ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from detect.ahead import read_ahead


def test_items_come_in_order() -> None:
    with read_ahead(iter(range(100)), depth=3) as items:
        assert list(items) == list(range(100))


def test_no_more_than_depth_items_are_held() -> None:
    made: list[int] = []
    third = threading.Event()

    def produce() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == 3:
                third.set()
            yield number

    with read_ahead(produce(), depth=2) as items:
        assert next(items) == 0
        # One taken, two waiting, one in the hand of the reader.
        assert third.wait(5)
        assert len(made) == 4


def test_an_error_is_raised_where_the_items_are_read() -> None:
    def produce() -> Iterator[int]:
        yield 1
        raise KeyError("broken")

    with read_ahead(produce(), depth=2) as items, pytest.raises(KeyError, match="broken"):
        list(items)


def test_leaving_early_closes_the_source() -> None:
    closed = threading.Event()

    def produce() -> Iterator[int]:
        try:
            yield from range(1_000_000)
        finally:
            closed.set()

    with read_ahead(produce(), depth=2) as items:
        assert next(items) == 0
    assert closed.is_set()
