"""SQLite's ledger: a file that is locked, damaged, of another program, or cannot be written."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from detect.errors import ConfigError, DeviceError
from pipelines.ledger.sqlite import SqliteLedger
from pipelines.ledger.sqlite_schema import VERSION, checked
from tests.pipelines.ledger.recipes import consistent, entries, facts, leased, result

_PAGE_BYTES = 4_096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with some items, closed."""
    path = tmp_path / "ledger.sqlite"
    with closing(SqliteLedger(path)) as ledger:
        ledger.begin(facts("job"))
        ledger.add(entries(500))
    return path


def _killed_while_open(path: Path) -> None:
    """Leave what a process leaves that was killed: its log."""
    code = (
        "import os, sys; from pathlib import Path; from pipelines.ledger.sqlite import SqliteLedger\n"
        "ledger = SqliteLedger(Path(sys.argv[1])); ledger.complete_inventory(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 9
    assert path.with_name(path.name + "-wal").exists()


def _damage(path: Path) -> None:
    """Overwrite the pages from the fifth on, of tables and indexes alike."""
    with path.open("r+b") as file:
        file.seek(4 * _PAGE_BYTES)
        file.write(b"\xa5" * (path.stat().st_size - 4 * _PAGE_BYTES))


def test_a_killed_ledger_opens_again(path: Path) -> None:
    _killed_while_open(path)
    with closing(SqliteLedger(path)) as ledger:
        assert consistent(ledger).inventory_complete
    assert not path.with_name(path.name + "-wal").exists()


def test_damage_is_found_when_the_last_end_was_a_kill(path: Path) -> None:
    _killed_while_open(path)
    _damage(path)
    with pytest.raises(ConfigError, match=r"damaged .*\.recover"):
        SqliteLedger(path)


def test_damage_is_told_when_it_is_met(path: Path) -> None:
    _damage(path)
    assert checked(path) != "ok"
    with closing(SqliteLedger(path)) as ledger, pytest.raises(ConfigError, match="damaged"):
        consistent(ledger)


def test_a_whole_file_is_found_whole(path: Path) -> None:
    assert checked(path) == "ok"


@pytest.mark.parametrize("content", [b"no database " * 1_000, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_no_database_at_all(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="damaged"):
        SqliteLedger(path)
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.touch()
    with closing(SqliteLedger(path)) as ledger:
        ledger.begin(facts("job"))
    assert checked(path) == "ok"


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE items (id)")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="another program"):
        SqliteLedger(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(ConfigError, match=f"newer unmask .schema {VERSION + 1}"):
        SqliteLedger(path)


def test_a_lock_is_waited_for(path: Path) -> None:
    with closing(SqliteLedger(path)) as ledger, closing(sqlite3.connect(path, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, other.rollback)
        release.start()
        (lease,) = leased(ledger, limit=1)
        release.join()
        assert ledger.finish(lease, result())


def test_a_lock_that_stays_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.ledger.sqlite_schema._BUSY_SECONDS", 0.1)
    with closing(SqliteLedger(path)) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DeviceError, match="locked"):
            leased(ledger)
        assert ledger.counts().pending == 500  # reading goes on
        with pytest.raises(DeviceError, match="locked"):
            SqliteLedger(path)
        other.rollback()
        assert len(leased(ledger, limit=1)) == 1


@pytest.mark.parametrize("path_of", ["missing/ledger.sqlite", "."])
def test_where_no_file_can_be(tmp_path: Path, path_of: str) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        SqliteLedger(tmp_path / path_of)


def test_a_file_that_may_only_be_read(path: Path) -> None:
    path.chmod(0o444)
    path.parent.chmod(0o555)
    code = (
        "import sys; from pathlib import Path; from detect.errors import ConfigError\n"
        "from pipelines.ledger.sqlite import SqliteLedger\n"
        "try: SqliteLedger(Path(sys.argv[1]))\n"
        "except ConfigError as error: print(error)"
    )
    call = [sys.executable, "-c", code, str(path)]
    if os.geteuid() == 0:  # root may write what it likes, unless it gives that right up
        call = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override", *call]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    path.parent.chmod(0o755)
    assert "cannot be opened for writing" in done.stdout
