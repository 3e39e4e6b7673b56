"""`unmask audit`: what it writes, what it prints, and its exit codes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from detect.errors import ConfigError
from service.audit import commands
from service.audit.cli import audit as command
from service.results.signing import load_or_create_key
from service.store.database import Store
from service.store.schema import audit, cases, people
from tests.pipelines.ledger.servers import Server
from tests.service.audit.logs import CASE, OTHER_CASE, change, fill, judge, read

NUM = 9


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    load_or_create_key(path)
    return path


@pytest.fixture
def public_key(key: Path, tmp_path: Path) -> Path:
    path = tmp_path / "public.pem"
    path.write_bytes(load_or_create_key(key).public_pem)
    return path


@pytest.fixture
def database(path: Path) -> Path:
    """A service's database with a log."""
    with closing(Store.open(path)) as store:
        with store.write() as db:
            db.execute(insert(people).values(id="p", name="P", created_at=0.0))
            db.execute(insert(cases).values(id=CASE, name="C", reference="", created_by="p", created_at=0.0))
        fill(store, NUM)
    return path


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def spoil(database: Path, act: Callable[[Store], object]) -> None:
    with closing(Store.open(database)) as store:
        act(store)


def test_a_good_log(database: Path) -> None:
    result = run("verify", "--database", database)
    assert result.exit_code == 0
    assert f"entries as they were written: {NUM}" in result.output
    assert "GOOD: all is as it was written" in result.output
    assert run("verify", env={"UNMASK_SERVICE_DATABASE": str(database)}).exit_code == 0


def test_a_log_in_postgresql(server: Server) -> None:
    with closing(Store.open(server.url())) as store:
        with store.write() as db:
            db.execute(audit.delete())
        fill(store, NUM)
    assert run("verify", "--database", server.url()).exit_code == 0


def test_an_entry_that_was_edited(database: Path) -> None:
    spoil(database, lambda store: change(store, 4, object="other"))
    result = run("verify", "--database", database)
    assert result.exit_code == 1
    assert "problem (edited): entry 4 " in result.output


def test_checkpoints_and_exports_of_a_log(database: Path, key: Path, public_key: Path, tmp_path: Path) -> None:
    one, two, out, of_case = (tmp_path / name for name in ("one", "two", "log.jsonl", "case.jsonl"))
    assert run("checkpoint", one, "--database", database, "--sign-key", key).exit_code == 0
    assert run("export", out, "--database", database).exit_code == 0
    assert run("export", of_case, "--database", database, "--case", CASE).exit_code == 0
    result = run("checkpoint", two, "--database", database, "--sign-key", key)
    assert load_or_create_key(key).fingerprint in result.output
    assert {stat.S_IMODE(path.stat().st_mode) for path in (one, two, out, of_case)} == {0o600}

    marks = ["--checkpoint", str(one), "--public-key", str(public_key)]
    assert run("verify", "--database", database, *marks, "--checkpoint", two).exit_code == 0
    for file in (out, of_case):
        result = run("verify", file, *marks)
        assert result.exit_code == 0
        assert "checkpoints that it goes through: 1" in result.output
    result = run("verify", out, *marks, "--checkpoint", two)
    assert result.exit_code == 1
    assert f"problem (truncated): entry {NUM + 3} is missing" in result.output


def test_the_log_says_what_was_taken_from_it(database: Path, key: Path, tmp_path: Path) -> None:
    run("checkpoint", tmp_path / "one", "--database", database, "--sign-key", key)
    run("export", tmp_path / "two", "--database", database, "--case", CASE)
    with closing(Store.open(database)) as store:
        assert [(entry.action, entry.case_id) for entry in read(store)[NUM:]] == [
            ("checkpoint", None),
            ("audit_read", CASE),
        ]
        assert judge(store).good


def test_a_checkpoint_begins_a_log_that_is_empty(path: Path, key: Path, tmp_path: Path) -> None:
    assert run("verify", "--database", path).exit_code == 1
    assert run("checkpoint", tmp_path / "one", "--database", path, "--sign-key", key).exit_code == 0
    assert run("verify", "--database", path, "--checkpoint", tmp_path / "one").exit_code == 0


def test_another_key_is_not_the_signers(database: Path, key: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(load_or_create_key(tmp_path / "other_key.pem").public_pem)
    run("checkpoint", tmp_path / "one", "--database", database, "--sign-key", key)
    result = run("verify", "--database", database, "--checkpoint", tmp_path / "one", "--public-key", other)
    assert result.exit_code == 1
    assert "problem (checkpoint_signature)" in result.output


@pytest.mark.parametrize("arguments", [["verify"], ["checkpoint", "out"], ["export", "out"]])
def test_a_database_that_is_not_there_is_not_made(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="there is no database"):
        run(*arguments)
    with pytest.raises(ConfigError, match="there is no database nowhere"):
        run(*arguments, "--database", "nowhere")
    assert not [path for path in tmp_path.rglob("*") if path.name in ("out", "nowhere", "service.sqlite")]


def test_the_settings_say_where_database_and_key_are(database: Path, key: Path, tmp_path: Path) -> None:
    env = {"UNMASK_SERVICE_DATABASE": str(database), "UNMASK_SERVICE_SIGNING_KEY": str(key)}
    result = run("checkpoint", tmp_path / "one", env=env)
    assert load_or_create_key(key).fingerprint in result.output
    assert run("verify", "--checkpoint", tmp_path / "one", env=env).exit_code == 0


def test_a_file_that_is_not_finished_does_not_stay(tmp_path: Path) -> None:
    """Half an export would look like a log that was cut off."""

    def lines() -> Iterator[bytes]:
        yield b"one\n"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ConfigError, match="No space left"):
        commands._write_new(tmp_path / "out", lines())
    assert not list(tmp_path.iterdir())


def test_a_file_or_a_database_but_not_both(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"")
    result = run("verify", file, "--database", database)
    assert result.exit_code == 2
    assert "not both" in result.output


def test_nothing_is_written_over(database: Path, key: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.symlink_to(tmp_path / "nothing")
    calls: list[list[str | Path]] = [["checkpoint", out, "--sign-key", key], ["export", out]]
    for arguments in calls:
        with pytest.raises(ConfigError, match="is there already"):
            run(*arguments, "--database", database)
    with closing(Store.open(database)) as store:
        assert len(read(store)) == NUM


def test_what_is_none_is_told(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with pytest.raises(ConfigError, match="file: this is no checkpoint"):
        run("verify", "--database", database, "--checkpoint", file)
    with pytest.raises(ConfigError, match="no Ed25519 public key"):
        run("verify", "--database", database, "--public-key", file)
    with pytest.raises(ConfigError, match="there is no case"):
        run("export", tmp_path / "out", "--database", database, "--case", OTHER_CASE)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="No such file"):
        run("export", tmp_path / "no folder" / "out", "--database", database)


def test_a_log_without_its_beginning_gets_no_checkpoint(database: Path, key: Path, tmp_path: Path) -> None:
    def behead(store: Store) -> None:
        with store.write() as db:
            db.execute(audit.delete().where(audit.c.seq == 1))

    spoil(database, behead)
    with pytest.raises(ConfigError, match="no beginning"):
        run("checkpoint", tmp_path / "one", "--database", database, "--sign-key", key)
    assert not (tmp_path / "one").exists()
