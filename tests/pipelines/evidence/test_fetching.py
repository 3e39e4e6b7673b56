"""One file's bytes again."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import py7zr
import pytest

from detect.errors import InputError, LimitExceeded, UnreadableMedia
from pipelines.evidence import ArchiveLimits, Options, fetch
from pipelines.items import Step
from pipelines.names import escape
from tests.pipelines.evidence import images
from tests.pipelines.evidence.archives import PICTURE, listing, stored, tar_bytes, tar_member, zip_bytes


def _fetch(locator: tuple[Step, ...], options: Options | None = None) -> bytes:
    target = io.BytesIO()
    fetch(locator, options or Options(), target)
    return target.getvalue()


def test_every_copy_can_be_had_again_however_deep_it_lies(tmp_path: Path) -> None:
    data = zip_bytes([stored(b"a.jpg", PICTURE), stored(b"a.jpg", PICTURE + b"2")])
    data = tar_bytes([(tar_member("1.zip"), data), (tar_member("b.jpg"), PICTURE + b"3")])
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.writestr(PICTURE + b"4", "c.jpg")
        archive.writestr(gzip.compress(data), "2.tar.gz")
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "x.zip").write_bytes(zip_bytes([stored(b"a.7z", (tmp_path / "a.7z").read_bytes())]))
    (tmp_path / "case" / "plain.jpg").write_bytes(PICTURE)
    found = listing(tmp_path / "case", tmp_path / "scratch")
    copies = {chain: entry for chain, entry in found.entries.items() if entry.spool is not None}
    assert len(copies) == 4
    for chain, entry in copies.items():
        assert _fetch(entry.locator) == found.content(chain)
    assert _fetch(found.entries["case/plain.jpg"].locator) == PICTURE


def test_a_file_in_a_disk_image(tmp_path: Path) -> None:
    images.ext(tmp_path / "disk.img", {b"d/\xff.jpg": PICTURE, b"n.txt": b"text"})
    (tmp_path / "a.zip").write_bytes(zip_bytes([stored(b"disk.img", (tmp_path / "disk.img").read_bytes())]))
    for root, chain in ((tmp_path / "disk.img", "disk.img"), (tmp_path / "a.zip", "a.zip!/disk.img")):
        found = listing(root, tmp_path / "scratch")
        entry = found.entries[f"{chain}!/d/\\xff.jpg"]
        assert _fetch(entry.locator) == found.content(entry.chain) == PICTURE
        assert found.containers[chain].kind == "image"


@pytest.mark.parametrize("key", ["7", "-1", "", "x", "@3", "99999999999999999999999", "1/2"])
@pytest.mark.parametrize("kind", ["zip", "tar", "7z", "gz", "tar.gz", "image", "rar", "nonsense"])
def test_a_key_that_finds_nothing_is_an_error_of_the_evidence(tmp_path: Path, kind: str, key: str) -> None:
    path = tmp_path / "evidence"
    if kind == "7z":
        with py7zr.SevenZipFile(path, "w") as archive:
            archive.writestr(PICTURE, "a.jpg")
    else:
        data = tar_bytes([(tar_member("a.jpg"), PICTURE)]) if "tar" in kind else zip_bytes([stored(b"a.jpg", PICTURE)])
        path.write_bytes(gzip.compress(data) if "gz" in kind else data)
    with pytest.raises(InputError):
        _fetch((Step("file", escape(bytes(path))), Step(kind, key)))


def test_limits_hold_here_too(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_bytes([stored(b"a.jpg", PICTURE)]))
    locator = listing(tmp_path / "a.zip", tmp_path / "scratch").entries["a.zip!/a.jpg"].locator
    with pytest.raises(LimitExceeded):
        _fetch(locator, Options(limits=ArchiveLimits(member_bytes=10)))


def test_evidence_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMedia) as caught:
        _fetch((Step("file", escape(bytes(tmp_path / "nowhere"))),))
    assert caught.value.reason == "vanished"
    with pytest.raises(UnreadableMedia):
        _fetch((Step("zip", "0"),))
