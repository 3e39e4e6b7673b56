"""Converted checkpoints go to a folder of this test run, not to the user's cache."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(_cache))
    monkeypatch.delenv("UNMASK_WEIGHTS", raising=False)


@pytest.fixture(autouse=True)
def _inference() -> object:
    with torch.inference_mode():
        yield
