"""Whether it works: for load balancers, for monitoring, and for Prometheus."""

from __future__ import annotations

import json

from fastapi import APIRouter, Response

from service.api import metrics
from service.api.schemas.common import Out
from service.state import TheService
from service.store import setups
from service.store.queue import numbers
from service.vault.errors import VaultError

router = APIRouter(tags=["health"])


class Alive(Out):
    """The process answers."""

    alive: bool = True


class Part(Out):
    """One thing that is needed."""

    ready: bool
    why: str = ""
    """Where it is not."""


class Readiness(Out):
    """Whether recordings are taken and examined."""

    ready: bool
    database: Part
    storage: Part
    """Room for evidence beyond the reserve."""
    dispatcher: Part
    """Somebody examines, with verified checkpoints."""
    sandbox: Part
    """Decoders are isolated as they should be on every worker."""


@router.get("/health/live")
def live() -> Alive:
    """The process answers."""
    return Alive()


@router.get("/health/ready", responses={503: {"model": Readiness, "description": "Something is missing"}})
def ready(service: TheService, response: Response) -> Readiness:
    """Whether there is a worker, its checkpoints are verified, its sandbox is on, and there is room."""
    with service.store.read() as db:
        dispatchers = setups.working(db, now=service.store.now(db))
    protections = [json.loads(row.protections) for row in dispatchers]
    weak = sorted(
        {f"{name}: {value}" for part in protections for name, value in part.items() if value.startswith("no")}
    )  # fmt: skip
    if any(protections):  # a worker says how it is protected when it can begin
        missing = ""
    else:
        missing = "the workers are starting" if dispatchers else "no dispatcher has been heard of lately"
    parts = {
        "database": Part(ready=True),
        "storage": _storage(service),
        "dispatcher": Part(ready=not missing, why=missing),
        "sandbox": Part(ready=not missing and not weak, why=missing or "; ".join(weak)),
    }
    everything = all(part.ready for part in parts.values()) and not service.stopping.is_set()
    response.status_code = 200 if everything else 503
    return Readiness(ready=everything, **parts)


def _storage(service: TheService) -> Part:
    try:
        service.vault.check_room(0)
    except VaultError as error:
        return Part(ready=False, why=str(error))
    return Part(ready=True)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def read_metrics(service: TheService) -> Response:
    """Numbers for Prometheus."""
    with service.store.read() as db:
        states = numbers(db)
        here = setups.working(db, now=service.store.now(db))
    return Response(metrics.page(states, len(here)), media_type="text/plain; version=0.0.4; charset=utf-8")
