"""Requests of many recordings in one batch: company, bounds, and failures that stay with whoever asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detect.types import Float32Array
from pipelines.batching import Batcher


class Recorder:
    """Scores an input by its first value; fails on negative ones; remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, name: str, inputs: Sequence[NDArray[Any]]) -> Float32Array:
        self.gate.wait(10)
        self.batches.append((name, len(inputs)))
        values = np.array([item[0] for item in inputs], np.float32)
        if (values < 0).any():
            raise ValueError("negative")
        return values * 2


def _item(value: float, size: int = 4) -> NDArray[np.float32]:
    return np.full(size, value, np.float32)


def _batcher(score: Recorder, **options: Any) -> Batcher:
    settings: dict[str, Any] = {"max_inputs": 8, "window_seconds": 0.05, "max_waiting_bytes": 1 << 20} | options
    return Batcher(score, **settings)


def test_requests_of_one_moment_share_a_batch_and_get_their_own_answers() -> None:
    score = Recorder()

    async def ask() -> list[Float32Array]:
        batcher = _batcher(score)
        asked = [batcher.score("a", [_item(n), _item(n + 0.5)]) for n in range(3)]
        return list(await asyncio.gather(*asked))

    answers = asyncio.run(ask())
    assert [answer.tolist() for answer in answers] == [[0, 1], [2, 3], [4, 5]]
    assert score.batches == [("a", 6)]


def test_a_batch_has_one_checkpoint_and_no_more_inputs_than_fit() -> None:
    score = Recorder()

    async def ask() -> list[Float32Array]:
        batcher = _batcher(score, max_inputs=4)
        names = ["a", "b", "a", "b", "a"]
        return list(await asyncio.gather(*(batcher.score(name, [_item(1)] * 2) for name in names)))

    assert [answer.tolist() for answer in asyncio.run(ask())] == [[2, 2]] * 5
    assert sorted(score.batches) == [("a", 2), ("a", 4), ("b", 4)]


def test_a_request_larger_than_a_batch_goes_alone() -> None:
    score = Recorder()

    async def ask() -> Float32Array:
        return await _batcher(score, max_inputs=2).score("a", [_item(n) for n in range(5)])

    assert asyncio.run(ask()).tolist() == [0, 2, 4, 6, 8]
    assert score.batches == [("a", 5)]


def test_a_failure_is_for_the_request_that_caused_it() -> None:
    score = Recorder()

    async def ask() -> list[Any]:
        batcher = _batcher(score)
        asked = [batcher.score("a", [_item(value)]) for value in (1, -1, 3)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return [*answers, await batcher.score("a", [_item(4)])]

    first, failed, third, later = asyncio.run(ask())
    assert (first.tolist(), third.tolist(), later.tolist()) == ([2], [6], [8])
    assert isinstance(failed, ValueError)


def test_who_asks_for_more_than_there_is_room_for_waits() -> None:
    score = Recorder()
    score.gate.clear()

    async def ask() -> tuple[int, int]:
        batcher = _batcher(score, max_inputs=1, window_seconds=0, max_waiting_bytes=_item(0).nbytes * 2)
        asked = [asyncio.create_task(batcher.score("a", [_item(n)])) for n in range(10)]
        await asyncio.sleep(0.1)  # the first is at the network, two wait in the room, seven outside it
        inside = batcher._waiting_bytes
        score.gate.set()
        answers = await asyncio.gather(*asked)
        return inside, sum(int(answer[0]) for answer in answers)

    inside, total = asyncio.run(ask())
    assert inside == _item(0).nbytes * 2
    assert total == 90


def test_whoever_stops_waiting_does_not_stop_the_others() -> None:
    score = Recorder()

    async def ask() -> Float32Array:
        batcher = _batcher(score)
        leaving = asyncio.create_task(batcher.score("a", [_item(1)]))
        staying = asyncio.create_task(batcher.score("a", [_item(2)]))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        return await staying

    assert asyncio.run(ask()).tolist() == [4]
