"""Images with flipped and cut bytes end in a closed state, each in a process of its own, since C may fall over them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines.evidence import images

MUTANTS = int(os.environ.get("MUTANTS", "24"))
"""Of each kind; more by the environment, for a long look."""
SECONDS = 30
"""Deadline of one mutant; one takes some 20 ms."""
MAX_FILES = 20_000
_LIST = """
import json, os, signal, sys
from pathlib import Path
from detect.errors import InputError
from pipelines.evidence.image import ImageReader

def listed(path, deleted):
    ends = []
    try:
        with ImageReader(Path(path), include_deleted=deleted) as reader:
            for file in reader.files():
                if len(ends) >= int(sys.argv[1]):
                    break
                try:
                    with reader.open(file.key) as stream:
                        stream.read(1 << 20)
                    ends.append("read")
                except InputError as error:
                    ends.append(str(error.state))
            return [reader.state, sorted(set(ends))]
    except InputError as error:
        return [str(error.state), []]

for number, path in enumerate(sys.argv[3:]):
    child = os.fork()
    if child == 0:
        signal.alarm(int(sys.argv[2]))
        print(json.dumps([0, *listed(path, number % 2 == 1)]), flush=True)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        print(json.dumps([status, path, []]), flush=True)
"""
A, B = images.noise(100_000, 1), images.noise(500, 2)


def make(kind: str, folder: Path) -> Path:
    """A small image of a kind."""
    path = folder / "x.img"
    if kind == "ntfs":
        return images.ntfs(path, {"a.mov": A, "b.txt": B, "b.txt:s": A}, size=4 * images.MEBIBYTE)
    if kind == "fat":
        return images.fat(path, {"a.mov": A, "dir/b.mov": B}, bits=12, size=images.MEBIBYTE)
    if kind == "exfat":
        return images.exfat(path, "a.mov", A, size=4 * images.MEBIBYTE)
    disk = images.ext(path, {b"a.mov": A, b"x/y/b.mov": B}, size=2 * images.MEBIBYTE)
    if kind == "ewf":
        return images.ewf(disk, folder / "case", compression="fast")
    return images.gpt(folder / "x.dd", [disk.read_bytes()]) if kind == "gpt" else disk


def mutate(data: bytearray, chance: random.Random) -> bytearray:
    """Change some bytes that are not zero, or what lies in the first 64 kB; sometimes cut."""
    used = [place for place in range(0, len(data), 16) if any(data[place : place + 16])]
    for _ in range(chance.choice([1, 8, 64, 512])):
        place = chance.choice(used) + chance.randrange(16) if chance.random() < 0.7 else chance.randrange(1 << 16)
        data[min(place, len(data) - 1)] = chance.choice([0, 0xFF, 0x7F, chance.randrange(256)])
    return data[: chance.randrange(len(data))] if chance.random() < 0.15 else data


@pytest.mark.parametrize("kind", ["ext", "ntfs", "fat", "exfat", "gpt", "ewf"])
def test_closed_states_only(tmp_path: Path, kind: str) -> None:
    path = make(kind, tmp_path)
    data = path.read_bytes()
    chance = random.Random(f"{kind} 1")  # noqa: S311 - no secret
    paths = [tmp_path / f"mutant{number:04d}{path.suffix}" for number in range(MUTANTS)]
    for mutant in paths:
        mutant.write_bytes(mutate(bytearray(data), chance))
    command = [sys.executable, "-c", _LIST, str(MAX_FILES), str(SECONDS), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    ends = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(ends) == MUTANTS
    died = 0
    for status, state, files in ends:
        assert status <= 0, f"{state}: {done.stderr.decode()}"
        assert -status != signal.SIGALRM, state
        if status < 0:
            died += 1  # in a library: whoever lists takes note, and goes on behind the image
            continue
        assert state in {"listed", "incomplete", "damaged", "encrypted", "unreadable", "unsupported"}
        assert set(files) <= {"read", "unreadable", "unsupported", "encrypted"}
    assert died <= MUTANTS // 4
