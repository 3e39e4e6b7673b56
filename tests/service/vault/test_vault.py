"""The store of evidence: what it gives is what was put in, or it says so."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from service.vault.errors import NotStored, VaultDamaged
from service.vault.incoming import Incoming
from service.vault.vault import Vault

CONTENT = b"evidence" * 10_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def receive(incoming: Incoming, number: int = 1) -> str:
    upload = f"upload_{number:032x}"
    incoming.create(upload)
    incoming.append(upload, 0, [CONTENT])
    return incoming.finish(upload).sha256


def alter(path: Path) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(1234)
        file.write(b"!")
    path.chmod(0o400)


def test_what_is_there(incoming: Incoming, vault: Vault) -> None:
    assert not vault.contains(DIGEST)
    for call in (vault.open, vault.verify, vault.set_aside):
        with pytest.raises(NotStored):
            call(DIGEST)
    receive(incoming)
    assert vault.contains(DIGEST)
    assert vault.verify(DIGEST) == len(CONTENT)
    assert list(vault.digests()) == [DIGEST]
    assert vault.set_aside(DIGEST) is None


def test_removing(incoming: Incoming, vault: Vault) -> None:
    receive(incoming)
    with vault.open(DIGEST) as file:
        assert not vault.remove(DIGEST, unless=lambda: True)
        assert vault.remove(DIGEST)
        assert not vault.remove(DIGEST)
        assert file.read() == CONTENT
    assert not vault.contains(DIGEST)
    assert list(vault.digests()) == []


@pytest.mark.parametrize(
    "name", ["", "ab", "A" * 64, "g" * 64, "a" * 65, "a" * 63 + "\n", "../" * 21 + "a", "a/" * 32, "\0" * 64]
)
def test_digests_are_digests(vault: Vault, incoming: Incoming, name: str) -> None:
    for call in (vault.path, vault.open, vault.verify, vault.remove, vault.set_aside):
        with pytest.raises(NotStored):
            call(name)
    assert not vault.contains(name)


def test_evidence_that_was_altered_is_never_built_on(data: Path, incoming: Incoming, vault: Vault) -> None:
    receive(incoming)
    alter(vault.path(DIGEST))
    with pytest.raises(VaultDamaged, match="SHA-256"):
        vault.verify(DIGEST)
    with pytest.raises(VaultDamaged):  # the good bytes stay where they are until somebody has looked
        receive(incoming, 2)
    aside = vault.set_aside(DIGEST)
    assert aside is not None
    assert aside.read_bytes() != CONTENT
    assert incoming.finish(f"upload_{2:032x}").sha256 == DIGEST
    assert vault.verify(DIGEST) == len(CONTENT)
    assert aside.exists()
    assert list(vault.digests()) == [DIGEST]


@pytest.mark.parametrize("kind", ["cut", "longer", "link", "folder", "pipe"])
def test_what_is_no_such_file(tmp_path: Path, incoming: Incoming, vault: Vault, kind: str) -> None:
    receive(incoming)
    path = vault.path(DIGEST)
    if kind in ("cut", "longer"):
        path.chmod(0o600)
        os.truncate(path, len(CONTENT) + (1 if kind == "longer" else -1))
    else:
        moved = tmp_path / "moved"
        path.rename(moved)
        {"link": lambda: path.symlink_to(moved), "folder": path.mkdir, "pipe": lambda: os.mkfifo(path)}[kind]()
        with pytest.raises(VaultDamaged):
            vault.open(DIGEST)
    with pytest.raises(VaultDamaged):
        vault.verify(DIGEST)
    with pytest.raises(VaultDamaged):
        receive(incoming, 2)


def test_opening_a_vault_writes_nothing(data: Path) -> None:
    vault = Vault(data, reserve_bytes=0)
    assert not vault.contains(DIGEST)
    assert list(vault.digests()) == []
    assert not data.exists()
