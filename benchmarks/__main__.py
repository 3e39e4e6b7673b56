"""`python -m benchmarks`: every number in the README and the cards is printed by one of these commands."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks import runs_cli

RESULTS = Path(__file__).parent / "results"

_shared = click.option(
    "--shared",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="UNMASK_SHARED",
    default=Path("../shared"),
    show_default=True,
    help="Folder with development data: media/, faces/, voice/, weights/.",
)
_out = click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=RESULTS, show_default=True)


@click.group()
def main() -> None:
    """Measure unmask. Results are written to benchmarks/results/."""


@main.command()
@_shared
@_out
@click.option("--only", default="", help="Parts, comma-separated: face-crops, voice, laundering, shortcuts, subgroups.")
@click.option("--all", "everything", is_flag=True, help="Launder for every checkpoint: hours on a small machine.")
def checkpoints(shared: Path, out: Path, only: str, *, everything: bool) -> None:
    """Our checkpoints beside those of others on the same rows; logits that are on file are not computed again."""
    from benchmarks.checkpoints import PARTS, measure

    parts = [part.strip() for part in only.split(",") if part.strip()]
    if unknown := sorted(set(parts) - set(PARTS)):
        raise click.BadParameter(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    measure(shared, out, only=parts, everything=everything)


@main.command()
@_shared
@_out
def abstention(shared: Path, out: Path) -> None:
    """Risk against coverage on degraded validation trials: from how small, blurred or short a piece to abstain."""
    from benchmarks.abstention import measure

    measure(shared, out)


@main.command()
@click.argument("recording", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--repeats", default=5, show_default=True, help="Runs of each; the median is printed.")
@click.option("--only", default="", help="Parts, comma-separated: stages, baselines, batches, workers, cold, memory.")
@_out
def throughput(recording: Path | None, repeats: int, only: str, out: Path) -> None:
    """Time and memory, side by side in one run: stages, plain baselines, batch sizes, workers, cold starts.

    Without RECORDING a 10-second 1080p30 H.264 clip with one face and speech is made by a recipe. Some minutes.
    """
    from benchmarks.throughput import measure

    with runs_cli.clear_errors():
        measure(recording, repeats, out, only=[part.strip() for part in only.split(",") if part.strip()])


@main.command()
@_out
def memory(out: Path) -> None:
    """Peak memory of a 2-hour recording against a 2-minute one; takes about a quarter of an hour."""
    from benchmarks.throughput import measure_memory

    measure_memory(out)


@main.command()
@click.option("--items", default=300, show_default=True, help="Files; a tenth of them break their decoder.")
@click.option("--kills", default=20, show_default=True, help="Times that the dispatcher is killed.")
@_out
def storm(items: int, kills: int, out: Path) -> None:
    """Fault storm: decoders that break, workers and dispatcher killed at random; every item must end once."""
    from benchmarks.storm import measure

    measure(items, kills, out)


@main.command()
@_out
def scan(out: Path) -> None:
    """Queue and sandbox an item, and throughput with 1 and 2 workers, against examining in the process."""
    from benchmarks.scan import measure

    measure(out)


@main.command()
@click.option("--items", default=1_000_000, show_default=True, help="Files.")
@_out
def scale(items: int, out: Path) -> None:
    """List, resume and cancel a million tiny files: seconds and memory."""
    from benchmarks.scan import measure_scale

    measure_scale(items, out)


@main.command()
@_shared
@_out
def archive(shared: Path, out: Path) -> None:
    """Scan the development recordings packed into nested archives and a disk image, with damage among them."""
    from benchmarks.archive import measure

    measure(shared, out)


@main.command()
@click.option("--seconds", default=5.0, show_default=True, help="Of each row; there are 15.")
@_out
def load(seconds: float, out: Path) -> None:
    """Requests a second, their times and the API's memory, on the loopback network; takes some minutes."""
    from benchmarks.load import measure

    measure(seconds, out)


for command in (
    runs_cli.datasets,
    runs_cli.validate,
    runs_cli.run,
    runs_cli.score,
    runs_cli.compare,
    runs_cli.table,
    runs_cli.robustness,
    runs_cli.launderings,
    runs_cli.adversarial,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
