"""Waiting for a job in a request, without a thread that waits along."""

from __future__ import annotations

import asyncio
import time

from anyio.to_thread import run_sync

from service.api.schemas.jobs import Job
from service.api.views import job_view
from service.state import Service
from service.store.jobs import job_of
from service.store.keys import Caller

_SECONDS = 0.3
"""Between two looks: an examination takes longer, and a thousand who wait ask three thousand times a second."""


async def ended(service: Service, caller: Caller, job_id: str, seconds: float) -> Job:
    """A job when it has ended, or as it is after so many seconds, or when the service is ending.

    Raises:
        NotFound, Gone: it is not there.
    """
    until = time.monotonic() + min(seconds, service.settings.max_wait_seconds)
    while True:
        view = await run_sync(_look, service, caller, job_id)
        if view.status in {"done", "cancelled"} or time.monotonic() >= until or service.stopping.is_set():
            return view
        await asyncio.sleep(min(_SECONDS, max(0.0, until - time.monotonic())))


def _look(service: Service, caller: Caller, job_id: str) -> Job:
    with service.store.read() as db:
        return job_view(service, job_of(db, job_id, caller.person_id))
