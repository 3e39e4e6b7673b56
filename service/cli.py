"""`unmask`, the command. What is heavy is imported by the command that needs it, so that `--help` answers at once."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from detect.version import VERSION
from service.audit.cli import audit
from service.exits import Exit
from service.results_cli import compare, verify
from service.scan_cli import scan
from service.serve_cli import database, dispatch, keys, serve
from service.weights_cli import weights
from weights.errors import UnmaskError

_EPILOG = """\b
Examples:
  unmask scan interview.mp4
  unmask scan /evidence/case7.E01 --out case7
  unmask verify case7
  unmask serve
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
@click.option("--service", is_flag=True, help="Those of `unmask serve`, as a file that UNMASK_SERVICE_SETTINGS names.")
def settings(service: bool) -> None:
    """Print all settings with their defaults and meaning, as a file that `unmask scan --config` reads."""
    from service.defaults import service_toml, settings_toml

    click.echo(service_toml() if service else settings_toml())


@cli.command()
@click.argument("report", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="[default: beside it, ending in .html]")
def render(report: Path, out: Path | None) -> None:
    """Make the HTML page of a report.json again."""
    from service.scan import render_again

    click.echo(f"wrote {render_again(report, out)}")


cli.add_command(scan)
cli.add_command(verify)
cli.add_command(compare)
cli.add_command(weights)
cli.add_command(serve)
cli.add_command(dispatch)
cli.add_command(keys)
cli.add_command(database)
cli.add_command(audit)


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
