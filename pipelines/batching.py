"""Requests of many recordings -> full batches for one network, and each answer back to whoever asked.

A recording by itself seldom fills a batch of a GPU, and its worker waits for each answer. So requests that arrive
within a short time go through the network together. Nothing here knows Ray or torch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detect.types import Float32Array

Score = Callable[[str, Sequence[NDArray[Any]]], Float32Array]
"""Checkpoint name and inputs -> one logit each; `detect.networks.Networks.score`."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Request:
    name: str
    inputs: Sequence[NDArray[Any]]
    num_bytes: int
    answer: asyncio.Future[Float32Array]


class Batcher:
    """Puts requests together; lives in one event loop.

    A failing batch is scored again request by request, so that one recording's trouble is not its neighbours'; within
    a request, `Networks.score` halves until the failing input stands alone.

    Args:
        score: Runs a network; is called from one thread of its own.
        max_inputs: Inputs that go through together, at least one request.
        window_seconds: How long the first request waits for company.
        max_waiting_bytes: Requests beyond this wait outside: whoever asks is held back, and memory stays bounded.
    """

    def __init__(self, score: Score, *, max_inputs: int, window_seconds: float, max_waiting_bytes: int) -> None:
        self._score, self._max_inputs, self._window = score, max_inputs, window_seconds
        self._max_waiting = max_waiting_bytes
        self._waiting: deque[_Request] = deque()
        self._waiting_bytes = 0
        self._room, self._work = asyncio.Condition(), asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._loop: asyncio.Task[None] | None = None

    async def score(self, name: str, inputs: Sequence[NDArray[Any]]) -> Float32Array:
        """Logits (n,) of `inputs`; raises what the network raises on them alone."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop().create_task(self._serve())
        num_bytes = sum(item.nbytes for item in inputs)
        async with self._room:
            # A request larger than all the room is let in when nothing else waits.
            await self._room.wait_for(lambda: not self._waiting or self._waiting_bytes + num_bytes <= self._max_waiting)
            answer: asyncio.Future[Float32Array] = asyncio.get_running_loop().create_future()
            self._waiting.append(_Request(name=name, inputs=inputs, num_bytes=num_bytes, answer=answer))
            self._waiting_bytes += num_bytes
        self._work.set()
        return await answer

    async def _serve(self) -> None:
        while True:
            await self._work.wait()
            if self._window and sum(len(request.inputs) for request in self._waiting) < self._max_inputs:
                await asyncio.sleep(self._window)
            async with self._room:
                batch = self._take()
                if not self._waiting:
                    self._work.clear()
                self._room.notify_all()
            await self._answer(batch)

    def _take(self) -> list[_Request]:
        """The first request and what fits beside it, of the same checkpoint."""
        batch = [self._waiting.popleft()]
        count, left = len(batch[0].inputs), deque[_Request]()
        while self._waiting:
            request = self._waiting.popleft()
            if request.name == batch[0].name and count + len(request.inputs) <= self._max_inputs:
                batch.append(request)
                count += len(request.inputs)
            else:
                left.append(request)
        self._waiting = left
        self._waiting_bytes -= sum(request.num_bytes for request in batch)
        return batch

    async def _answer(self, batch: list[_Request]) -> None:
        inputs = [item for request in batch for item in request.inputs]
        loop = asyncio.get_running_loop()
        try:
            logits = await loop.run_in_executor(self._thread, self._score, batch[0].name, inputs)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for those who asked; the others still wait
            if len(batch) == 1:
                _give(batch[0], error)
            else:
                for request in batch:
                    await self._answer([request])
            return
        ends = np.cumsum([len(request.inputs) for request in batch])[:-1]
        for request, part in zip(batch, np.split(logits, ends), strict=True):
            _give(request, part)


def _give(request: _Request, answer: Float32Array | Exception) -> None:
    if request.answer.done():
        return  # whoever asked is gone
    if isinstance(answer, Exception):
        request.answer.set_exception(answer)
    else:
        request.answer.set_result(answer)
