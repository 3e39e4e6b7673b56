"""Schemas: made, held to the tables in code, brought up, refused where older or newer; also twice at a time."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from detect.errors import ConfigError
from service.problems import Unavailable
from service.store import database as module
from service.store.database import Store
from service.store.schema import metadata
from tests.service.store.desk import Desk

_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"


def migrate(place: str) -> subprocess.Popen[str]:
    """`unmask database migrate`, begun."""
    call = [sys.executable, "-m", "service.cli", "database", "migrate", "--database", place]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def set_revision(place: str, revision: str) -> None:
    address = place.replace("postgresql://", "postgresql+psycopg://") if "://" in place else f"sqlite:///{place}"
    engine = create_engine(address)
    with engine.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()


@pytest.fixture
def older(empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that an older version made: this one's migrations, with one more behind them."""
    Store.open(empty, migrate=True).close()
    folder = tmp_path / "migrations"
    versions = folder / "versions"
    versions.mkdir(parents=True)
    for source in (module.MIGRATIONS / "env.py", *(module.MIGRATIONS / "versions").glob("0*.py")):
        target = folder / source.relative_to(module.MIGRATIONS)
        target.write_text(source.read_text())
    head = max(path.name.split("_")[0] for path in versions.glob("0*.py"))
    (versions / "9000_one_more.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision, down_revision, branch_labels, depends_on = '9000', '{head}', None, None\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('people') as table:\n"
        "        table.add_column(sa.Column('colour', sa.Text(), nullable=True))\n"
    )
    monkeypatch.setattr(module, "MIGRATIONS", folder)
    return empty


def test_the_schema_is_the_one_in_the_code(empty: str) -> None:
    with closing(Store.open(empty, migrate=True)) as store, store.read() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []


def test_an_empty_database_is_refused_until_its_tables_are_made(empty: str) -> None:
    with pytest.raises(ConfigError, match=r"schema none, this version needs \d+: `unmask database migrate`"):
        Store.open(empty)
    Store.open(empty, create=True).close()
    Store.open(empty).close()
    Store.open(empty, migrate=True).close()  # nothing is left to do


def test_an_older_schema_is_refused_by_name_and_brought_up_when_asked(older: str) -> None:
    for create in (False, True):
        with pytest.raises(ConfigError, match=r"schema \d+, this version needs 9000: `unmask database migrate`"):
            Store.open(older, create=create)
    with closing(Store.open(older, migrate=True)) as store, store.write() as db:
        db.execute(text("INSERT INTO people (id, name, created_at, colour) VALUES ('p', 'n', 0, 'red')"))


def test_what_was_in_an_older_database_is_still_there(older: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", Path(module.__file__).parent / "migrations")
        with closing(Store.open(older)) as store:
            job = Desk(store).hand_in("a")
    with closing(Store.open(older, migrate=True)) as store, store.read() as db:
        assert db.scalar(text("SELECT id FROM jobs")) == job
        assert db.scalar(text("SELECT count(*) FROM people WHERE colour IS NULL")) == 1


@pytest.mark.parametrize("how", [{}, {"create": True}, {"migrate": True}])
def test_a_newer_schema_is_refused_by_name(place: str, how: dict[str, bool]) -> None:
    set_revision(place, "9999")
    with pytest.raises(ConfigError, match="schema 9999, of a newer version"):
        Store.open(place, **how)


def test_the_command_says_so_in_one_sentence(place: str) -> None:
    set_revision(place, "9999")
    process = migrate(place)
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert said.startswith("unmask: ")
    assert "schema 9999" in said
    assert said.count("\n") == 1


def test_two_that_migrate_at_once(empty: str) -> None:
    processes = [migrate(empty) for _ in range(3)]
    for process in processes:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    with closing(Store.open(empty)) as store:
        Desk(store).hand_in("a")


def test_a_migration_that_is_cut_off_leaves_nothing(empty: str, older: str) -> None:
    broken = module.MIGRATIONS / "versions" / "9000_one_more.py"
    broken.write_text(broken.read_text() + "        raise RuntimeError('cut off')\n")
    with pytest.raises(RuntimeError, match="cut off"):
        Store.open(older, migrate=True)
    with pytest.raises(ConfigError, match="needs 9000"):
        Store.open(empty)


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute(_TABLE)
        db.execute("INSERT INTO alembic_version VALUES ('abcdef012345')")
        db.commit()
    with pytest.raises(ConfigError, match="schema abcdef012345"):
        Store.open(path, migrate=True)


def test_addresses_that_are_none(tmp_path: Path) -> None:
    for place in ("mysql://host/name", "nonsense://", "postgresql://host:port/name"):
        with pytest.raises(ConfigError):
            Store.open(place, migrate=True)
    (tmp_path / "text").write_text("no database, but long enough to be taken for a page of one. " * 100)
    with pytest.raises(ConfigError, match="damaged"):
        Store.open(tmp_path / "text", migrate=True)


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(Unavailable) as caught:
        Store.open("postgresql://somebody:hunter2@127.0.0.1:1/name")
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in str(error)
        error = error.__cause__
