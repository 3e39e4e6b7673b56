"""Files are found in raw images of every kind, by every name and stream, and read back byte for byte."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from detect.errors import InputError, UnreadableMedia, UnsupportedMedia
from detect.types import ItemState
from pipelines.evidence.image import ImageFile, ImageReader, looks_like_image
from tests.pipelines.evidence import images

A, B = images.noise(200_000, 1), images.noise(5_000, 2)


def listing(path: Path, **options: bool) -> tuple[dict[bytes, ImageFile], ImageReader]:
    """All files by name, and the reader, closed."""
    with ImageReader(path, **options) as reader:
        files = list(reader.files())
    names = {file.name: file for file in files}
    assert len(names) == len(files)
    return names, reader


def content(path: Path, key: str) -> bytes:
    """Bytes of a file, from a reader that has listed nothing."""
    with ImageReader(path, verify=False) as reader, reader.open(key) as file:
        return file.read()


def looks(path: Path) -> str | None:
    data = path.read_bytes()
    return looks_like_image(data[:4096], len(data), lambda offset, count: data[offset : offset + count])


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
def test_linux(tmp_path: Path, kind: str) -> None:
    path = images.ext(tmp_path / "x.img", {b"a.mov": A, b"x/y/b.wav": B, b"x/empty": b""}, kind=kind)
    files, reader = listing(path)
    assert looks(path) == "raw"
    assert set(files) == {b"a.mov", b"x/y/b.wav", b"x/empty"}
    assert content(path, files[b"a.mov"].key) == A
    assert content(path, files[b"x/y/b.wav"].key) == B
    assert content(path, files[b"x/empty"].key) == b""
    assert files[b"a.mov"].num_bytes == len(A)
    assert (files[b"a.mov"].modified or "").endswith("+00:00")
    assert reader.state == "listed"
    assert reader.trouble is None
    assert reader.facts["volume"].startswith(kind)


def test_names_of_any_bytes(tmp_path: Path) -> None:
    names = [b"caf\xe9.mov", b"\x83e\x83X.mp4", b"a\x01\x1b[31m.wav", "grün 😀.mov".encode(), b"^.mov"]
    path = images.ext(tmp_path / "x.img", dict.fromkeys(names, B))
    assert set(listing(path)[0]) == set(names)


def test_windows_with_alternate_data_streams(tmp_path: Path) -> None:
    path = images.ntfs(tmp_path / "x.img", {"a.mov": A, "tiny.txt": b"tiny", "tiny.txt:hidden": A, "grün 😀.mov": B})
    files, reader = listing(path)
    assert looks(path) == "raw"
    assert set(files) == {b"a.mov", b"tiny.txt", b"tiny.txt:hidden", "grün 😀.mov".encode()}
    assert files[b"tiny.txt:hidden"].notes == ("alternate data stream",)
    assert content(path, files[b"tiny.txt:hidden"].key) == A
    assert content(path, files[b"tiny.txt"].key) == b"tiny"
    assert content(path, files[b"a.mov"].key) == A
    assert reader.facts["volume"].startswith("NTFS")


def test_windows_names_with_lone_surrogates_stay_apart(tmp_path: Path) -> None:
    path = images.ntfs(tmp_path / "x.img", {"ZZ.mov": A, "YY.mov": B})
    data = path.read_bytes()
    for name, lone in (("ZZ", b"\x00\xd8\x41\x00"), ("YY", b"\x01\xd8\x41\x00")):
        assert data.count((name + ".mov").encode("utf-16-le")) == 2
        data = data.replace((name + ".mov").encode("utf-16-le"), lone + ".mov".encode("utf-16-le"))
    path.write_bytes(data)
    files, _ = listing(path)
    assert set(files) == {b"\xed\xa0\x80A.mov", b"\xed\xa0\x81A.mov"}
    assert content(path, files[b"\xed\xa0\x80A.mov"].key) == A


@pytest.mark.parametrize(("bits", "size"), [(12, 4), (16, 16), (32, 40)])
def test_fat(tmp_path: Path, bits: int, size: int) -> None:
    path = images.fat(
        tmp_path / "x.img", {"a long name ü.mov": A, "dir/B.WAV": B}, bits=bits, size=size * images.MEBIBYTE
    )
    files, reader = listing(path)
    assert looks(path) == "raw"
    assert set(files) == {"a long name ü.mov".encode(), b"dir/B.WAV"}
    assert content(path, files["a long name ü.mov".encode()].key) == A
    assert "+" not in (files[b"dir/B.WAV"].modified or "+")
    assert reader.facts["volume"].startswith(f"FAT{bits}")


def test_exfat(tmp_path: Path) -> None:
    path = images.exfat(tmp_path / "x.img", "grün.mov", A)
    files, reader = listing(path)
    own = {b"$ALLOC_BITMAP", b"$UPCASE_TABLE"}  # the file system's, by names that a user can give as well
    assert (looks(path), set(files) - own, reader.state) == ("raw", {"grün.mov".encode()}, "listed")
    assert content(path, files["grün.mov".encode()].key) == A
    assert reader.facts["volume"].startswith("exFAT")


def test_partitions_of_a_master_boot_record(tmp_path: Path) -> None:
    first = images.ext(tmp_path / "1.img", {b"a.mov": A}).read_bytes()
    second = images.ntfs(tmp_path / "2.img", {"b.wav": B, "b.wav:s": A}).read_bytes()
    path = images.mbr(tmp_path / "x.dd", [(0x83, first), (0x07, second)])
    files, reader = listing(path)
    assert looks(path) == "raw"
    assert set(files) == {b"p1/a.mov", b"p2/b.wav", b"p2/b.wav:s"}
    assert content(path, files[b"p1/a.mov"].key) == A
    assert content(path, files[b"p2/b.wav:s"].key) == A
    assert reader.facts["p1"].startswith("ext4")
    assert reader.facts["p2"].startswith("NTFS")


def test_guid_partition_table_also_where_its_first_copy_is_lost(tmp_path: Path) -> None:
    first = images.ext(tmp_path / "1.img", {b"a.mov": A}).read_bytes()
    path = images.gpt(tmp_path / "x.dd", [first, first])
    files, _ = listing(path)
    assert looks(path) == "raw"
    assert set(files) == {b"p1/a.mov", b"p2/a.mov"}
    images.flip(path, 512, 8)
    again, reader = listing(path)
    assert set(again) == set(files) or reader.state != "listed"


def test_encrypted_and_foreign_volumes_are_said(tmp_path: Path) -> None:
    bitlocker = b"\xeb\x58\x90-FVE-FS-".ljust(510, b"\0") + b"\x55\xaa" + images.noise(100_000, 3)
    luks = b"LUKS\xba\xbe\0\x02".ljust(4096, b"\0") + images.noise(100_000, 4)
    first = images.ext(tmp_path / "1.img", {b"a.mov": A}).read_bytes()
    path = images.mbr(tmp_path / "x.dd", [(0x07, bitlocker), (0x83, luks), (0x83, first)])
    files, reader = listing(path)
    assert set(files) == {b"p3/a.mov"}
    assert reader.state == "encrypted"
    assert "p1 is encrypted: BitLocker" in reader.detail
    assert "p2 is encrypted: LUKS" in reader.detail
    assert reader.trouble is not None
    assert reader.trouble.state is ItemState.ENCRYPTED
    xfs = images.mbr(tmp_path / "y.dd", [(0x83, b"XFSB".ljust(100_000, b"\0")), (0x83, first)])
    _, reader = listing(xfs)
    assert (reader.state, reader.detail) == ("incomplete", "p1 holds XFS, which is not read here")


def test_hard_links_symlinks_and_special_files(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.mov").write_bytes(A)
    (folder / "sub" / "again.mov").hardlink_to(folder / "a.mov")
    (folder / "sub" / "up").symlink_to("..")
    os.mkfifo(folder / "fifo")
    path = images.ext_of(tmp_path / "x.img", folder)
    files, _ = listing(path)
    assert set(files) == {b"a.mov", b"sub/again.mov", b"sub/up", b"fifo"}
    assert files[b"a.mov"].key == files[b"sub/again.mov"].key
    assert (files[b"sub/up"].kind, files[b"fifo"].kind) == ("symlink", "special")


def test_a_loop_of_folders_ends(tmp_path: Path) -> None:
    path = images.ext(tmp_path / "x.img", {b"x/y/a.mov": A})
    images.run("debugfs", "-w", "-R", "link /x /x/y/loop", path)
    files, reader = listing(path)
    assert set(files) == {b"x/y/a.mov"}
    assert reader.state == "damaged"
    assert "is met again, a loop or a second name" in reader.detail


def test_deleted_files_only_where_asked_for(tmp_path: Path) -> None:
    path = images.fat(tmp_path / "x.img", {"a.mov": A, "gone.mov": B})
    images.run("mdel", "-i", path, "::gone.mov")
    assert set(listing(path)[0]) == {b"a.mov"}
    files, _ = listing(path, include_deleted=True)
    (deleted,) = [file for file in files.values() if file.notes]
    assert deleted.notes == ("deleted: its bytes may be overwritten",)
    assert content(path, deleted.key) == B


def test_a_sparse_file_of_eight_terabytes_costs_nothing_to_list(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with (folder / "huge.mov").open("wb") as file:
        file.write(A)
        file.truncate(8 << 40)
    path = images.ext_of(tmp_path / "x.img", folder)
    files, _ = listing(path)
    huge = files[b"huge.mov"]
    assert huge.num_bytes == 8 << 40
    assert huge.notes[0].startswith("sparse: ")
    with ImageReader(path) as reader, reader.open(huge.key) as file:
        assert file.read(len(A)) == A
        file.seek(-10, os.SEEK_END)
        assert file.read() == bytes(10)


def test_seeking_and_reading_in_parts(tmp_path: Path) -> None:
    path = images.ext(tmp_path / "x.img", {b"a.mov": A})
    files, _ = listing(path)
    with ImageReader(path) as reader, reader.open(files[b"a.mov"].key) as file:
        file.seek(150_001)
        assert file.read(70) == A[150_001:150_071]
        assert file.seek(-5, os.SEEK_END) == len(A) - 5
        assert file.read(100) == A[-5:]
        assert file.read(100) == b""


def test_a_truncated_image_gives_what_is_there(tmp_path: Path) -> None:
    path = images.ext(tmp_path / "x.img", {b"a.mov": A, b"b.mov": images.noise(3_000_000, 5)})
    whole, _ = listing(path)
    data = path.read_bytes()
    end = data.rfind(images.noise(3_000_000, 5)[1_500_000:1_500_016])
    os.truncate(path, end // 1024 * 1024)
    files, reader = listing(path)
    assert set(files) == set(whole)
    assert reader.state == "incomplete"
    assert content(path, files[b"a.mov"].key) == A
    with ImageReader(path) as reader, reader.open(files[b"b.mov"].key) as file:
        assert file.read(1_000_000) == images.noise(3_000_000, 5)[:1_000_000]
        with pytest.raises(UnreadableMedia, match="damaged or missing") as caught:
            file.read()
    assert caught.value.reason == "image:damaged"


def test_a_lost_superblock_is_said(tmp_path: Path) -> None:
    first = images.ext(tmp_path / "1.img", {b"a.mov": A}).read_bytes()
    lost = first[:1024] + images.noise(1024, 6) + first[2048:]
    files, reader = listing(images.mbr(tmp_path / "x.dd", [(0x83, lost), (0x83, first)]))
    assert set(files) == {b"p2/a.mov"}
    assert reader.state == "incomplete"
    assert reader.detail.startswith("p1: no file system that is known here")
    alone = tmp_path / "alone.img"
    alone.write_bytes(lost)
    files, reader = listing(alone)
    assert (files, reader.state) == ({}, "unreadable")


def test_raw_segments(tmp_path: Path) -> None:
    data = images.ext(tmp_path / "whole.img", {b"a.mov": A, b"big.mov": images.noise(3_000_000, 5)}).read_bytes()
    step = 3_000_064
    for number in range(1, 4):
        (tmp_path / f"x.{number:03d}").write_bytes(data[(number - 1) * step : number * step])
    files, reader = listing(tmp_path / "x.001")
    assert (set(files), reader.state) == ({b"a.mov", b"big.mov"}, "listed")
    assert sorted(reader.segments) == [1, 2, 3]
    assert content(tmp_path / "x.001", files[b"big.mov"].key) == images.noise(3_000_000, 5)
    (tmp_path / "x.002").unlink()
    files, reader = listing(tmp_path / "x.001")
    assert reader.state != "listed"
    assert "segment files are missing: .002" in reader.detail
    with pytest.raises(UnreadableMedia) as caught:
        content(tmp_path / "x.001", files[b"big.mov"].key)
    assert caught.value.reason == "image:damaged"


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00\x00\x18ftypmp42" + bytes(4000),
        b"#!/bin/sh\n" + b"echo NTFS    \n" * 400,
        b"\xeb\x00\x90" + b"text " * 800,
        bytes(510) + b"\x55\xaa" + bytes(4000),
        images.noise(510, 8) + b"\x55\xaa" + images.noise(4000, 9),
        images.noise(4096, 7),
        b"",
    ],
    ids=["mp4", "script", "jump", "signature", "signed_noise", "noise", "empty"],
)
def test_what_is_no_image(head: bytes) -> None:
    assert looks_like_image(head, 10_000_000, lambda offset, count: head[offset : offset + count]) is None


@pytest.mark.parametrize(
    ("magic", "name"), [(b"QFI\xfb\0\0\0\x03", "qcow"), (b"KDMV\1\0\0\0", "vmdk"), (b"EVF2\r\n\x81\0", "ewf2")]
)
def test_formats_that_are_known_and_refused(tmp_path: Path, magic: bytes, name: str) -> None:
    path = tmp_path / "x.img"
    path.write_bytes(magic.ljust(10_000, b"\0"))
    assert looks(path) == name
    with pytest.raises(UnsupportedMedia) as caught:
        ImageReader(path)
    assert caught.value.reason == "image:format"


@pytest.mark.parametrize("key", ["", "0", "x:y:z-w", "0:99999999:1-0", "0:12:9-9", "-5:12:1-0", f"{1 << 70}:12:1-0"])
def test_keys_that_lead_nowhere(tmp_path: Path, key: str) -> None:
    path = images.ext(tmp_path / "x.img", {b"a.mov": A})
    with ImageReader(path) as reader, pytest.raises(InputError):
        reader.open(key).read()


def test_a_packed_file_of_windows_is_not_read_as_zeros(tmp_path: Path) -> None:
    """A reparse point of another kind than a link says that the bytes lie elsewhere."""
    path = images.ntfs(tmp_path / "x.img", {"a.mov": A})
    with ImageReader(path) as reader:
        (file,) = reader.files()
    data = bytearray(path.read_bytes())
    record = data.find(b"FILE", data.find("a.mov".encode("utf-16-le")) - 1024)
    _replace_attribute(data, record, struct.pack("<LHH", 0x8000_0017, 8, 0) + bytes(8))
    path.write_bytes(data)
    files, _ = listing(path)
    assert "reparse point 0x80000017" in files[b"a.mov"].notes
    with ImageReader(path) as reader, pytest.raises(UnsupportedMedia) as caught:
        reader.open(file.key)
    assert caught.value.reason == "image:reparse_point"


def _replace_attribute(data: bytearray, record: int, value: bytes) -> None:
    """Add a resident $REPARSE_POINT behind the last attribute of a file record (NTFS documentation, 2 attributes)."""
    position = record + struct.unpack_from("<H", data, record + 20)[0]
    while struct.unpack_from("<L", data, position)[0] != 0xFFFF_FFFF:
        position += struct.unpack_from("<L", data, position + 4)[0]
    size = 24 + len(value)
    attribute = struct.pack("<LLBBHHHLHBB", 0xC0, size, 0, 0, 24, 0, 99, len(value), 24, 0, 0) + value
    attribute += struct.pack("<LL", 0xFFFF_FFFF, 0)
    data[position : position + len(attribute)] = attribute
    struct.pack_into("<L", data, record + 24, position + len(attribute) - record)
