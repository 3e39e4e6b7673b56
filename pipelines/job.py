"""A scan as a whole: its folder, its lock, begin or resume, and everything it needs put together and taken down.

    DIR/job.json      what was asked for: evidence, settings, checkpoints
    DIR/run.jsonl     what was done, hash-chained
    DIR/reports/      one folder for each recording that was examined
    DIR/work/         the ledger, copies of members of containers, the lock; nothing of it is needed once a scan is done

Resuming compares what is asked for with `job.json`: results of two configurations never come to lie in one folder.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, Literal, Protocol

from detect.checkpoints import choose
from detect.config import Config
from detect.engine import LocalEngine
from detect.errors import ConfigError
from detect.version import VERSION
from pipelines.copies import Copies
from pipelines.dispatcher import Dispatcher, Ending, Policy, Standing, new_owner, write_whole
from pipelines.evidence.options import Options
from pipelines.evidence.process import Lister
from pipelines.examine import Examiner, Render
from pipelines.executor import Executor, LocalExecutor, Worker
from pipelines.intake import Found, Intake
from pipelines.items import JobFacts
from pipelines.ledger import Ledger
from pipelines.ledger.opening import open_ledger
from pipelines.locks import only_one
from pipelines.names import escape
from pipelines.ray_settings import set_up_ray
from pipelines.runlog import RunLog
from pipelines.sandbox import Sandbox

WORK = "work"
"""Folder of what only the scan itself needs."""


class Source(Protocol):
    """Knows what there is to examine, where that is not all that a walk over the evidence finds."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What decides what it finds, as JSON values: compared when a scan is resumed."""
        ...

    def find(self, scratch: Path, max_bytes: int) -> Iterator[Found]:
        """Yield what is found, in batches, each item's SHA-256 with it.

        Args:
            scratch: Folder for copies of members of archives, made with `pipelines.evidence.scratch.Scratch`.
            max_bytes: What they may take.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A scan, as asked for."""

    roots: tuple[Path, ...]
    source: Source | None = None
    """What finds the evidence; None walks over the roots."""
    out: Path
    config: Config
    options: Options
    weights: tuple[Path, ...] = ()
    device: str = "cpu"
    engine: Literal["local", "ray"] = "ray"
    workers: int | None = None
    """Media workers; None takes one for each CPU."""
    gpus: float = 0
    """For the models; with 0 they run on the CPU."""
    ray_address: str | None = None
    resume: bool = False
    ledger: str | None = None
    """PostgreSQL address; None keeps the ledger in a file under `out`."""
    scratch: Path | None = None
    """Folder for copies; None takes one under `out`."""
    copies_bytes: int = 32 << 30
    """What copies may take: two hours of 4K video, four times over."""
    triage: bool = False
    policy: Policy = field(default_factory=Policy)
    render: Render | None = None
    progress: Path | None = None
    """Folder where examinations leave word of how far they are."""
    entry: str = "pipelines.child"
    """Module that decoding children run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a run of a scan. The ledger is open: close it when the results are written."""

    facts: JobFacts
    ending: Ending
    ledger: Ledger
    log: RunLog
    workers: tuple[Worker, ...]
    resumed: bool


Prepare = Callable[[], None]
"""Called when Ray has been started: it takes over signal handlers."""


@contextmanager
def run_job(request: Request, *, tell: Callable[[Standing], None], stop: Event, prepare: Prepare) -> Iterator[Done]:
    """Begin or resume a scan, and work on it until it is done or stopped.

    Args:
        request: What to scan, and how.
        tell: Shown where it is.
        stop: Set to end it in good order.
        prepare: See `Prepare`.

    Yields:
        What came of it, with the ledger and the log still open for the results.

    Raises:
        ConfigError: the folder holds another scan, or is in use by another process.
        WeightsError, DeviceError: it cannot be done here.
    """
    with ExitStack() as stack:
        stack.enter_context(_lock(request.out))
        facts, resumed = _begin(request)
        ledger = open_ledger(request.ledger or request.out / WORK / "ledger.sqlite", facts.id)
        stack.callback(ledger.close)
        if (filed := ledger.begin(facts)).id != facts.id:
            raise ConfigError(f"the ledger holds another scan, begun at {filed.created_at}")
        log = stack.enter_context(RunLog.open(request.out / "run.jsonl", facts.id))
        copies = Copies(request.scratch or request.out / WORK / "copies", request.copies_bytes)
        owner = new_owner()
        log.append(
            "resume" if resumed else "begin",
            tool=facts.tool,
            config_digest=facts.config_digest,
            models=dict(facts.models),
            engine=request.engine,
            given_back=ledger.recover(owner, alone=request.ledger is None),
        )
        copies.keep_only(ledger.copies())
        counts = ledger.counts()
        if counts.inventory_complete and not counts.pending:  # then only the results are written again
            yield Done(facts=facts, ending="done", ledger=ledger, log=log, workers=(), resumed=resumed)
            return
        with ExitStack() as work:
            executor = open_executor(request, copies.folder, prepare)
            work.callback(executor.close)
            found: Iterable[Found] = ()
            if not counts.inventory_complete:
                found = _finder(request, copies.folder, ledger.listed(), work)
            dispatcher = Dispatcher(
                work=ledger,
                executor=executor,
                intake=Intake(ledger, iter(found), copies, log),
                out=request.out,
                copies=copies,
                policy=request.policy,
                log=log,
                tell=tell,
                owner=owner,
                stop=stop,
            )
            ending = dispatcher.run()
            workers = tuple(executor.workers())
        yield Done(facts=facts, ending=ending, ledger=ledger, log=log, workers=workers, resumed=resumed)


def _finder(request: Request, scratch: Path, listed: frozenset[str], work: ExitStack) -> Iterable[Found]:
    if request.source is not None:
        return request.source.find(scratch, request.copies_bytes)
    lister = Lister(request.roots, request.options, scratch, request.copies_bytes, listed=listed)
    work.callback(lister.close)
    return lister


@contextmanager
def _lock(out: Path) -> Iterator[None]:
    """One process at a time works in a folder; the lock goes when the process does, however it ends.

    Raises:
        ConfigError: another one does, or the folder cannot be written.
    """
    try:
        (out / WORK).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{out}: {error.strerror}") from error
    with only_one(out / WORK / "lock", lambda process: f"another scan is at work in {out} (process {process})"):
        yield


def _begin(request: Request) -> tuple[JobFacts, bool]:
    """The facts of a new scan, or of the one that is resumed.

    Raises:
        ConfigError: the folder holds a scan and resuming was not asked for, or it is another one.
    """
    asked = JobFacts(
        id=str(uuid.uuid4()),
        tool=f"unmask {VERSION}",
        config_digest=request.config.digest(),
        config=request.config.model_dump(mode="json"),
        models=choose(request.config, weights=request.weights).digests,
        roots=tuple(escape(os.fsencode(root.absolute())) for root in request.roots),
        options=_option_facts(request),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    path = request.out / "job.json"
    if not path.exists():
        write_whole(path, json.dumps(asdict(asked), indent=2, sort_keys=True, ensure_ascii=False))
        return asked, False
    try:
        filed = read_facts(path)
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path} cannot be read: {error}; choose another folder for the results") from error
    if not request.resume:
        raise ConfigError(
            f"{request.out} holds a scan begun at {filed.created_at}: --resume goes on with it, or choose another --out"
        )
    if difference := _difference(filed, asked):
        raise ConfigError(f"{request.out} holds another scan and cannot be resumed as asked: {difference}")
    return filed, True


def _option_facts(request: Request) -> dict[str, Any]:
    """What else decides what is found, as JSON values; of passwords only how many there are."""
    options = request.options
    return {
        "triage": request.triage,
        "include_deleted": options.include_deleted,
        "known_ok": [str(path.absolute()) for path in options.known_ok],
        "known_alert": [str(path.absolute()) for path in options.known_alert],
        "num_passwords": len(options.passwords),
        "limits": asdict(options.limits),
    } | ({"source": dict(request.source.facts)} if request.source is not None else {})


def read_facts(path: Path) -> JobFacts:
    """The facts in a `job.json`.

    Raises:
        OSError, ValueError, TypeError: it cannot be read, or is none.
    """
    values = json.loads(path.read_text(encoding="utf-8"))
    return JobFacts(**values | {"roots": tuple(values["roots"])})


def _difference(filed: JobFacts, asked: JobFacts) -> str:
    """What is not the same, in words; empty where a resumed scan would do what was begun."""
    parts = [
        f"{name} differs ({getattr(filed, name)} then, {getattr(asked, name)} now)"
        for name in ("tool", "config_digest", "models", "roots")
        if getattr(filed, name) != getattr(asked, name)
    ]
    parts += [
        f"option {name} differs ({filed.options.get(name)} then, {asked.options.get(name)} now)"
        for name in sorted(filed.options.keys() | asked.options.keys())
        if filed.options.get(name) != asked.options.get(name)
    ]
    return "; ".join(parts)


def open_executor(request: Request, scratch: Path, prepare: Prepare) -> Executor:
    """Who examines, as asked for.

    Args:
        request: Of it settings, checkpoints, device, engine and workers.
        scratch: Folder of the copies.
        prepare: See `Prepare`.

    Raises:
        WeightsError, DeviceError: it cannot be done here.
    """
    if request.engine == "local":
        return _local(request, scratch)
    set_up_ray(joining=request.ray_address is not None)
    # Ray reads its settings at import, takes a second for it, and nothing else needs it.
    from pipelines.actors import Setup
    from pipelines.cluster import Cluster
    from pipelines.workers import RayExecutor

    workers = request.workers or os.cpu_count() or 1

    def open_cluster() -> Cluster:
        cluster = Cluster(address=request.ray_address, num_cpus=workers, num_gpus=int(request.gpus) or None)
        prepare()
        return cluster

    setup = Setup(
        config=request.config,
        weights=request.weights,
        options=request.options,
        scratch=scratch,
        device="cuda" if request.gpus else request.device,
        entry=request.entry,
        render=request.render,
        progress=request.progress,
    )
    return RayExecutor(open_cluster, setup, num_workers=workers, num_gpus=request.gpus)


def _local(request: Request, scratch: Path) -> LocalExecutor:
    sandbox = Sandbox(entry=request.entry)

    def open_examiner() -> Examiner:
        engine = LocalEngine(request.config, device=request.device, weights=request.weights)
        return Examiner(
            request.config,
            engine,
            sandbox,
            options=request.options,
            scratch=scratch,
            render=request.render,
            progress=request.progress,
        )

    return LocalExecutor(open_examiner, sandbox)
