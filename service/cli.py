"""`unmask`, the command. What is heavy is imported by the command that needs it, so that `--help` answers at once."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from enum import IntEnum
from pathlib import Path
from typing import Literal

import click

from detect.version import VERSION
from service.weights_cli import weights
from weights.errors import UnmaskError


class Exit(IntEnum):
    """Exit codes of `unmask scan`; with several recordings the highest that applies."""

    NOTHING_FLAGGED = 0
    FLAGGED = 1
    USAGE = 2
    NOT_ALL_EXAMINED = 3
    INTERRUPTED = 130
    """128 + SIGINT, as shells have it."""


_EPILOG = """\b
Examples:
  unmask scan interview.mp4
  unmask scan *.wav --out results --quiet
  unmask weights fetch --all
  unmask demo demo.mp4
"""


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="unmask")
def cli() -> None:
    """Find manipulated faces and voices in recordings.

    unmask says which parts of a recording show traces of manipulation, how strong the evidence is, and what could not
    be examined and why. It works offline; only `unmask weights fetch` uses the network.
    """


_SCAN_EPILOG = """\b
For each recording two files are written to a folder of its own under --out:
  report.html   for people: one self-contained page, opens in any browser, works offline
  report.json   for programs: the same content; its schema is printed by `unmask schema`
\b
Exit codes:
  0  everything examined, nothing flagged
  1  something flagged
  2  the command line is at fault
  3  some recording could not be examined, or only in part
\b
Examples:
  unmask scan clip.mp4
  unmask scan call.wav --model aasist.asvspoof2019 --model aasist.asvspoof5
  unmask scan clip.mp4 --set sampling.min_frames=64 --set faces.min_size_px=60
"""


@cli.command(epilog=_SCAN_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="RECORDING...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("unmask-reports"),
    show_default=True,
    help="Folder for the reports; each recording gets a folder NAME-SHA256 in it.",
)
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
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="TOML file with settings; `unmask settings` prints one.",
)
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
    help="Decode in this process instead of a sandboxed child. Only for recordings that you trust.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON, one a line, and nothing else.")
@click.option("-q", "--quiet", is_flag=True, help="Print one line a recording and no progress.")
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
) -> None:
    """Examine recordings: video, sound or pictures."""
    for path in paths:  # before anything is loaded: the commonest mistake is answered at once
        if not path.is_file():
            raise click.UsageError(
                f"{path}: {'not a recording but a folder or device' if path.exists() else 'no such file'}"
            )
    style: Literal["full", "line", "json"] = "json" if as_json else "line" if quiet else "full"
    from rich.console import Console

    # Loading torch takes seconds, in which a user would wonder.
    with Console(stderr=True).status("Loading") if style == "full" else nullcontext():
        from service.scan import Request, run

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
    flagged, incomplete = run(request)
    sys.exit(Exit.NOT_ALL_EXAMINED if incomplete else Exit.FLAGGED if flagged else Exit.NOTHING_FLAGGED)


@cli.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), default=Path("demo.mp4"))
def demo(path: Path) -> None:
    """Make a demonstration recording at PATH: a moving portrait and synthetic speech, made by a recipe.

    The portrait is NASA's public-domain photograph of Eileen Collins, from the package scikit-image.
    """
    from service.demo import make_demo

    make_demo(path)
    click.echo(f"wrote {path}")


@cli.command()
def schema() -> None:
    """Print the JSON Schema of report.json."""
    from service.scan import schema_json

    click.echo(schema_json())


@cli.command()
def settings() -> None:
    """Print all settings with their defaults and meaning, as a file that `unmask scan --config` reads."""
    from service.defaults import settings_toml

    click.echo(settings_toml())


@cli.command()
@click.argument("report", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="[default: beside it, ending in .html]")
def render(report: Path, out: Path | None) -> None:
    """Make the HTML page of a report.json again."""
    from service.scan import render_again

    click.echo(f"wrote {render_again(report, out)}")


cli.add_command(weights)


def main() -> None:
    """Entry point: a user's mistake ends in one sentence and an exit code, never in a traceback."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(Exit.INTERRUPTED)
    except UnmaskError as error:
        click.echo(f"unmask: {error}", err=True)
        sys.exit(Exit.USAGE)


if __name__ == "__main__":
    main()
