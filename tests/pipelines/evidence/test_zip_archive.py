"""ZIP archives: whole, cut, lying, encrypted."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from backports import zstd

from pipelines.evidence import ArchiveLimits, Options, fetch
from pipelines.names import unescape
from tests.pipelines.evidence.archives import PICTURE, Listing, Packed, listing, stored, zip_bytes
from tests.pipelines.evidence.images import run


def _list(tmp_path: Path, data: bytes, limits: ArchiveLimits | None = None) -> Listing:
    (tmp_path / "a.zip").write_bytes(data)
    return listing(tmp_path / "a.zip", tmp_path / "scratch", limits=limits)


def test_members_come_in_the_archives_order_with_time_and_size(tmp_path: Path) -> None:
    found = _list(tmp_path, zip_bytes([Packed(b"b.jpg", PICTURE), Packed(b"d/"), stored(b"d/a.txt", b"text")]))
    assert found.order == ["a.zip!/b.jpg", "a.zip!/d/a.txt", "a.zip"]
    assert found.content("a.zip!/b.jpg") == PICTURE
    assert found.entries["a.zip!/b.jpg"].modified == "2024-09-01T00:00:00"
    assert found.containers["a.zip"].state == "listed"
    assert found.containers["a.zip"].num_members == 2


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_python_writes(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        for index in range(3):
            archive.writestr(f"{index}.jpg", PICTURE * (1 + 50 * index))
    found = listing(tmp_path / "a.zip", tmp_path / "scratch")
    for index in range(3):
        assert found.content(f"a.zip!/{index}.jpg") == PICTURE * (1 + 50 * index)


def test_zstd_and_zip64_fields(tmp_path: Path) -> None:
    found = _list(tmp_path, zip_bytes([Packed(b"a.jpg", PICTURE, method=93, data=zstd.compress(PICTURE))]))
    assert found.content("a.zip!/a.jpg") == PICTURE
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive, archive.open("a.jpg", "w", force_zip64=True) as member:
        member.write(PICTURE)
    assert listing(tmp_path / "b.zip", tmp_path / "scratch").content("b.zip!/a.jpg") == PICTURE


def test_more_members_than_the_old_directory_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for index in range(65_537):
            archive.writestr(zipfile.ZipInfo(str(index)), b"")
    found = listing(tmp_path / "a.zip", tmp_path / "scratch")
    assert (len(found.entries), found.containers["a.zip"].state) == (65_537, "listed")


def test_deflate64_is_read_and_what_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.jpg").write_bytes(PICTURE * 20)
    for method, name in (("Deflate64", "a"), ("PPMd", "b")):
        run("7z", "a", "-tzip", f"-mm={method}", tmp_path / f"{name}.zip", tmp_path / "p.jpg")
    found = listing([tmp_path / "a.zip", tmp_path / "b.zip"], tmp_path / "scratch")
    assert found.content("a.zip!/p.jpg") == PICTURE * 20
    assert found.state("b.zip!/p.jpg") == "unsupported:compression"
    assert "PPMd" in found.entries["b.zip!/p.jpg"].message


HOSTILE_NAMES = [
    b"../../etc/passwd", b"/etc/shadow", b"C:\\windows\\x", b"a\\..\\b", b"nul\0.jpg", b"x" * 4000,
    b"\x83\x65\x83X.jpg",
    b"\xff\xfe", b"A.jpg", b"a.jpg", b"twice", b"twice", b"", b"bang!/x",
]  # fmt: skip


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    found = _list(tmp_path, zip_bytes([stored(name, PICTURE) for name in HOSTILE_NAMES]))
    assert len(found.entries) == len(HOSTILE_NAMES)
    names = [unescape(chain.removeprefix("a.zip!/").removesuffix("\\#2")) for chain in found.entries]
    assert names == HOSTILE_NAMES
    assert len({found.content(chain) == PICTURE for chain in found.entries}) == 1
    # Nothing but the archive and copies under names of our own.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "scratch"]
    assert all(path.name.startswith("m-") for path in (tmp_path / "scratch").iterdir())


def test_links_and_devices_are_rows(tmp_path: Path) -> None:
    members = [
        Packed(b"link", b"/etc/passwd", attributes=0o120777 << 16),
        Packed(b"fifo", b"", attributes=0o010644 << 16),
        Packed(b"dir", b"", attributes=0o040755 << 16),
    ]
    assert _list(tmp_path, zip_bytes(members)).states() == {
        "a.zip!/link": "unsupported:symlink",
        "a.zip!/fifo": "unsupported:special",
    }


def test_a_cut_archive_gives_the_members_before_the_cut(tmp_path: Path) -> None:
    noise = random.Random(0).randbytes(4000)  # noqa: S311
    data = zip_bytes([Packed(b"1.jpg", PICTURE + noise), Packed(b"2.jpg", PICTURE + noise), Packed(b"3.jpg", PICTURE)])
    found = _list(tmp_path, data[: data.index(b"2.jpg") + 2000])
    assert found.states() == {
        "a.zip!/1.jpg": "examine",
        "a.zip!/2.jpg": "unreadable:truncated",
        "a.zip": "partial:archive:truncated",
    }
    assert found.containers["a.zip"].state == "incomplete"
    assert found.content("a.zip!/1.jpg") == PICTURE + noise


@pytest.mark.parametrize("method", [0, 8])
def test_a_cut_archive_whose_sizes_follow_the_data(tmp_path: Path, method: int) -> None:
    members = [Packed(b"%d.jpg" % index, PICTURE, method=method) for index in range(3)]
    found = _list(tmp_path, zip_bytes(members, directory=False, descriptors=True))
    assert [found.content(f"a.zip!/{index}.jpg") for index in range(3)] == [PICTURE] * 3
    assert found.containers["a.zip"].state == "incomplete"
    for chain in ("a.zip!/1.jpg", "a.zip!/2.jpg"):
        again = io.BytesIO()
        fetch(found.entries[chain].locator, Options(), again)
        assert again.getvalue() == PICTURE


def test_a_wrong_checksum_concerns_one_member(tmp_path: Path) -> None:
    found = _list(tmp_path, zip_bytes([Packed(b"1.jpg", PICTURE, crc=1), Packed(b"2.jpg", PICTURE)]))
    assert found.states() == {"a.zip!/1.jpg": "unreadable:crc", "a.zip!/2.jpg": "examine"}
    assert found.containers["a.zip"].state == "listed"
    assert len(list((tmp_path / "scratch").iterdir())) == 1


def test_members_that_share_bytes_are_refused_before_any_is_read(tmp_path: Path) -> None:
    kernel = Packed(b"0.jpg", PICTURE)
    found = _list(tmp_path, zip_bytes([kernel, Packed(b"1.jpg", data=b"", offset=0, claimed_size=1 << 31)] * 3))
    assert found.states() == {"a.zip": "limit:archive:overlap"}
    assert found.containers["a.zip"].state == "limit"


def test_quoted_members_overlap_too(tmp_path: Path) -> None:
    """Fifield's construction: each member's data begin with the next member's header, quoted."""
    inner = zip_bytes([Packed(b"b.jpg", PICTURE)], directory=False)
    quoting = struct.pack("<BHH", 0, 35, 35 ^ 0xFFFF) + inner
    data = bytearray(zip_bytes([Packed(b"a.jpg", PICTURE, data=quoting), Packed(b"b.jpg", PICTURE, offset=40)]))
    found = _list(tmp_path, bytes(data))
    assert found.states() == {"a.zip": "limit:archive:overlap"}


def test_a_member_out_of_order_is_no_overlap(tmp_path: Path) -> None:
    data = bytearray(zip_bytes([stored(b"1.jpg", PICTURE), stored(b"2.jpg", PICTURE)]))
    start = data.index(b"PK\1\2")
    record = 46 + 5
    data[start : start + 2 * record] = data[start + record : start + 2 * record] + data[start : start + record]
    assert list(_list(tmp_path, bytes(data)).entries) == ["a.zip!/2.jpg", "a.zip!/1.jpg"]


def test_a_size_that_lies_is_counted_and_said(tmp_path: Path) -> None:
    found = _list(tmp_path, zip_bytes([Packed(b"a.jpg", PICTURE, claimed_size=3)]))
    entry = found.entries["a.zip!/a.jpg"]
    assert (entry.state, entry.num_bytes) == (None, len(PICTURE))
    assert entry.notes == (f"the archive claims 3 bytes, it has {len(PICTURE)}",)


def test_a_volume_of_a_split_archive(tmp_path: Path) -> None:
    found = _list(tmp_path, zip_bytes([stored(b"a.jpg", PICTURE)], disk=2))
    assert found.states() == {"a.zip!/a.jpg": "examine", "a.zip": "partial:archive:volume_missing"}
    assert found.containers["a.zip"].state == "incomplete"


def test_a_damaged_directory_is_recovered_from(tmp_path: Path) -> None:
    data = zip_bytes([stored(b"1.jpg", PICTURE), stored(b"2.jpg", PICTURE)])
    place = data.rindex(b"PK\1\2")
    found = _list(tmp_path, data[:place] + b"XXXX" + data[place + 4 :])
    assert found.states() == {
        "a.zip!/1.jpg": "examine",
        "a.zip!/2.jpg": "examine",
        "a.zip": "partial:archive:directory",
    }


def test_what_only_begins_as_an_archive_is_unreadable(tmp_path: Path) -> None:
    found = _list(tmp_path, b"PK\3\4" + bytes(100))
    assert found.states() == {"a.zip": "unreadable:archive:truncated"}


def _encrypted(tmp_path: Path, *arguments: str) -> Path:
    (tmp_path / "p.jpg").write_bytes(PICTURE * 3)
    run("7z", "a", "-tzip", "-psesame", *arguments, tmp_path / "a.zip", tmp_path / "p.jpg")
    return tmp_path / "a.zip"


ENCRYPTIONS = [("-mem=ZipCrypto",), ("-mem=AES128",), ("-mem=AES256",), ("-mem=AES256", "-mm=Copy")]


@pytest.mark.parametrize("arguments", ENCRYPTIONS, ids=" ".join)
def test_encrypted_members_open_with_a_password_of_the_list(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    path = _encrypted(tmp_path, *arguments)
    for passwords in ((), ("wrong",)):
        found = listing(path, tmp_path / "scratch", options=Options(passwords=passwords))
        assert found.states() == {"a.zip!/p.jpg": "encrypted:password"}
    found = listing(path, tmp_path / "scratch", options=Options(passwords=("wrong", "sesame")))
    assert found.content("a.zip!/p.jpg") == PICTURE * 3


@pytest.mark.parametrize("arguments", ENCRYPTIONS, ids=" ".join)
def test_changed_encrypted_bytes_never_pass(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    path = _encrypted(tmp_path, *arguments)
    data = bytearray(path.read_bytes())
    data[data.index(b"p.jpg") + 200] ^= 1
    path.write_bytes(data)
    found = listing(path, tmp_path / "scratch", options=Options(passwords=("sesame",)))
    state = found.state("a.zip!/p.jpg")
    assert state in {"encrypted:password", "unreadable:authentication", "unreadable:damaged", "unreadable:crc"}


def test_a_password_that_passes_by_chance_does_not_win(tmp_path: Path) -> None:
    """The old cipher checks one byte: of 2,000 passwords some fit, and only one gives the bytes."""
    path = _encrypted(tmp_path, "-mem=ZipCrypto")
    passwords = tuple(f"wrong{index}" for index in range(2_000))
    found = listing(path, tmp_path / "scratch", options=Options(passwords=(*passwords, "sesame")))
    assert found.content("a.zip!/p.jpg") == PICTURE * 3
    found = listing(path, tmp_path / "scratch", options=Options(passwords=passwords))
    assert found.state("a.zip!/p.jpg") == "encrypted:password"


def test_the_checksum_table_is_zlibs() -> None:
    from pipelines.evidence.zip_crypto import _CRC  # noqa: PLC0415

    register = 0xFFFFFFFF
    for octet in b"123456789":
        register = _CRC[(register ^ octet) & 0xFF] ^ (register >> 8)
    assert register ^ 0xFFFFFFFF == zlib.crc32(b"123456789")
