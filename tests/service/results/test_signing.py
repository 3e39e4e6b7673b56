"""Keys that sign results: made once, kept from others, and understood by other tools."""

from __future__ import annotations

import stat
import subprocess
import threading
from pathlib import Path

import pytest

from detect.errors import ConfigError
from service.results.signing import load_or_create_key


def test_a_new_key_is_its_owners_alone_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key.pem"
    key = load_or_create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_or_create_key(path).public_bytes == key.public_bytes
    assert [entry.name for entry in path.parent.iterdir()] == ["key.pem"]
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


def test_the_default_key_lies_in_the_users_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    load_or_create_key()
    assert (tmp_path / "unmask" / "signing_key.pem").is_file()


def test_threads_that_make_a_key_at_once_get_the_same(tmp_path: Path) -> None:
    found: list[bytes] = []
    path = tmp_path / "key.pem"
    threads = [threading.Thread(target=lambda: found.append(load_or_create_key(path).public_bytes)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_key_can_be_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = load_or_create_key(path, password=lambda: "correct horse")
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert load_or_create_key(path, password=lambda: "correct horse").public_bytes == key.public_bytes
    with pytest.raises(ConfigError, match="nobody to ask"):
        load_or_create_key(path)
    with pytest.raises(ConfigError, match="password is wrong"):
        load_or_create_key(path, password=lambda: "battery staple")
    with pytest.raises(ConfigError, match="password is wrong"):
        load_or_create_key(path, password=str)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("genpkey -algorithm x25519", "another kind"),
        ("genpkey -algorithm ed448", "another kind"),
        ("version", "no private key"),
    ],
)
def test_a_key_of_another_kind_is_refused(tmp_path: Path, command: str, problem: str) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(subprocess.check_output(["openssl", *command.split()]))
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=problem):
        load_or_create_key(path)


def test_a_key_that_openssl_made_signs(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(subprocess.check_output(["openssl", "genpkey", "-algorithm", "ed25519"]))
    path.chmod(0o600)
    public = subprocess.check_output(["openssl", "pkey", "-in", str(path), "-pubout"])
    assert load_or_create_key(path).public_pem == public


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    load_or_create_key(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_or_create_key(path)
