"""`unmask weights`: list, fetch and verify checkpoints."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.group()
def weights() -> None:
    """List, fetch and verify the checkpoints of the models.

    Checkpoints are looked for in the folders of UNMASK_WEIGHTS, in the user's cache (UNMASK_CACHE changes where that
    is) and in the package. Each is verified by its SHA-256 before it is used.
    """


@weights.command("list")
def list_() -> None:
    """Show every checkpoint: what it is, whether it is here, its licence."""
    from rich.console import Console
    from rich.table import Table

    from weights import load_manifest, verify

    manifest = load_manifest()
    table = Table(box=None, pad_edge=False)
    for heading in ("checkpoint", "modality", "here", "default", "calibrated", "licence", "kB"):
        table.add_column(heading, justify="right" if heading == "kB" else "left", no_wrap=heading == "checkpoint")
    for checkpoint in manifest.checkpoints:
        table.add_row(
            checkpoint.name,
            checkpoint.modality,
            verify(checkpoint).state,
            "yes" if checkpoint.name in manifest.default_names(checkpoint.modality) else "",
            "yes" if checkpoint.calibration else "no",
            checkpoint.licence,
            str(checkpoint.num_bytes // 1000),
        )
    Console().print(table)


_FETCH_EPILOG = """\b
Examples:
  unmask weights fetch aasist.asvspoof2019
  unmask weights fetch --all
  unmask weights fetch --all --from /media/usb/weights
"""


@weights.command(epilog=_FETCH_EPILOG)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--all", "every", is_flag=True, help="Every upstream checkpoint; the default ones are part of the installation."
)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Copy from this folder instead of downloading: for machines without a network.",
)
def fetch(names: tuple[str, ...], every: bool, source: Path | None) -> None:
    """Download checkpoints from their authors' addresses into the cache, and verify them."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from weights import fetch as fetch_checkpoint
    from weights import load_manifest

    manifest = load_manifest()
    if not names and not every:
        raise click.UsageError("name the checkpoints to fetch, or use --all; `unmask weights list` shows them")
    upstream = tuple(checkpoint for checkpoint in manifest.checkpoints if checkpoint.kind == "upstream")
    chosen = upstream if every else tuple(manifest.checkpoint(name) for name in names)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for checkpoint in chosen:
            task = progress.add_task(checkpoint.name, total=checkpoint.num_bytes)
            path = fetch_checkpoint(
                checkpoint,
                source=source,
                progress=lambda done, total, task=task: progress.update(task, completed=done, total=total),  # type: ignore[misc]
            )
            progress.update(task, completed=checkpoint.num_bytes)
            progress.console.print(f"{checkpoint.name}: verified, {path}", markup=False, soft_wrap=True)


@weights.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def verify(names: tuple[str, ...]) -> None:
    """Check the SHA-256 of checkpoints on this machine; exit code 3 where one is altered, or named and not here."""
    from weights import load_manifest
    from weights import verify as verify_checkpoint

    manifest = load_manifest()
    bad = False
    for checkpoint in tuple(manifest.checkpoint(name) for name in names) or manifest.checkpoints:
        status = verify_checkpoint(checkpoint)
        bad |= status.state == "mismatch" or (status.state == "absent" and checkpoint.name in names)
        click.echo(f"{status.state:9} {checkpoint.name}  {status.path or ''}")
    if bad:
        sys.exit(3)
