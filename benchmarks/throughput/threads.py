"""How many threads torch works with: this program sets one a computation, a program that sets nothing has more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch


@cache
def default_threads() -> int:
    """Threads that torch takes in a process where nobody says how many; asked of such a process."""
    command = [sys.executable, "-c", "import torch; print(torch.get_num_threads())"]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch work with so many threads in the calling thread, and put back what was there."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
