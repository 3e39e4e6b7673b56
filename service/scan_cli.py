"""`unmask scan`: one recording in this process, or a whole archive as a job that can be stopped and resumed."""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import click

from service.exits import Exit

_EPILOG = """\b
One recording: report.html (for people) and report.json (for programs) go to a folder of its own under --out.
\b
A folder, an archive (zip, tar, 7z), a disk image (raw, E01), or several of anything: every file in them, however deep,
ends in exactly one state, and --out holds
  summary.html    read this first: what was found, what was not examined and why, what was flagged
  items.*         one row a file: .csv for spreadsheets, .jsonl and .parquet for programs
  reports/        one report for each recording
  case.jsonld     the same as CASE/UCO
  manifest.json   hashes of all of it, signed; `unmask verify DIR` or `python verify.py` there check them
  work/           the ledger; needed to resume, not afterwards
Ctrl-C ends a scan in good order, and --resume goes on; so it does after a crash or a power cut.
\b
Exit codes:
  0  everything examined, nothing flagged
  1  something flagged
  2  the command line is at fault
  3  some recording could not be examined, or only in part
  130  interrupted, or out of time: go on with --resume
\b
Examples:
  unmask scan clip.mp4
  unmask scan call.wav --model aasist.asvspoof2019 --model aasist.asvspoof5
  unmask scan /evidence/case7.E01 --out case7 --known-ok NSRLFile.txt --known-alert hashes.txt
  unmask scan /evidence/case7.E01 --out case7 --resume --time-limit 8h
  unmask scan /mnt/seized --out seized --triage --workers 32 --gpus 4 --ray-address ray-head:6379
"""

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = _DURATION.fullmatch(str(value).strip())
        parts = [int(part) for part in match.groups(default="0")] if match else []
        seconds = sum(part * unit for part, unit in zip(parts, (86_400, 3600, 60, 1), strict=False))
        if not seconds:
            self.fail(f"{value} is no duration; write for example 90, 45m, 8h or 1d12h", param, ctx)
        return float(seconds)


def _list_limits(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked:
        from service.scan_many import limits_help

        click.echo(limits_help())
        context.exit()


_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="EVIDENCE...", type=click.Path(path_type=Path))
@click.option("--out", type=_FOLDER, default=Path("unmask-reports"), show_default=True, help="Folder for the results.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Checkpoint to run instead of the defaults; repeat for several. See `unmask weights list`.",
)
@click.option(
    "--weights",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder to look for checkpoints in first; repeatable.",
)
@click.option(
    "--device", default="cpu", show_default=True, metavar="DEVICE", help="cpu, cuda or cuda:N: where the models run."
)
@click.option("--config", "config_file", type=_FILE, help="TOML file with settings; `unmask settings` prints one.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="SECTION.NAME=VALUE",
    help="One setting; repeatable; wins over --config.",
)
@click.option(
    "--in-process",
    is_flag=True,
    help="Decode in this process instead of a sandboxed child. Only for one recording, and only if you trust it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report of one recording as JSON and nothing else.")
@click.option("-q", "--quiet", is_flag=True, help="Print one line and no progress.")
@click.option("--resume", is_flag=True, help="Go on with the scan in --out.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    help="local: one at a time in this process; ray: many, in workers.  [default: local for one recording, else ray]",
)
@click.option("--workers", type=click.IntRange(min=1), help="Media workers; each takes one CPU.  [default: all CPUs]")
@click.option(
    "--gpus",
    type=click.FloatRange(min=0),
    default=0.0,
    help="GPUs for the models, fractions too; 0 runs them on the CPU.  [default: 0]",
)
@click.option("--ray-address", metavar="ADDR", help="Join this Ray cluster instead of starting Ray on this machine.")
@click.option(
    "--time-limit", type=_Duration(), metavar="TIME", help="Begin nothing new after this: 90, 45m, 8h, 1d12h."
)
@click.option(
    "--triage", is_flag=True, help="A cheap look at everything first, then full examinations, most suspicious first."
)
@click.option(
    "--known-ok", multiple=True, type=_FILE, help="Hashes of files to skip: plain list or NSRL RDS. Repeatable."
)
@click.option("--known-alert", multiple=True, type=_FILE, help="Hashes of files to raise an alert for. Repeatable.")
@click.option("--passwords", type=_FILE, help="Passwords to try on encrypted archives, one a line.")
@click.option("--include-deleted", is_flag=True, help="Deleted files in disk images as well, as far as they are there.")
@click.option(
    "--limit", "limits", multiple=True, metavar="NAME=VALUE", help="A limit on containers; see --list-limits."
)
@click.option(
    "--list-limits",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_limits,
    help="List the limits on archives and disk images, and exit.",
)
@click.option(
    "--ledger",
    metavar="URL",
    envvar="UNMASK_LEDGER",
    help="postgresql://... instead of a file in --out. From the environment, UNMASK_LEDGER, a password stays private.",
)
@click.option("--scratch", type=_FOLDER, help="Folder for copies of members of archives.  [default: in --out]")
@click.option(
    "--progress",
    type=click.Choice(["bar", "json", "none"]),
    help="How progress is shown, on standard error.  [default: bar on a terminal, else none]",
)
@click.option(
    "--sign-key", type=_FILE, help="Ed25519 key (PEM) that signs the results.  [default: this installation's own]"
)
@click.option(
    "--base-rate",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of manipulated recordings that you expect, for the expected number of false alarms.",
)
def scan(
    paths: tuple[Path, ...],
    out: Path,
    models: tuple[str, ...],
    folders: tuple[Path, ...],
    device: str,
    config_file: Path | None,
    settings: tuple[str, ...],
    in_process: bool,
    as_json: bool,
    quiet: bool,
    **of_many: Any,
) -> None:
    """Examine recordings: one, or all in folders, archives and disk images."""
    for path in paths:  # before anything is loaded: the commonest mistake is answered at once
        if not (path.is_file() or path.is_dir()):
            raise click.UsageError(f"{path}: {'neither a file nor a folder' if path.exists() else 'no such file'}")
    style: Literal["full", "line", "json"] = "json" if as_json else "line" if quiet else "full"
    from rich.console import Console

    # Loading torch takes seconds, in which a user would wonder.
    with Console(stderr=True).status("Loading") if style == "full" else nullcontext():
        from service.scan import Request, is_one_recording, run
        from service.scan_many import ManyRequest, run_many

    request = Request(
        paths=paths,
        out=out,
        models=models,
        folders=folders,
        device=device,
        config_file=config_file,
        settings=settings,
        in_process=in_process,
        style=style,
    )
    asked = [name for name, value in of_many.items() if value and name != "engine"]
    if of_many["engine"] != "ray" and not asked and is_one_recording(paths):
        flagged, incomplete = run(request)
        sys.exit(Exit.NOT_ALL_EXAMINED if incomplete else Exit.FLAGGED if flagged else Exit.NOTHING_FLAGGED)
    if as_json or in_process:
        raise click.UsageError("--json and --in-process are for one recording; a scan of many writes items.jsonl")
    sys.exit(run_many(ManyRequest(scan=request, **{**of_many, "engine": of_many["engine"] or "ray"})))
