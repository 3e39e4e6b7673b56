"""7z archives: solid, encrypted, damaged."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import py7zr
import pytest

from pipelines.evidence import ArchiveLimits, Options, fetch
from tests.pipelines.evidence.archives import PICTURE, listing
from tests.pipelines.evidence.images import run

FILES = {"a.jpg": PICTURE, "b.txt": b"text" * 1000, "c.jpg": PICTURE + b"c", "d.jpg": PICTURE + b"d"}


def _pack(path: Path, password: str | None = None, *, names: bool = False, **options: object) -> Path:
    with py7zr.SevenZipFile(path, "w", password=password, header_encryption=names, **options) as archive:
        for name, content in FILES.items():
            archive.writestr(content, name)
    return path


def test_members_come_in_order_out_of_one_solid_block(tmp_path: Path) -> None:
    found = listing(_pack(tmp_path / "a.7z"), tmp_path / "scratch")
    assert found.order == [*(f"a.7z!/{name}" for name in FILES), "a.7z"]
    for name in ("a.jpg", "c.jpg", "d.jpg"):
        assert found.content(f"a.7z!/{name}") == FILES[name]
    assert found.containers["a.7z"].state == "listed"


@pytest.mark.parametrize("method", ["LZMA", "LZMA2", "PPMd", "BZip2", "Deflate", "Copy", "Deflate64"])
def test_what_7_zip_writes(tmp_path: Path, method: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    for solid in ("on", "off"):
        run("7z", "a", f"-m0={method}", f"-ms={solid}", tmp_path / f"{solid}.7z", f"{folder}/.")
        found = listing(tmp_path / f"{solid}.7z", tmp_path / "scratch")
        for name in ("a.jpg", "c.jpg", "d.jpg"):
            assert found.content(f"{solid}.7z!/{name}") == FILES[name]


def test_members_are_found_again_by_their_index(tmp_path: Path) -> None:
    found = listing(_pack(tmp_path / "a.7z"), tmp_path / "scratch")
    for name in ("d.jpg", "a.jpg"):
        again = io.BytesIO()
        fetch(found.entries[f"a.7z!/{name}"].locator, Options(), again)
        assert again.getvalue() == FILES[name]


def test_encrypted_data_have_a_row_each_and_encrypted_names_one(tmp_path: Path) -> None:
    data, names = _pack(tmp_path / "data.7z", "sesame"), _pack(tmp_path / "names.7z", "sesame", names=True)
    for passwords in ((), ("wrong",)):
        found = listing([data, names], tmp_path / "scratch", options=Options(passwords=passwords))
        assert found.states() == {
            **{f"data.7z!/{name}": "encrypted:password" for name in FILES},
            "names.7z": "encrypted:password",
        }
        assert found.containers["names.7z"].state == "encrypted"
    for passwords in (("sesame",), ("wrong", "sesame"), ("sesame", "wrong")):
        found = listing([data, names], tmp_path / "scratch", options=Options(passwords=passwords))
        assert found.content("data.7z!/c.jpg") == found.content("names.7z!/c.jpg") == FILES["c.jpg"]


def test_damaged_data_concern_the_members_behind_the_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.7z"
    noise = random.Random(0).randbytes(50_000)  # noqa: S311
    with py7zr.SevenZipFile(path, "w", filters=[{"id": py7zr.FILTER_COPY}]) as archive:
        archive.writestr(PICTURE + noise, "1.jpg")
        archive.writestr(PICTURE + noise, "2.jpg")
    data = bytearray(path.read_bytes())
    data[60_000] ^= 1
    path.write_bytes(data)
    found = listing(path, tmp_path / "scratch")
    assert list(found.states().values()).count("unreadable:crc") == 1
    assert list(found.states().values()).count("examine") == 1


def test_a_cut_archive_has_lost_its_header(tmp_path: Path) -> None:
    path = _pack(tmp_path / "a.7z")
    path.write_bytes(path.read_bytes()[:-20])
    found = listing(path, tmp_path / "scratch")
    assert found.states() == {"a.7z": "unreadable:archive:truncated"}
    assert found.containers["a.7z"].state == "incomplete"


def test_limits(tmp_path: Path) -> None:
    path = tmp_path / "a.7z"
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.writestr(PICTURE, "good.jpg")
        archive.writestr(b"\xff\xd8\xff" + bytes(20 << 20), "bomb.jpg")
        archive.writestr(PICTURE, "behind.jpg")
    found = listing(path, tmp_path / "scratch", limits=ArchiveLimits(member_bytes=1 << 19))
    assert found.state("a.7z!/bomb.jpg") == "limit:archive:member"
    assert listing(path, tmp_path / "scratch").states() == {
        "a.7z!/good.jpg": "examine",
        "a.7z!/bomb.jpg": "limit:archive:ratio",
        "a.7z!/behind.jpg": "limit:archive:ratio",  # in one block with the bomb, and behind it
    }
    found = listing(path, tmp_path / "scratch", limits=ArchiveLimits(members=1))
    assert found.states() == {"a.7z": "limit:archive:members"}


def test_a_header_that_lies_about_its_size_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.7z"
    start = struct.pack("<3QL", 0, 1 << 40, 0, 0)
    path.write_bytes(b"7z\xbc\xaf\x27\x1c\0\4" + start[:24] + bytes(100))
    assert listing(path, tmp_path / "scratch").state("a.7z") == "unreadable:archive:truncated"
