"""A data folder with its two stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.vault.incoming import Incoming
from service.vault.vault import Vault


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def vault(data: Path) -> Vault:
    return Vault(data, reserve_bytes=0)


@pytest.fixture
def incoming(data: Path, vault: Vault) -> Incoming:
    return Incoming(data, vault)
