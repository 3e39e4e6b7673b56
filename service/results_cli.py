"""`unmask verify` and `unmask compare`: what to do with the results of a scan."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from service.exits import Exit

_RESULTS = click.Path(path_type=Path, file_okay=False, exists=True)

_VERIFY_EPILOG = """\b
Checked are the signature of manifest.json, the hash of every file that it names, that no file is missing or added, and
the chain of the run log. Without --public-key the key is taken from the folder itself: then the check shows that the
results were not changed since they were signed, not who signed them. Compare the fingerprint with one that reached
you by another way.
\b
The other side needs no unmask: `python verify.py --public-key KEY.pem` in the folder does the same with Python alone.
\b
Exit codes:
  0  everything is as it was signed
  1  something is not
"""


@click.command(epilog=_VERIFY_EPILOG)
@click.argument("folder", metavar="DIR", type=_RESULTS)
@click.option(
    "--public-key", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="The signer's key, PEM."
)
def verify(folder: Path, public_key: Path | None) -> None:
    """Check the results of a scan in DIR against their signed manifest."""
    from service.results.manifest import verify_folder

    verification = verify_folder(folder, public_key)
    click.echo(verification.text())
    sys.exit(0 if verification.good else 1)


_COMPARE_EPILOG = """\b
Exit codes:
  0  the same results
  1  something differs
"""


@click.command(epilog=_COMPARE_EPILOG)
@click.argument("old", metavar="OLD", type=_RESULTS)
@click.argument("new", metavar="NEW", type=_RESULTS)
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def compare(old: Path, new: Path, as_json: bool) -> None:
    """Say what changed between two scans: other checkpoints, other settings, other evidence."""
    from service.compare import compare as compared
    from service.compare import render_comparison

    comparison = compared(old, new)
    click.echo(render_comparison(comparison, "json" if as_json else "text"))
    sys.exit(Exit.NOTHING_FLAGGED if comparison.same else Exit.FLAGGED)
