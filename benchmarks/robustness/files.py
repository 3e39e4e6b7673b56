"""Whole files through launderings and then through the pipeline: one run each, beside that of the clear files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.robustness.copies import launder_trials
from benchmarks.robustness.laundering import Kind, Laundering
from benchmarks.robustness.launderings import LAUNDERINGS
from benchmarks.runs.plan import Plan, Request, quiet
from benchmarks.runs.run import SCAN, Laundered, Watching, run
from benchmarks.scorefile import RUN, read_record
from benchmarks.trials import Unit, split_sha256
from detect.errors import ConfigError

CLEAR = "as-it-is"
"""Folder of the run on the files as they are."""
_COPIES = "copies"
"""Folder of the laundered copies, below the run's; deleted when it is done."""
_KINDS = {Unit.RECORDING: Kind.VIDEO, Unit.UTTERANCE: Kind.SOUND, Unit.FRAME: Kind.PICTURE}

Announce = Callable[[str], None]


def applicable(planned: Plan) -> list[Laundering]:
    """Launderings that apply to what the trials are, those that this machine cannot do among them."""
    kinds = {_KINDS[trial.unit] for trial in planned.trials}
    return [one for one in LAUNDERINGS if one.kinds & kinds]


def measure(
    request: Request, planned: Plan, launderings: Sequence[Laundering], watching: Watching, announce: Announce
) -> list[Path] | None:
    """Run the clear files and each laundering of them; those with a finished run are not run again.

    Args:
        request: Its folder holds one folder a laundering.
        planned: What `plan` gave for it.
        launderings: What is done to the files; those that this machine cannot do are announced and left out.
        watching: How runs tell of themselves.
        announce: Told what is being done.

    Returns:
        Folders of the runs, the clear one first; None where it was stopped.

    Raises:
        ConfigError: a folder holds another run.
    """
    folders = []
    for laundering in (None, *launderings):
        out = request.out / (CLEAR if laundering is None else laundering.name)
        if laundering is not None and laundering.missing:
            announce(f"{laundering.name} is left out: {laundering.missing}")
            continue
        folders.append(out)
        if _is_done(out, request, planned):
            continue
        if watching.stop.is_set():
            return None
        announce(f"{out.name}: {len(planned.trials):,} trials")
        own = replace(request, out=out, resume=(out / SCAN / "job.json").exists())
        copies = None if laundering is None else _copies(own, planned, laundering)
        if run(own, planned, watching, copies) != "done":
            return None
        shutil.rmtree(out / _COPIES, ignore_errors=True)
    return folders


def _is_done(out: Path, request: Request, planned: Plan) -> bool:
    if not (out / RUN).is_file():
        return False
    record = read_record(out)
    if record.split_sha256 != split_sha256(planned.trials) or record.config_digest != quiet(request.config).digest():
        raise ConfigError(f"{out} holds a run of other trials or settings; choose another --out")
    return True


def _copies(request: Request, planned: Plan, laundering: Laundering) -> Laundered:
    made = launder_trials(planned.trials, request.root, laundering, request.out / _COPIES)
    return Laundered(
        condition=laundering.name,
        copies={trial.id: path for trial, path in made.made},
        lost={trial.id: reason for trial, reason in made.failed},
    )
