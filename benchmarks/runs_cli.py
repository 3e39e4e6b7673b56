"""The commands on public data sets: datasets, validate, run, score, table, compare."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from detect.errors import UnmaskError

_Command = TypeVar("_Command", bound=Callable[..., Any])

NOTES = Console(stderr=True)
_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)

_root = click.argument("folder", type=_FOLDER)
_models = click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Checkpoint to run, again for several; without it the default ones. `unmask weights list` shows them.",
)
_CHOICE = (
    click.option("--split", help="Split to measure on; `all` takes every one. Without it the one papers report."),
    click.option(
        "--only",
        "filters",
        multiple=True,
        metavar="FACT=VALUE",
        help="Only trials with this fact, e.g. codec=opus or attack=A07; again for several.",
    ),
    click.option("--limit", type=click.IntRange(min=1), help="About so many trials, whole groups drawn by name."),
    _models,
    click.option("--config", "config_file", type=click.Path(path_type=Path, exists=True), help="Settings, TOML."),
    click.option("--title", help="What tables call the data. Without it the data set's name."),
    click.option(
        "--in-domain", is_flag=True, help="Allow checkpoints that were trained on these corpora; results are marked."
    ),
    click.option(
        "--development", is_flag=True, help="Allow splits for training and choosing; results never reach a page."
    ),
    click.option("--engine", type=click.Choice(["ray", "local"]), default="ray", show_default=True),
    click.option("--workers", type=click.IntRange(min=1), help="Files examined at a time; all cores without it."),
    click.option("--gpus", type=float, default=0, help="GPUs for the models."),
    click.option("--ray-address", help="Join this Ray cluster."),
)


def _what_and_how(command: _Command) -> _Command:
    """The options on which trials are taken, and how they are examined."""
    for option in reversed(_CHOICE):
        command = option(command)
    return command


@contextmanager
def clear_errors() -> Iterator[None]:
    """What went wrong, in a sentence: exit code 2."""
    try:
        yield
    except UnmaskError as error:
        raise click.UsageError(str(error)) from error


@click.command()
@click.argument("name", required=False)
@click.option("--markdown", is_flag=True, help="All of them, as in benchmarks/README.md.")
def datasets(name: str | None, *, markdown: bool) -> None:
    """List the data sets, or say how to get NAME, its layout, terms, traps, and published numbers."""
    from benchmarks.catalogue import describe, listing, sections

    with clear_errors():
        print(sections() if markdown else listing() if name is None else describe(name))


@click.command()
@click.argument("name")
@_root
@click.option("--every-file", is_flag=True, help="Open every file, not only a sample.")
def validate(name: str, folder: Path, *, every_file: bool) -> None:
    """Compare the copy of data set NAME in FOLDER with what its authors publish.

    Counts, checksums, files that are missing, doubled or unreadable. Exit code 1 where something is wrong; a partial
    copy is allowed, and marked.
    """
    from benchmarks.datasets import data_set
    from benchmarks.validation import validate as check
    from pipelines.sandbox import Sandbox

    with clear_errors(), Sandbox() as sandbox, _Bar() as bar:
        found = check(data_set(name), folder, sandbox, every_file=every_file, tell=bar.tell)
    print(found.text)
    sys.exit(1 if found.errors else 0)


@click.command()
@click.argument("name")
@_root
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the run. [default: runs/NAME-SPLIT]"
)
@_what_and_how
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
def run(name: str, folder: Path, out: Path | None, **asked: Any) -> None:
    """Examine the trials of data set NAME in FOLDER and write a score file.

    The same pipeline as for evidence: every trial ends in one state, and whatever has no score says why. A stopped run
    goes on with --resume. `score`, `table` and `compare` then need the score file only.
    """
    from benchmarks.results_page.run_section import score
    from benchmarks.runs.plan import plan, request_of
    from benchmarks.runs.run import run as examine
    from benchmarks.validation import counts_table, files_there

    with clear_errors():
        request = request_of(name, folder, out, **asked)
        planned = plan(request)
        print(
            "\n".join(counts_table(request.data_set, planned.listing, files_there(folder, planned.listing.trials)[0]))
        )
        with watching() as watch:
            ending = examine(request, planned, watch)
        if ending != "done":
            NOTES.print(f"Stopped; go on with --resume --out {request.out}", highlight=False)
            sys.exit(130)
        print(score(request.out))
        NOTES.print(f"Score file: {request.out}", highlight=False)


@click.command()
@click.argument("folder", type=_FOLDER)
def score(folder: Path) -> None:
    """Metrics of the run in FOLDER, from its score file alone."""
    from benchmarks.results_page.run_section import score as scored

    with clear_errors():
        print(scored(folder))


@click.command()
@click.argument("folder_a", type=_FOLDER)
@click.argument("folder_b", type=_FOLDER)
@click.option("--system-a", required=True, help="Checkpoint, or finding.face, finding.voice, finding.recording.")
@click.option("--system-b", required=True, help="As --system-a.")
def compare(folder_a: Path, folder_b: Path, system_a: str, system_b: str) -> None:
    """Compare two systems on the trials that both scored, from their score files alone.

    FOLDER_A and FOLDER_B are runs of the same trials, and may be the same run.
    """
    from benchmarks.results_page.compare import compare as compared

    with clear_errors():
        print(compared(folder_a, system_a, folder_b, system_b))


@click.command()
@click.argument("folders", nargs=-1, type=_FOLDER)
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), help="Write only this HTML page.")
def table(folders: tuple[Path, ...], page: Path | None) -> None:
    """Write the README's results and benchmarks/results/index.html from the score files that are filed.

    With FOLDERS and --page a page of these runs, wherever they are.
    """
    from benchmarks.filed import write_page, write_results

    with clear_errors():
        if page is not None:
            write_page(folders, page)
        elif folders:
            raise click.UsageError("folders go with --page; without it the filed runs are taken")
        else:
            write_results()


@click.command()
@click.argument("name")
@_root
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder. [default: runs/NAME-SPLIT-robust]"
)
@click.option(
    "--laundering", "names", multiple=True, help="Only this one, again for several. `launderings` lists them."
)
@_what_and_how
def robustness(name: str, folder: Path, out: Path | None, names: tuple[str, ...], **asked: Any) -> None:
    """Launder the files of data set NAME in FOLDER, run them again, and draw what each laundering costs.

    One run a laundering; what is done is not done again, so a stopped one goes on when it is started anew.
    """
    from benchmarks.robustness.files import applicable, measure
    from benchmarks.robustness.launderings import laundering
    from benchmarks.robustness.report import write_report
    from benchmarks.runs.plan import plan, request_of

    with clear_errors():
        request = request_of(name, folder, None, **asked)
        request = replace(request, out=out or request.out.with_name(f"{request.out.name}-robust"))
        planned = plan(request)
        chosen = [laundering(one) for one in names] or applicable(planned)
        with watching() as watch:
            folders = measure(request, planned, chosen, watch, lambda text: NOTES.print(text, highlight=False))
        if folders is None:
            NOTES.print("Stopped; the same command goes on.", highlight=False)
            sys.exit(130)
        for path in write_report(folders, [], request.out):
            print(path)


@click.command()
def launderings() -> None:
    """List the launderings: what each applies to, where its parameters come from, whether this machine can do it."""
    from benchmarks.robustness.report import listing

    print(listing())


@click.command()
@click.option(
    "--shared",
    type=_FOLDER,
    envvar="UNMASK_SHARED",
    default=Path("../shared"),
    show_default=True,
    help="Folder with development data: faces/ and voice/.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("runs/adversarial"), show_default=True
)
@_models
@click.option("--crops", default=200, show_default=True, help="Test crops, for face checkpoints.")
@click.option("--utterances", default=60, show_default=True, help="Test utterances, for voice checkpoints.")
@click.option("--device", default="cpu", show_default=True)
def adversarial(shared: Path, out: Path, models: tuple[str, ...], crops: int, utterances: int, device: str) -> None:
    """Perturb crops and waves by the gradient of one checkpoint, within bounds, and score them with it and the others.

    Without --model the face checkpoints and the default voice checkpoint: AASIST takes hours without a GPU.
    """
    from benchmarks.robustness.adversarial import measure_adversarial
    from benchmarks.robustness.report import write_report
    from benchmarks.scoring import names, own
    from detect.types import Modality

    with clear_errors():
        face, voice = (
            [name for name in models if name in names(modality)] if models else default
            for modality, default in ((Modality.FACE, names(Modality.FACE)), (Modality.VOICE, own(Modality.VOICE)))
        )
        measure_adversarial(shared, out, face=face, voice=voice, crops=crops, utterances=utterances, device=device)
        for path in write_report([], [out], out):
            print(path)


@contextmanager
def watching() -> Iterator[Any]:
    """How a run tells of itself on a terminal; the first Ctrl-C ends it in good order."""
    from benchmarks.runs.run import Watching
    from service.progress import showing
    from service.stopping import stopping

    stop = threading.Event()
    form: Any = "bar" if NOTES.is_terminal else "none"
    with stopping(stop, NOTES) as listen, _Bar() as bar:
        yield Watching(
            scan=lambda: showing(form, NOTES),
            features=lambda done, number: bar.tell("shortcuts", done, number),
            stop=stop,
            prepare=listen,
        )


class _Bar:
    """A bar for each thing that is done, on a terminal."""

    def __init__(self) -> None:
        self._progress = Progress(console=NOTES, transient=True, disable=not NOTES.is_terminal)
        self._tasks: dict[str, TaskID] = {}
        self._started = False

    def tell(self, what: str, done: int, number: int) -> None:
        """Show that so much of it is done."""
        if not self._started:  # two live displays cannot share a terminal: the scan's is over by now
            self._progress.start()
            self._started = True
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=number)
        self._progress.update(self._tasks[what], completed=done)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            self._progress.stop()
