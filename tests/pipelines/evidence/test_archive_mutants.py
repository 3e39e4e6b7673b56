"""Archives damaged at random: closed states, no exception, every row once, no copy forgotten, in time."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import time
from pathlib import Path

import py7zr
import pytest
from backports import zstd

from detect.types import ItemState
from pipelines.evidence import ArchiveLimits, Options, Scratch, walk
from pipelines.items import Container
from tests.pipelines.evidence.archives import PICTURE, Packed, stored, tar_bytes, tar_member, zip_bytes

MUTANTS = int(os.environ.get("MUTANTS", "40"))
"""Of each kind; more by the environment, for a long look."""
SECONDS = 20.0
"""Deadline of one mutant; one takes milliseconds."""
LIMITS = ArchiveLimits(member_bytes=1 << 24, total_bytes=1 << 26, members=1000)


def _seven() -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        archive.writestr(PICTURE, "a.jpg")
        archive.writestr(b"text" * 100, "b.txt")
        archive.writestr(PICTURE + b"2", "c.jpg")
    return out.getvalue()


INNER = zip_bytes([Packed(b"in.jpg", PICTURE), Packed(b"../t.txt", b"text")])
TAR = tar_bytes([(tar_member("x.jpg"), PICTURE), (tar_member("d/" * 80 + "i.zip"), INNER), (tar_member("t"), b"text")])
SEEDS = {
    "zip": zip_bytes([Packed(b"a.jpg", PICTURE), stored(b"i.zip", INNER), Packed(b"b.txt", b"text" * 99)]),
    "pipe.zip": zip_bytes([Packed(b"a.jpg", PICTURE), Packed(b"b.jpg", PICTURE)], directory=False, descriptors=True),
    "tar": TAR,
    "tgz": gzip.compress(TAR),
    "tbz": bz2.compress(TAR),
    "txz": lzma.compress(TAR),
    "tzst": zstd.compress(TAR),
    "jpg.gz": gzip.compress(PICTURE),
    "7z": _seven(),
}


def _mutant(data: bytes, chooser: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chooser.randint(1, 3)):
        place = chooser.randrange(len(changed))
        match chooser.choice(("flip", "flip", "cut", "insert", "zero", "double")):
            case "flip":
                for _ in range(chooser.choice((1, 4, 40))):
                    changed[chooser.randrange(len(changed))] ^= 1 << chooser.randrange(8)
            case "cut":
                del changed[max(32, place) :]
            case "insert":
                changed[place:place] = chooser.randbytes(chooser.randint(1, 600))
            case "zero":
                changed[place : place + 64] = bytes(64)
            case "double":
                changed[place:place] = changed[place : place + 700]
    return bytes(changed)


@pytest.mark.parametrize("name", SEEDS)
def test_mutants_end_in_closed_states(tmp_path: Path, name: str) -> None:
    chooser = random.Random(name)  # noqa: S311
    states = set()
    for number in range(MUTANTS):
        path = tmp_path / f"{number}.{name}"
        path.write_bytes(_mutant(SEEDS[name], chooser))
        scratch = Scratch(tmp_path / "scratch", 1 << 26)
        chains: set[tuple[type, str]] = set()
        began = time.monotonic()
        for each in walk([path], Options(limits=LIMITS, passwords=("x",)), scratch):
            assert (type(each), each.chain) not in chains, path
            chains.add((type(each), each.chain))
            if isinstance(each, Container):
                continue
            states.add(str(each.state))
            assert each.state is None or (each.state in ItemState and each.reason), path
            if each.spool is not None:
                scratch.path(each.spool).unlink()
        assert time.monotonic() - began < SECONDS, path
        assert chains, path
        assert not list(scratch.folder.iterdir()), path
        path.unlink()
    assert len(states) > 1
