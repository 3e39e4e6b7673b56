"""Bombs: stopped while they are read, by what comes out and not by what they claim; the rest of the scan goes on."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from pipelines.evidence import ArchiveLimits, Options, Scratch, walk
from pipelines.items import Container
from tests.pipelines.evidence.archives import (
    PICTURE,
    Packed,
    listing,
    stored,
    tar_bytes,
    tar_member,
    zip_bytes,
)

MEGABYTE = 1 << 20


def _nested(depth: int) -> bytes:
    data = PICTURE
    name = b"core.jpg"
    for level in range(depth):
        data, name = zip_bytes([Packed(name, data)]), b"%d.zip" % level
    return data


def test_nesting_stops_at_the_depth(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(_nested(5))
    (tmp_path / "b.jpg").write_bytes(PICTURE)
    limits = ArchiveLimits(depth=3)
    found = listing([tmp_path / "a.zip", tmp_path / "b.jpg"], tmp_path / "scratch", limits=limits)
    assert found.states() == {"a.zip!/3.zip!/2.zip!/1.zip": "limit:archive:depth", "b.jpg": "examine"}
    assert found.containers["a.zip!/3.zip!/2.zip!/1.zip"].state == "limit"
    assert found.containers["a.zip"].state == "listed"
    assert list(listing(tmp_path / "a.zip", tmp_path / "other").states().values()) == ["examine"]


def test_42_zip_stops_by_what_came_out_of_it(tmp_path: Path) -> None:
    """16 archives in each of 16 archives, at the bottom files that shrink well, each modest by itself."""
    noise = zlib.compress(b"")
    floor = zip_bytes([Packed(b"%d.jpg" % index, b"\xff\xd8\xff" + noise + bytes(900_000)) for index in range(16)])
    for level in range(3):
        floor = zip_bytes([Packed(b"%d-%d.zip" % (level, index), floor) for index in range(16)])
    (tmp_path / "42.zip").write_bytes(floor)
    (tmp_path / "b.jpg").write_bytes(PICTURE)
    limits = ArchiveLimits(nested_free_bytes=30 * MEGABYTE, ratio=100)
    found = listing([tmp_path / "42.zip", tmp_path / "b.jpg"], tmp_path / "scratch", limits=limits)
    assert found.state("42.zip") == "partial:archive:ratio" or found.state("42.zip") == "limit:archive:ratio"
    assert found.containers["42.zip"].state == "limit"
    assert "files in it were listed" in found.entries["42.zip"].message
    assert found.state("b.jpg") == "examine"
    copied = sum(path.stat().st_size for path in (tmp_path / "scratch").iterdir())
    assert copied < 40 * MEGABYTE + 100 * len(floor)


def test_all_that_comes_out_of_one_file_is_counted_together(tmp_path: Path) -> None:
    inner = zip_bytes([stored(b"%d.jpg" % index, PICTURE * 10) for index in range(4)])
    (tmp_path / "a.zip").write_bytes(zip_bytes([stored(b"1.zip", inner), stored(b"2.zip", inner)]))
    (tmp_path / "b.zip").write_bytes(inner)
    limits = ArchiveLimits(total_bytes=len(inner) + 25 * len(PICTURE))
    found = listing([tmp_path / "a.zip", tmp_path / "b.zip"], tmp_path / "scratch", limits=limits)
    assert found.state("a.zip!/1.zip!/1.jpg") == "examine"
    assert found.state("a.zip!/1.zip!/2.jpg") == "limit:archive:total"
    assert found.containers["a.zip!/1.zip"].state == found.containers["a.zip"].state == "limit"
    assert "a.zip!/2.zip!/0.jpg" not in found.entries
    assert found.containers["b.zip"].state == "listed"


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lzma.compress, zstd.compress], ids=["gz", "bz2", "xz", "zst"]
)
def test_a_ratio_beyond_the_limit_stops_early(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "a.jpg.bin").write_bytes(pack(b"\xff\xd8\xff" + bytes(64 * MEGABYTE)))
    found = listing(tmp_path / "a.jpg.bin", tmp_path / "scratch", limits=ArchiveLimits(ratio=100))
    (entry,) = found.entries.values()
    assert (entry.state, entry.reason) == ("limit", "archive:ratio")
    assert not list((tmp_path / "scratch").iterdir())


def test_honest_headers_do_not_help_a_bomb(tmp_path: Path) -> None:
    bomb = Packed(b"bomb.jpg", b"\xff\xd8\xff" + bytes(32 * MEGABYTE))
    (tmp_path / "a.zip").write_bytes(zip_bytes([stored(b"a.jpg", PICTURE), bomb, stored(b"b.jpg", PICTURE)]))
    found = listing(tmp_path / "a.zip", tmp_path / "scratch")
    assert found.states() == {
        "a.zip!/a.jpg": "examine",
        "a.zip!/bomb.jpg": "limit:archive:ratio",
        "a.zip!/b.jpg": "examine",
    }


@pytest.mark.parametrize("claimed", [3, 1 << 31])
def test_what_the_directory_claims_is_not_what_is_counted(tmp_path: Path, claimed: int) -> None:
    content = PICTURE * 300
    (tmp_path / "a.zip").write_bytes(zip_bytes([Packed(b"a.jpg", content, claimed_size=claimed)]))
    limits = ArchiveLimits(member_bytes=len(content) - 1)
    assert (
        listing(tmp_path / "a.zip", tmp_path / "scratch", limits=limits).state("a.zip!/a.jpg") == "limit:archive:member"
    )
    limits = ArchiveLimits(member_bytes=len(content))
    assert listing(tmp_path / "a.zip", tmp_path / "scratch", limits=limits).state("a.zip!/a.jpg") == "examine"


def test_too_many_members(tmp_path: Path) -> None:
    members = [(b"%d.txt" % index, b"text") for index in range(20)]
    (tmp_path / "a.zip").write_bytes(zip_bytes([stored(*member) for member in members]))
    (tmp_path / "a.tar").write_bytes(tar_bytes([(tar_member(name.decode()), text) for name, text in members]))
    found = listing([tmp_path / "a.zip", tmp_path / "a.tar"], tmp_path / "scratch", limits=ArchiveLimits(members=5))
    assert found.state("a.zip") == "limit:archive:members"
    assert found.state("a.tar") == "limit:archive:members"
    assert found.containers["a.tar"].num_members == 5
    assert found.containers["a.tar"].state == "limit"


def test_a_decompressor_that_asks_for_memory_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
    (tmp_path / "a.jpg.xz").write_bytes(_with_dictionary(lzma.compress(PICTURE, filters=[{"id": lzma.FILTER_LZMA2}])))
    found = listing(tmp_path / "a.jpg.xz", tmp_path / "scratch")
    assert list(found.states().values()) == ["limit:archive:memory"], filters


def _with_dictionary(data: bytes) -> bytes:
    """Claim a dictionary of 1.5 GiB: filter property 37 of the block header (The .xz File Format, 5.3.1)."""
    header = bytearray(data[12:24])
    header[4] = 37
    header[8:12] = zlib.crc32(bytes(header[:8])).to_bytes(4, "little")
    return data[:12] + bytes(header) + data[24:]


def test_a_hundred_thousand_members_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(
        zip_bytes([stored(b"folder/%07d.txt" % index, b"text") for index in range(100_000)])
    )
    tracemalloc.start()
    count = 0
    for each in walk([tmp_path / "a.zip"], Options(), Scratch(tmp_path / "scratch", MEGABYTE)):
        count += not isinstance(each, Container)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 8 * MEGABYTE  # 16 bytes a name, and buffers


def test_a_quine_comes_to_an_end(tmp_path: Path) -> None:
    """An archive of archives without end, as far as the depth goes."""
    data = gzip.compress(PICTURE)
    for _ in range(12):
        out = io.BytesIO()
        with gzip.GzipFile("again.gz", "wb", fileobj=out) as file:
            file.write(data)
        data = out.getvalue()
    (tmp_path / "r.gz").write_bytes(data)
    found = listing(tmp_path / "r.gz", tmp_path / "scratch")
    assert list(found.states().values()) == ["limit:archive:depth"]
    assert len(found.containers) == 9
