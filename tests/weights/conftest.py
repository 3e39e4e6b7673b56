"""Every test here has its own cache and looks nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from weights import http


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("UNMASK_WEIGHTS", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(http, "_BACKOFF_SECONDS", 0.0)
    return tmp_path / "cache" / "weights"
