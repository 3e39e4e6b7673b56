"""Tar archives: all dialects, holes, links, cuts, and lies."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from pipelines.evidence import ArchiveLimits, Options, fetch
from pipelines.names import unescape
from tests.pipelines.evidence.archives import PICTURE, Listing, listing, tar_bytes, tar_member
from tests.pipelines.evidence.images import run

LONG = "d/" * 120 + "a.jpg"


def _list(tmp_path: Path, data: bytes, name: str = "a.tar", limits: ArchiveLimits | None = None) -> Listing:
    (tmp_path / name).write_bytes(data)
    return listing(tmp_path / name, tmp_path / "scratch", limits=limits)


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_dialects(tmp_path: Path, format_: int) -> None:
    members = [(tar_member("a.jpg"), PICTURE), (tar_member(LONG), PICTURE + b"2"), (tar_member("t.txt"), b"text")]
    found = _list(tmp_path, tar_bytes(members, format_))
    assert found.order == ["a.tar!/a.jpg", f"a.tar!/{LONG}", "a.tar!/t.txt", "a.tar"]
    assert found.content(f"a.tar!/{LONG}") == PICTURE + b"2"
    assert found.entries["a.tar!/a.jpg"].modified == "2023-11-14T22:13:20+00:00"
    assert found.containers["a.tar"].state == "listed"


def test_the_seventh_edition_has_no_mark(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PICTURE)
    run("tar", "--format=v7", "-cf", tmp_path / "a.bin", "-C", tmp_path, "a.jpg")
    found = listing(tmp_path / "a.bin", tmp_path / "scratch")
    assert found.content("a.bin!/a.jpg") == PICTURE


def test_links_and_devices_are_rows_and_write_nothing(tmp_path: Path) -> None:
    members = [
        (tar_member("link", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (tar_member("hard", tarfile.LNKTYPE, "../../x"), b""),
        (tar_member("null", tarfile.CHRTYPE), b""),
        (tar_member("fifo", tarfile.FIFOTYPE), b""),
        (tar_member("dir", tarfile.DIRTYPE), b""),
        (tar_member("../../etc/cron.d/x.jpg"), PICTURE),
    ]
    found = _list(tmp_path, tar_bytes(members))
    assert found.states() == {
        "a.tar!/link": "unsupported:symlink",
        "a.tar!/hard": "unsupported:hardlink",
        "a.tar!/null": "unsupported:special",
        "a.tar!/fifo": "unsupported:special",
        "a.tar!/../../etc/cron.d/x.jpg": "examine",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "scratch"]


def test_names_are_bytes(tmp_path: Path) -> None:
    names = [b"\xff\xfe.jpg", "ä日本.jpg".encode(), b"\x83\x65" * 80 + b".jpg", b"twice.jpg", b"twice.jpg"]
    members = [(tar_member(name.decode("utf-8", "surrogateescape")), PICTURE) for name in names]
    for format_ in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        found = _list(tmp_path, tar_bytes(members, format_))
        chains = [chain.removeprefix("a.tar!/").removesuffix("\\#2") for chain in found.entries]
        assert [unescape(chain) for chain in chains] == names


@pytest.mark.parametrize("dialect", ["gnu", "posix --sparse-version=0.0", "posix --sparse-version=0.1", "posix"])
def test_sparse_members_have_their_holes_again(tmp_path: Path, dialect: str) -> None:
    path = tmp_path / "holes.jpg"
    with path.open("wb") as file:
        file.write(PICTURE)
        for index in range(1, 40):  # more than an old header holds
            file.seek(index * 65_536)
            file.write(b"data %d" % index)
        file.truncate(40 * 65_536 + 5)
    run("tar", f"--format={dialect.split(maxsplit=1)[0]}", *dialect.split()[1:], "-S", "-cf", tmp_path / "a.tar",
        "-C", tmp_path, "holes.jpg")  # fmt: skip
    assert (tmp_path / "a.tar").stat().st_size < 500_000, "the recipe made no sparse member"
    found = listing(tmp_path / "a.tar", tmp_path / "scratch")
    assert found.content("a.tar!/holes.jpg") == path.read_bytes()
    assert found.entries["a.tar!/holes.jpg"].notes == ("sparse",)


def test_a_hole_of_eight_terabytes_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.write(PICTURE)
        file.truncate(8 << 40)
    run("tar", "--format=gnu", "-S", "-cf", tmp_path / "a.tar", "-C", tmp_path, "huge.jpg")
    found = listing(tmp_path / "a.tar", tmp_path / "scratch", limits=ArchiveLimits(member_bytes=1 << 22))
    assert found.states() == {"a.tar!/huge.jpg": "limit:archive:member"}
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_cut_archive_gives_what_is_there(tmp_path: Path, suffix: str) -> None:
    data = tar_bytes([(tar_member("1.jpg"), PICTURE), (tar_member("2.jpg"), PICTURE), (tar_member("3.jpg"), PICTURE)])
    cut = data[: data.index(b"2.jpg") + 3000]
    packed = gzip.compress(data, 0)
    found = _list(tmp_path, cut if suffix == ".tar" else packed[: packed.index(b"2.jpg") + 3000], f"a{suffix}")
    assert found.states() == {
        f"a{suffix}!/1.jpg": "examine",
        f"a{suffix}!/2.jpg": "unreadable:truncated",
        f"a{suffix}": "partial:archive:truncated",
    }
    assert found.containers[f"a{suffix}"].state == "incomplete"


def test_a_damaged_header_costs_its_member_only(tmp_path: Path) -> None:
    data = bytearray(tar_bytes([(tar_member(f"{index}.jpg"), PICTURE) for index in range(3)], tarfile.GNU_FORMAT))
    data[data.index(b"1.jpg") + 120] ^= 0x40
    found = _list(tmp_path, bytes(data))
    assert found.states() == {
        "a.tar!/0.jpg": "examine",
        "a.tar!/2.jpg": "examine",
        "a.tar": "partial:archive:damaged",
    }
    assert found.containers["a.tar"].state == "damaged"


def test_an_extension_header_that_claims_a_terabyte_takes_no_memory(tmp_path: Path) -> None:
    info = tar_member("./PaxHeaders/x", b"x")
    info.size = 1 << 40
    found = _list(tmp_path, info.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    assert found.states() == {"a.tar": "unreadable:archive:truncated"}


def test_members_are_found_again_by_their_position(tmp_path: Path) -> None:
    members = [
        (tar_member(LONG), PICTURE),
        (tar_member("same.jpg"), b"\xff\xd8\xff1"),
        (tar_member("same.jpg"), b"\xff\xd8\xff2"),
    ]
    data = tar_bytes(members)
    for name, content in (("a.tar", data), ("a.tgz", gzip.compress(data))):
        found = _list(tmp_path, content, name)
        for chain in (f"{name}!/{LONG}", f"{name}!/same.jpg", f"{name}!/same.jpg\\#2"):
            again = io.BytesIO()
            fetch(found.entries[chain].locator, Options(), again)
            assert again.getvalue() == found.content(chain)


def test_what_gnu_tar_lists_is_what_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / ("x" * 150)).mkdir(parents=True)
    for index in range(50):
        (folder / ("x" * 150) / f"{index}.txt").write_text("t" * index)
    run("tar", "-cf", tmp_path / "a.tar", "-C", folder, ".")
    names = subprocess.run(["tar", "-tf", tmp_path / "a.tar"], capture_output=True, check=True).stdout.decode().split()
    found = listing(tmp_path / "a.tar", tmp_path / "scratch")
    assert [chain.removeprefix("a.tar!/") for chain in found.entries] == [n for n in names if not n.endswith("/")]
