"""What every test shares: the development data, and no sockets but loopback."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path | None:
    """Folder of the development data; None where this machine has none."""
    folder = Path(os.environ.get("UNMASK_SHARED", ROOT / ".." / "shared")).resolve()
    return folder if (folder / "media" / "protocol.csv").is_file() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = shared_folder()
    if folder is None:
        pytest.skip("no development data: set UNMASK_SHARED to the folder that holds media/, faces/, voice/, weights/")
    return folder


@pytest.fixture(scope="session")
def cuda() -> str:
    """A CUDA device; `REQUIRE_CUDA=1` turns the skip into a failure of the test itself."""
    if not torch.cuda.is_available() and not os.environ.get("REQUIRE_CUDA"):
        pytest.skip("no CUDA device")
    return "cuda"


@pytest.fixture(autouse=True)
def _ordinary_scheduling() -> Iterator[None]:
    """SVT-AV1, when a test encodes with it as root, gives its caller real-time priority and leaves it there.

    Whatever is started afterwards inherits it, and a child that hangs on purpose then keeps a core from everybody else.
    """
    yield
    if hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in this project reaches outside the machine, tests included."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
