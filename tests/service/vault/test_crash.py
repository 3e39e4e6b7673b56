"""An upload that is killed at any point, or loses power: what was answered holds, and it can be gone on with."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.vault.errors import UploadUnknown
from service.vault.incoming import Incoming
from service.vault.vault import Vault
from tests.service.vault.disks import image_disk
from tests.service.vault.uploading import DIGEST, ID, MOVIE, PIECES, checksum, upload, write_down


class Uploads:
    """Uploads in processes that end early."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def begin(self, folder: Path, point: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{folder} {point}\n")
        self._process.stdin.flush()

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def end(self) -> tuple[list[tuple[str, int]], int]:
        told = json.loads(self.line())
        return [(what, value) for what, value in told["answers"]], told["status"]


@pytest.fixture(scope="module")
def uploads() -> Iterator[Uploads]:
    command = [sys.executable, "-m", "tests.service.vault.uploading"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Uploads(process)
        assert process.stdin is not None
        process.stdin.close()


def see_that_it_holds(folder: Path, answers: list[tuple[str, int]]) -> None:
    """Hold what is on the disk against what was answered, and bring the upload to its end."""
    vault = Vault(folder, reserve_bytes=0)
    incoming = Incoming(folder, vault)
    recorded = (folder / "recorded").exists() and (folder / "recorded").read_text() == DIGEST
    if recorded or ("stored", len(MOVIE)) in answers:
        assert vault.verify(DIGEST) == len(MOVIE)
    try:
        offset = incoming.offset(ID)
    except UploadUnknown:
        assert not answers or recorded  # never begun, or finished
        with contextlib.suppress(UploadUnknown):
            incoming.discard(ID)
    else:
        assert ("finished", len(MOVIE)) not in answers
        assert offset >= max((value for what, value in answers if what == "offset"), default=0)
        assert (folder / "incoming" / ID).read_bytes() == MOVIE[:offset]
        for start, end, checked in PIECES:
            assert not (checked and start < offset < end)
        if offset < len(MOVIE):
            incoming.append(ID, offset, [MOVIE[offset:]])
        incoming.finish(ID, DIGEST, record=lambda stored: write_down(folder, stored))
        assert vault.verify(DIGEST) == len(MOVIE)
    assert list(incoming.uploads()) == []
    assert [path for path in (folder / "incoming").iterdir() if "probe" not in path.name] == []


def test_killed_before_each_of_its_calls(tmp_path: Path, uploads: Uploads) -> None:
    point, status = 0, -signal.SIGKILL
    seen = set()
    while status == -signal.SIGKILL:
        point += 1
        folder = tmp_path / str(point)
        uploads.begin(folder, point)
        answers, status = uploads.end()
        seen.add(len(answers))
        folder.mkdir(exist_ok=True)
        see_that_it_holds(folder, answers)
        shutil.rmtree(folder)
    assert status == 0
    assert point > 60
    assert seen == set(range(len(PIECES) + 4))


def test_killed_at_any_time(tmp_path: Path, uploads: Uploads) -> None:
    killed = 0
    for number in range(40):
        folder = tmp_path / str(number)
        uploads.begin(folder, 0)
        process = int(uploads.line())
        time.sleep(number * 0.001)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        answers, status = uploads.end()
        assert status in (0, -signal.SIGKILL)
        killed += status != 0
        folder.mkdir(exist_ok=True)
        see_that_it_holds(folder, answers)
    assert killed >= 5


def test_the_power_fails_after_each_answer(tmp_path: Path) -> None:
    image, snapshots = tmp_path / "disk", []
    with image_disk(image, tmp_path / "mounted") as disk:
        (disk / "unsynced").write_bytes(b"not on the disk yet")

        def said(what: str, value: int) -> None:
            snapshot = tmp_path / f"snapshot{len(snapshots)}"
            shutil.copyfile(image, snapshot)  # what the disk was given until now, and no more
            snapshots.append((snapshot, (what, value)))

        shutil.copyfile(image, tmp_path / "before")
        upload(disk / "data", said)
    with image_disk(tmp_path / "before", tmp_path / "after") as disk:
        assert not (disk / "unsynced").exists()  # a copy is as a power cut leaves it
    assert len(snapshots) == len(PIECES) + 3
    for number, (snapshot, _) in enumerate(snapshots):
        with image_disk(snapshot, tmp_path / "after") as disk:
            see_that_it_holds(disk / "data", [answer for _, answer in snapshots[: number + 1]])


def test_the_power_fails_in_a_piece_with_a_checksum(tmp_path: Path) -> None:
    image, snapshot = tmp_path / "disk", tmp_path / "snapshot"
    with image_disk(image, tmp_path / "mounted") as disk:
        incoming = Incoming(disk, Vault(disk, reserve_bytes=0))
        incoming.create(ID)
        incoming.append(ID, 0, [MOVIE[:1000]])
        with incoming.writer(ID, 1000, checksum=checksum(MOVIE[1000:])) as writer:
            writer.write(MOVIE[1000:200_000])
            with (disk / "incoming" / ID).open("rb") as file:
                os.fsync(file.fileno())  # the kernel may write bytes at any time
            shutil.copyfile(image, snapshot)
    with image_disk(snapshot, tmp_path / "after") as disk:
        assert (disk / "incoming" / ID).stat().st_size == 200_000
        incoming = Incoming(disk, Vault(disk, reserve_bytes=0))
        assert incoming.offset(ID) == 1000
        assert (disk / "incoming" / ID).stat().st_size == 1000
