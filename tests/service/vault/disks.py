"""Disks for tests: small, read only, and as a power cut leaves them. Mounting takes root; without it the tests skip."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory, with options as mount(8) takes them."""
    with _mounted(folder, "-t", "tmpfs", "-o", options, "tmpfs"):
        yield folder


@contextmanager
def image_disk(image: Path, folder: Path) -> Iterator[Path]:
    """An ext4 in a file. Only what somebody syncs gets into the file: it writes nothing by itself for minutes."""
    if not image.exists():
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("no mkfs.ext4")
        with image.open("wb") as file:
            file.truncate(16 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    with _mounted(folder, "-o", "loop,commit=300", str(image)):
        yield folder


def resize(folder: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


@contextmanager
def _mounted(folder: Path, *what: str) -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("mounting a disk takes root")
    folder.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", *what, str(folder)], check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let us mount a disk")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
