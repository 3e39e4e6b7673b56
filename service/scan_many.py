"""`unmask scan` of many: a job, its progress, its results, and the last words on the terminal."""

from __future__ import annotations

import threading
from contextlib import ExitStack, nullcontext
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Literal

import click
from platformdirs import user_cache_path
from rich.console import Console

from detect.errors import ConfigError
from detect.types import ItemState
from pipelines.dispatcher import Ending, Policy
from pipelines.evidence.options import ArchiveLimits, Options
from pipelines.items import Counts
from pipelines.job import Done, run_job
from pipelines.job import Request as JobRequest
from service.exits import Exit
from service.progress import Form, showing
from service.render import render_html
from service.results.manifest import write_manifest
from service.results.run import read_run
from service.results.signing import SigningKey, load_or_create_key
from service.results.summary import write_summary
from service.results.tables import write_tables
from service.results.uco import write_case
from service.scan import Request, read_config
from service.stopping import stopping

_NOT_ALL = frozenset(
    {
        ItemState.PARTIAL,
        ItemState.UNREADABLE,
        ItemState.ENCRYPTED,
        ItemState.LIMIT,
        ItemState.TIMEOUT,
        ItemState.CRASHED,
        ItemState.CANCELLED,
    }
)
"""States of recordings that were not examined, or only in part. What is no recording is none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyRequest:
    """One `unmask scan` of many, as asked for on the command line; `scan` holds what a scan of one has as well."""

    scan: Request
    resume: bool
    engine: Literal["local", "ray"]
    workers: int | None
    gpus: float
    ray_address: str | None
    time_limit: float | None
    triage: bool
    known_ok: tuple[Path, ...]
    known_alert: tuple[Path, ...]
    passwords: Path | None
    include_deleted: bool
    limits: tuple[str, ...]
    ledger: str | None
    scratch: Path | None
    progress: Form | None
    sign_key: Path | None
    base_rate: float | None


def run_many(request: ManyRequest) -> Exit:
    """Scan, or go on with a scan; write the results whatever the ending.

    Raises:
        ConfigError: the request is at fault.
        WeightsError, DeviceError: the installation or the machine is.
    """
    notes = Console(stderr=True)
    key = load_or_create_key(request.sign_key)  # what cannot be signed in the end need not begin
    form: Form = request.progress or ("bar" if notes.is_terminal and request.scan.style == "full" else "none")
    job = _job_request(request)
    stop = threading.Event()
    with stopping(stop, notes) as listen, ExitStack() as running:
        with showing(form, notes) as tell:
            done = running.enter_context(run_job(job, tell=tell, stop=stop, prepare=listen))
        with notes.status("Writing the results") if form == "bar" else nullcontext():
            counts = write_results(done, job.out, key, request.base_rate)
    _say(done, counts, job.out, key, quiet=request.scan.style != "full")
    return _exit(done.ending, counts)


def write_results(done: Done, out: Path, key: SigningKey, base_rate: float | None) -> Counts:
    """Write everything that a scan leaves, and sign it; how the scan stands."""
    counts = done.ledger.counts()
    open_reason = done.ending if done.ending != "done" else "interrupted"
    run = read_run(out / "run.jsonl", {worker.host: worker.protections for worker in done.workers})
    write_tables(done.ledger, out, open_reason)
    write_case(done.ledger, out, done.facts, run, open_reason)
    write_summary(done.ledger, out, done.facts, run, open_reason, base_rate=base_rate)
    states = {state.value: number for state, number in counts.final.items() if number}
    done.log.append("end", ending=done.ending, found=counts.found, states=states)
    write_manifest(out, done.facts, done.log.head, key)
    return counts


def limits_help() -> str:
    """The limits on containers with their defaults and meaning."""
    lines = ["Limits on archives and disk images, with their defaults:", ""]
    for entry in fields(ArchiveLimits):
        default = "" if entry.default is MISSING else f"{entry.default:,}"
        lines.append(f"  {entry.name} = {default}")
    lines += ["", "For example: --limit depth=12 --limit member_bytes=1000000000"]
    return "\n".join(lines)


def _job_request(request: ManyRequest) -> JobRequest:
    scan = request.scan
    options = Options(
        limits=_limits(request.limits),
        passwords=_passwords(request.passwords),
        known_ok=request.known_ok,
        known_alert=request.known_alert,
        known_cache=user_cache_path("unmask") / "known",
        include_deleted=request.include_deleted,
        exclude=(scan.out.absolute(), *((request.scratch.absolute(),) if request.scratch else ())),
    )
    return JobRequest(
        roots=tuple(path.absolute() for path in scan.paths),
        out=scan.out,
        config=read_config(scan.config_file, scan.settings, scan.models),
        options=options,
        weights=scan.folders,
        device=scan.device,
        engine=request.engine,
        workers=request.workers,
        gpus=request.gpus,
        ray_address=request.ray_address,
        resume=request.resume,
        ledger=request.ledger,
        scratch=request.scratch,
        triage=request.triage,
        policy=Policy(time_limit_seconds=request.time_limit),
        render=render_html,
    )


def _limits(words: tuple[str, ...]) -> ArchiveLimits:
    names = {entry.name for entry in fields(ArchiveLimits)}
    values = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in names or not value.isdecimal():
            raise ConfigError(f"--limit {word}: write NAME=VALUE with a whole number; --list-limits names them")
        values[name] = int(value)
    return ArchiveLimits(**values)


def _passwords(file: Path | None) -> tuple[str, ...]:
    if file is None:
        return ()
    try:
        return tuple(line for line in file.read_text(encoding="utf-8").splitlines() if line)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--passwords {file}: {error}") from error


def _say(done: Done, counts: Counts, out: Path, key: SigningKey, *, quiet: bool) -> None:
    states = ", ".join(f"{number:,} {state.value}" for state in ItemState if (number := counts.final.get(state, 0)))
    left = counts.pending + counts.leased
    flagged = f"{counts.flagged:,} flagged" + (f", {counts.alerts:,} known-file alerts" if counts.alerts else "")
    click.echo(f"{counts.found:,} files found: {states or 'none'}" + (f", {left:,} not reached" if left else ""))
    click.echo(flagged)
    if done.ending != "done":
        why = "The time is up" if done.ending == "time_limit" else "Interrupted"
        click.echo(f"{why}; the same command with --resume goes on.")
    if not quiet:
        click.echo(f"\nsummary      {out / 'summary.html'}")
        click.echo(f"items        {out / 'items.csv'}, items.jsonl, items.parquet, case.jsonld")
        click.echo(f"signed with  {key.fingerprint}")
        click.echo(f"check        unmask verify {out}")


def _exit(ending: Ending, counts: Counts) -> Exit:
    if ending != "done":
        return Exit.INTERRUPTED
    if any(counts.final.get(state) for state in _NOT_ALL):
        return Exit.NOT_ALL_EXAMINED
    return Exit.FLAGGED if counts.flagged or counts.alerts else Exit.NOTHING_FLAGGED
