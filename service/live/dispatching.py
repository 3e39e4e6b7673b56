"""One dispatcher: announce what it works with, lease, examine, and leave in good order.

It owns Ray, where that is the engine; the API is another process and never imports it.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack

import structlog

from detect.checkpoints import choose
from detect.config import Config
from detect.version import VERSION
from pipelines.copies import Copies
from pipelines.dispatcher import Dispatcher, Policy, Standing, new_owner
from pipelines.evidence.options import Options
from pipelines.executor import Executor
from pipelines.job import Request, open_executor
from pipelines.locks import only_one
from pipelines.runlog import RunLog
from service.scan import read_config
from service.settings import ServiceSettings
from service.store import endings, setups
from service.store.database import Store
from service.store.queue import Queue
from service.vault.vault import Vault

_log = structlog.get_logger("unmask.dispatcher")
_SIGN_SECONDS = 5.0
"""Between two signs of life; a quarter of what is taken for silence."""
_COPIES_BYTES = 1 << 20
"""Nothing is copied: evidence lies in files of its own."""


def run_dispatcher(settings: ServiceSettings, *, stop: threading.Event, prepare: Callable[[], None]) -> None:
    """Examine what is handed in until `stop` is set.

    Args:
        settings: The service's.
        stop: Set it to end in good order: what is nearly done may finish, the rest is given back.
        prepare: Called when Ray has been started: it takes over signal handlers.

    Raises:
        ConfigError: another dispatcher works on this database, or the settings are at fault.
        WeightsError, DeviceError: nothing can be examined here.
    """
    work = settings.data / "work"
    for folder in (work, settings.progress, settings.results):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as stack:
        store = Store.open(settings.database_place)
        stack.callback(store.close)
        if store.is_sqlite:
            stack.enter_context(only_one(work / "dispatcher.lock", _refusal))
        config = read_config(settings.config, (), ())
        setup = _setup(settings, config)
        owner = new_owner()
        log = stack.enter_context(RunLog.open(work / f"dispatcher-{socket.gethostname()}.jsonl", socket.gethostname()))
        copies = Copies(work / "copies", _COPIES_BYTES)
        executor = open_executor(_request(settings, config), copies.folder, prepare)
        stack.callback(executor.close)
        with store.write() as db:
            setups.announce(db, setup, _facts(settings, owner, executor), now=store.now(db), hooks=settings.hooks_of)
        stack.callback(_leave, store, owner)
        vault = Vault(settings.data, reserve_bytes=settings.reserve_bytes)
        queue = Queue(
            store, setup.id, place=vault.path, on_begin=endings.began, on_end=endings.ended(settings.hooks_of)
        )  # fmt: skip
        queue.recover(owner, alone=store.is_sqlite)
        log.append("begin", tool=setup.tool, config_digest=setup.config_digest, models=dict(setup.models))
        _log.info("ready", owner=owner, engine=settings.engine, models=sorted(setup.models))
        Dispatcher(
            work=queue,
            executor=executor,
            intake=None,
            out=settings.results,
            copies=copies,
            policy=Policy(),
            log=log,
            tell=_signs(store, owner, executor, settings.hooks_of),
            owner=owner,
            stop=stop,
            withdrawn=queue.withdrawn,
        ).run()
        log.append("end", ending="stopped")


def _setup(settings: ServiceSettings, config: Config) -> setups.Setup:
    """What is worked with; every checkpoint was verified when this returns."""
    return setups.Setup(
        tool=f"unmask {VERSION}",
        config_digest=config.digest(),
        config=config.model_dump(mode="json"),
        models=choose(config, weights=settings.weights).digests,
    )


def _request(settings: ServiceSettings, config: Config) -> Request:
    return Request(
        roots=(),
        out=settings.results,
        config=config,
        options=Options(),
        weights=settings.weights,
        engine=settings.engine,
        workers=settings.workers,
        gpus=settings.gpus,
        ray_address=settings.ray_address,
        progress=settings.progress,
    )


def _facts(settings: ServiceSettings, owner: str, executor: Executor) -> setups.Dispatcher:
    return setups.Dispatcher(
        owner=owner,
        host=socket.gethostname(),
        engine=settings.engine,
        device="cuda" if settings.gpus else "cpu",
        num_workers=1 if settings.engine == "local" else settings.workers or os.cpu_count() or 1,
        protections=_protections(executor),
    )


def _protections(executor: Executor) -> dict[str, str]:
    """How decoding is isolated, the weakest where workers differ."""
    weakest: dict[str, str] = {}
    for worker in executor.workers():
        for name, value in worker.protections.items():
            if name not in weakest or value.startswith("no"):
                weakest[name] = value
    return weakest


def _signs(store: Store, owner: str, executor: Executor, hooks: endings.Hooks) -> Callable[[Standing], None]:
    """What the dispatcher calls twice a second; a sign of life now and then."""
    next_sign = 0.0

    def tell(standing: Standing) -> None:
        nonlocal next_sign
        if standing.seconds >= next_sign:
            next_sign = standing.seconds + _SIGN_SECONDS
            protections = _protections(executor)
            store.repeat(lambda db: setups.still_here(db, owner, protections, now=store.now(db), hooks=hooks))

    return tell


def _refusal(process: str) -> str:
    return f"another dispatcher is at work on this database (process {process}); several need PostgreSQL"


def _leave(store: Store, owner: str) -> None:
    store.repeat(lambda db: setups.left(db, owner))
