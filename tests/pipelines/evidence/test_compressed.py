"""Single compressed files, and tar archives in them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from pipelines.evidence import Options, fetch
from tests.pipelines.evidence.archives import PICTURE, listing, tar_bytes, tar_member

Pack = Callable[[bytes], bytes]
PACKERS: dict[str, Pack] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress}


@pytest.fixture(params=PACKERS)
def packer(request: pytest.FixtureRequest) -> tuple[str, Pack]:
    return request.param, PACKERS[request.param]


def test_one_file(tmp_path: Path, packer: tuple[str, Pack]) -> None:
    suffix, pack = packer
    path = tmp_path / f"a.jpg.{suffix}"
    path.write_bytes(pack(PICTURE) + pack(b"second stream"))
    found = listing(path, tmp_path / "scratch")
    chain = f"a.jpg.{suffix}!/a.jpg"
    assert found.content(chain) == PICTURE + b"second stream"
    assert found.containers[path.name].kind == suffix
    again = io.BytesIO()
    fetch(found.entries[chain].locator, Options(), again)
    assert again.getvalue() == PICTURE + b"second stream"


def test_a_tar_archive_in_it_is_one_container(tmp_path: Path, packer: tuple[str, Pack]) -> None:
    suffix, pack = packer
    path = tmp_path / f"a.tar.{suffix}"
    path.write_bytes(pack(tar_bytes([(tar_member("x.jpg"), PICTURE), (tar_member("y.txt"), b"text")])))
    found = listing(path, tmp_path / "scratch")
    assert found.states() == {f"{path.name}!/x.jpg": "examine", f"{path.name}!/y.txt": "unsupported:not_media:text"}
    assert found.containers[path.name].kind == f"tar.{suffix}"


def test_cut_and_damaged(tmp_path: Path, packer: tuple[str, Pack]) -> None:
    suffix, pack = packer
    data = pack(bytes(range(256)) + PICTURE * 3 + bytes(range(255, -1, -1)) * 3)
    (tmp_path / f"cut.mp4.{suffix}").write_bytes(data[: len(data) - 12])
    middle = len(data) // 2
    (tmp_path / f"bad.mp4.{suffix}").write_bytes(data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :])
    found = listing([tmp_path / f"cut.mp4.{suffix}", tmp_path / f"bad.mp4.{suffix}"], tmp_path / "scratch")
    # The frame of zstd that Python writes has no checksum, but its size tells.
    assert found.states().keys() & {f"cut.mp4.{suffix}!/cut.mp4", f"cut.mp4.{suffix}"}
    for chain, state in found.states().items():
        assert state in {
            "unreadable:truncated", "unreadable:damaged", "unreadable:archive:truncated", "unreadable:archive:damaged",
        } or (suffix == "zst" and "bad" in chain), (chain, state)  # fmt: skip


def test_the_name_and_time_in_a_gzip_header(tmp_path: Path) -> None:
    out = io.BytesIO()
    with gzip.GzipFile("secret.jpg", "wb", fileobj=out, mtime=1_700_000_000) as file:
        file.write(PICTURE)
    (tmp_path / "a.gz").write_bytes(out.getvalue())
    entry = listing(tmp_path / "a.gz", tmp_path / "scratch").entries["a.gz!/secret.jpg"]
    assert entry.modified == "2023-11-14T22:13:20+00:00"


def test_bytes_behind_the_end_are_said(tmp_path: Path, packer: tuple[str, Pack]) -> None:
    suffix, pack = packer
    (tmp_path / f"a.jpg.{suffix}").write_bytes(pack(PICTURE) + b"something else")
    found = listing(tmp_path / f"a.jpg.{suffix}", tmp_path / "scratch")
    (entry,) = found.entries.values()
    assert entry.state is None
    assert entry.notes == ("bytes that belong to nothing follow the compressed data",)


def test_zeros_behind_the_end_are_padding(tmp_path: Path) -> None:
    (tmp_path / "a.jpg.gz").write_bytes(gzip.compress(PICTURE) + bytes(100_000) + gzip.compress(b"more"))
    found = listing(tmp_path / "a.jpg.gz", tmp_path / "scratch")
    assert found.content("a.jpg.gz!/a.jpg") == PICTURE + b"more"
