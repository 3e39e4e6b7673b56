"""`unmask audit`: verify the audit log, sign where it stands, and write it to a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_NEW = click.Path(path_type=Path, dir_okay=False)
_database = click.option(
    "--database",
    metavar="PATH|URL",
    help="The service's database.  [default: as the service's settings have it; there a password stays private]",
)

_VERIFY_EPILOG = """\b
Every entry is checked against the one before it. That entries are missing at the end, that an old copy of the database
was put back, or that the log was made anew, is found against checkpoints only (`unmask audit checkpoint`): keep them
where nobody who can write to the database can write, and name them all.
\b
Exit codes:
  0  everything is as it was written
  1  something is not; the first entry concerned is named
"""


@click.group()
def audit() -> None:
    """The record of who did what: verify it, sign where it stands, write it to a file."""


@audit.command(epilog=_VERIFY_EPILOG)
@click.argument("file", metavar="[FILE]", required=False, type=_FILE)
@_database
@click.option("--checkpoint", "checkpoints", multiple=True, type=_FILE, help="A checkpoint; may be given again.")
@click.option("--public-key", type=_FILE, help="The key that checkpoints are signed with, PEM.")
def verify(file: Path | None, database: str | None, checkpoints: tuple[Path, ...], public_key: Path | None) -> None:
    """Check the log in the service's database, or in FILE, an export."""
    from service.audit import commands  # noqa: PLC0415 - `--help` answers without the database's library

    if file is not None and database is not None:
        raise click.UsageError("name a FILE or a --database, not both")
    verdict = commands.verify_log(file, database, checkpoints, public_key)
    click.echo(verdict.text())
    sys.exit(0 if verdict.good else 1)


@audit.command()
@click.argument("out", metavar="OUT", type=_NEW)
@_database
@click.option("--sign-key", type=_FILE, help="Ed25519 key (PEM) that signs.  [default: as the service's settings say]")
def checkpoint(out: Path, database: str | None, sign_key: Path | None) -> None:
    """Sign where the log stands, into the new file OUT.

    Do it often (each day, and when a case is closed), and keep OUT where nobody who can write to the database can.
    """
    from service.audit import commands  # noqa: PLC0415

    mark = commands.write_checkpoint(out, database, sign_key)
    click.echo(f"wrote {out}: entry {mark.seq}, signed by the key with the fingerprint {mark.fingerprint}")


@audit.command()
@click.argument("out", metavar="OUT", type=_NEW)
@_database
@click.option("--case", "case_id", metavar="ID", help="Show the entries of this case, and withhold the others.")
def export(out: Path, database: str | None, case_id: str | None) -> None:
    """Write the log to the new file OUT, one entry a line, for `unmask audit verify OUT`. The log says that it was."""
    from service.audit import commands  # noqa: PLC0415

    commands.write_export(out, database, case_id)
    click.echo(f"wrote {out}")
