"""`unmask serve`, `unmask dispatch`, `unmask database` and `unmask keys`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from service.exits import Exit

_EPILOG = """\b
Examples:
  unmask serve
  unmask serve --data /srv/unmask --port 8422
  unmask keys add "Ada Lovelace" --scopes submit,read,review

Every setting can be given as an environment variable, UNMASK_SERVICE_PORT=8422, or in a TOML file named by
UNMASK_SERVICE_SETTINGS; docs/service.md lists them.
"""


def _options(command: Any) -> Any:
    """What the commands of the service have in common."""
    for option in (
        click.option("--database", metavar="URL", help="postgresql://... [default: a file in the data folder]"),
        click.option(
            "--data", type=click.Path(path_type=Path, file_okay=False), help="Folder of evidence and results."
        ),
    ):
        command = option(command)
    return command


@click.command(epilog=_EPILOG)
@_options
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=int, help="[default: 8422]")
@click.option("--engine", type=click.Choice(["ray", "local"]), help="How recordings are examined. [default: ray]")
@click.option("--workers", type=click.IntRange(min=1), help="Recordings at the same time. [default: one for each CPU]")
@click.option("--gpus", type=float, help="GPUs for the models. [default: 0, the CPU]")
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Settings of examinations."
)
@click.option("--no-dispatcher", is_flag=True, help="Only the API; `unmask dispatch` examines elsewhere.")
def serve(no_dispatcher: bool, **values: Any) -> None:
    """Start the service on this machine: API, web page, dispatcher and database, with one command.

    At the first start it prints a key, once. Ctrl-C ends it in good order: what is being examined is given back and
    goes on at the next start.
    """
    from service.serve import serve as run
    from service.settings import as_environment, load_settings

    run(load_settings(**values), passed=as_environment(values), tell=click.echo, dispatcher=not no_dispatcher)


@click.command()
@_options
def dispatch(**values: Any) -> None:
    """Examine what is handed in to a service that runs elsewhere, with the same database and data folder."""
    from service.live.process import run_process
    from service.settings import load_settings

    code = run_process(load_settings(**values))
    if code is not Exit.NOTHING_FLAGGED:
        raise SystemExit(code)


@click.group()
def database() -> None:
    """Look after the service's database."""


@database.command()
@_options
def migrate(**values: Any) -> None:
    """Bring the database to the schema of this version, or make it. Make a copy first."""
    from service.settings import load_settings
    from service.store.database import Store

    settings = load_settings(**values)
    Store.open(settings.database_place, migrate=True).close()
    click.echo("the database has this version's schema")


@database.command()
@_options
def purge(**values: Any) -> None:
    """Delete what is over, as a running service does each hour, and evidence and results that nothing belongs to.

    What is over is a job, by its case's time or else by `retention_days`, with its evidence; and uploads, sessions and
    events. The day's checkpoint of the audit log is written. Exits with 3 where something could not be done.
    """
    from service.live.housekeeping import keep_house
    from service.opening import open_service
    from service.settings import load_settings

    service = open_service(load_settings(**values))
    done, failed = keep_house(service, sweep=True)
    service.store.close()
    for name, number in done.items():
        click.echo(f"{name}: {number}")
    for name, why in failed.items():
        click.echo(f"{name}: failed, {why}", err=True)
    if failed:
        raise SystemExit(Exit.NOT_ALL_EXAMINED)


@click.group()
def keys() -> None:
    """Make, list and revoke API keys, on the machine of the service."""


@keys.command("list")
@_options
def list_keys(**values: Any) -> None:
    """List all keys, without their secrets."""
    from datetime import UTC, datetime

    from service.settings import load_settings
    from service.store import keys as store
    from service.store.database import Store

    database_ = Store.open(load_settings(**values).database_place)
    with database_.read() as db:
        for key in store.list_keys(db):
            until = "revoked" if key.revoked_at else "valid"
            made = datetime.fromtimestamp(key.created_at, UTC).date()
            click.echo(f"{key.id}  {made}  {until:8} {','.join(key.scopes):28} {key.person}: {key.label}")
    database_.close()


@keys.command()
@_options
@click.argument("name")
@click.option("--scopes", default="submit,read,review", show_default=True, help="Of submit, read, review, admin.")
@click.option("--label", default="made on the command line", show_default=True)
@click.option("--days", type=click.IntRange(min=1), help="Valid for so long. [default: until it is revoked]")
def add(name: str, scopes: str, label: str, days: int | None, **values: Any) -> None:
    """Make a key for the person NAME, who is added where nobody is called so; prints its secret, once."""
    from service.key_making import make_key

    click.echo(make_key(values, name, scopes.split(","), label, days))


@keys.command()
@_options
@click.argument("key")
def revoke(key: str, **values: Any) -> None:
    """Revoke the key with the id KEY, and end the sessions that were begun with it."""
    from service.key_making import end_key

    end_key(values, key)
    click.echo("revoked")
