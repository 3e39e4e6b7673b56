"""Folders: every file in one order, nothing followed, nothing skipped in silence."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from detect.errors import ConfigError
from pipelines.evidence import Options, Scratch, is_container, walk
from pipelines.names import unescape
from tests.pipelines.evidence.archives import PICTURE, listing, stored, zip_bytes


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    folder.mkdir()
    return folder


@pytest.fixture
def deep(case: Path) -> Iterator[Path]:
    """Deleted by a program that can: pytest gives up on such folders."""
    yield case
    subprocess.run(["rm", "-rf", case], check=True)


def test_each_file_has_one_row_and_the_folder_comes_last(case: Path, tmp_path: Path) -> None:
    (case / "b.txt").write_text("text")
    (case / "a.jpg").write_bytes(PICTURE)
    (case / "B").mkdir()
    (case / "B" / "inner.zip").write_bytes(zip_bytes([stored(b"x.jpg", PICTURE)]))
    found = listing(case, tmp_path / "scratch")
    assert found.order == [
        "case/B/inner.zip!/x.jpg", "case/B/inner.zip", "case/a.jpg", "case/b.txt", "case",
    ]  # fmt: skip
    assert found.containers["case"].num_members == 3
    assert found.states() == {
        "case/B/inner.zip!/x.jpg": "examine",
        "case/a.jpg": "examine",
        "case/b.txt": "unsupported:not_media:text",
    }


def test_what_is_to_be_examined_is_hashed_and_where_it_is_plain_not_copied(case: Path, tmp_path: Path) -> None:
    (case / "a.jpg").write_bytes(PICTURE)
    os.utime(case / "a.jpg", (1_700_000_000, 1_700_000_000))
    entry = listing(case, tmp_path / "scratch").entries["case/a.jpg"]
    assert entry.sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert (entry.num_bytes, entry.spool, entry.modified) == (len(PICTURE), None, "2023-11-14T22:13:20+00:00")
    assert unescape(entry.locator[0].key) == os.fsencode(case / "a.jpg")


def test_no_name_decides_but_a_media_suffix_makes_a_damaged_file_be_looked_at(case: Path, tmp_path: Path) -> None:
    (case / "notes.mp4").write_text("#EXTM3U\nhttp://127.0.0.1/x\n")
    (case / "broken.mp4").write_bytes(b"\0\1\2\3" * 500)
    (case / "broken.bin").write_bytes(b"\0\1\2\3" * 500)
    (case / "empty.mp4").touch()
    (case / "empty.txt").touch()
    (case / "picture.txt").write_bytes(PICTURE)
    (case / "archive.mp4").write_bytes(zip_bytes([stored(b"x.jpg", PICTURE)]))
    assert listing(case, tmp_path / "scratch").states() == {
        "case/archive.mp4!/x.jpg": "examine",
        "case/broken.bin": "unsupported:not_media:other",
        "case/broken.mp4": "examine",
        "case/empty.mp4": "examine",
        "case/empty.txt": "unsupported:empty",
        "case/notes.mp4": "unsupported:not_media:text",
        "case/picture.txt": "examine",
    }


def test_links_pipes_and_sockets_are_rows_and_nothing_is_followed(case: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.jpg").write_bytes(PICTURE)
    (case / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (case / "loop").symlink_to(case)
    os.mkfifo(case / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(case / "s.mp4"))
        states = listing(case, tmp_path / "scratch").states()
    assert states == {
        "case/link.jpg": "unsupported:symlink",
        "case/loop": "unsupported:symlink",
        "case/pipe.mp4": "unsupported:special",
        "case/s.mp4": "unsupported:special",
    }


def test_names_of_any_bytes_come_back(case: Path, tmp_path: Path) -> None:
    names = [b"\xff\xfe.jpg", b"a\n\x1b[31m.jpg", "\u202egnp.jpg".encode(), b"back\\slash.jpg", "ä 日本.jpg".encode()]
    folder = os.path.join(os.fsencode(case), b"bang!")  # noqa: PTH118 - bytes
    os.mkdir(folder)  # noqa: PTH102
    for name in names:
        with open(os.path.join(folder, name), "wb") as file:  # noqa: PTH118, PTH123
            file.write(PICTURE)
    found = listing(case, tmp_path / "scratch")
    assert len(found.entries) == len(names)
    assert {unescape(chain) for chain in found.entries} == {b"case/bang!/" + name for name in names}
    assert not [chain for chain in found.entries if "!/" in chain]
    for entry in found.entries.values():
        assert open(unescape(entry.locator[0].key), "rb").close() is None  # noqa: PTH123


def test_two_roots_of_one_name_do_not_collide(tmp_path: Path) -> None:
    for parent in ("one", "two"):
        (tmp_path / parent / "case").mkdir(parents=True)
        (tmp_path / parent / "case" / "a.txt").write_text(parent)
    found = listing([tmp_path / "one" / "case", tmp_path / "two" / "case"], tmp_path / "scratch")
    assert found.order == ["case/a.txt", "case", "case\\#2/a.txt", "case\\#2"]


def test_a_root_that_is_a_file_begins_its_own_chain(tmp_path: Path) -> None:
    (tmp_path / "case7.zip").write_bytes(zip_bytes([stored(b"clips/a.jpg", PICTURE)]))
    (tmp_path / "a.txt").write_text("text")
    found = listing([tmp_path / "case7.zip", tmp_path / "a.txt"], tmp_path / "scratch")
    assert found.order == ["case7.zip!/clips/a.jpg", "case7.zip", "a.txt"]


def test_a_root_that_is_not_there_is_refused_before_anything_is_listed(case: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not there"):
        next(walk([case, tmp_path / "nowhere"], Options(), Scratch(tmp_path / "scratch", 1 << 20)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said(case: Path, tmp_path: Path) -> None:
    (case / "a.jpg").write_bytes(PICTURE)
    (case / "a.jpg").chmod(0)
    (case / "closed").mkdir(mode=0)
    states = listing(case, tmp_path / "scratch").states()
    (case / "closed").chmod(0o700)
    assert states == {"case/a.jpg": "unreadable:permission", "case/closed": "unreadable:permission"}


def test_the_result_folder_is_not_walked(case: Path, tmp_path: Path) -> None:
    (case / "out").mkdir()
    (case / "out" / "a.jpg").write_bytes(PICTURE)
    (case / "b.txt").write_text("text")
    found = listing(case, case / "copies", options=Options(exclude=(case / "out",)))
    assert list(found.entries) == ["case/b.txt"]


def test_folders_deeper_than_python_may_call(deep: Path, tmp_path: Path) -> None:
    depth = 1_500
    home = Path.cwd()
    try:
        os.chdir(deep)
        for _ in range(depth):
            os.mkdir("d")  # noqa: PTH102 - relative: the whole path is too long at once
            os.chdir("d")
        Path("a.txt").write_text("text")
    finally:
        os.chdir(home)
    found = listing(deep, tmp_path / "scratch")
    assert list(found.entries) == ["case/" + "d/" * depth + "a.txt"]


def test_a_path_longer_than_the_system_opens_is_a_row(deep: Path, tmp_path: Path) -> None:
    name = "d" * 250
    home = Path.cwd()
    try:
        os.chdir(deep)
        for _ in range(20):
            os.mkdir(name)  # noqa: PTH102
            os.chdir(name)
    finally:
        os.chdir(home)
    (state,) = listing(deep, tmp_path / "scratch").states().values()
    assert state == "unreadable:path_too_long"


def test_a_listed_container_is_not_opened_again(case: Path, tmp_path: Path) -> None:
    inner = zip_bytes([stored(b"x.jpg", PICTURE)])
    (case / "a.zip").write_bytes(zip_bytes([stored(b"inner.zip", inner), stored(b"y.jpg", PICTURE)]))
    first = listing(case, tmp_path / "scratch")
    assert "case/a.zip!/inner.zip!/x.jpg" in first.entries
    again = listing(case, tmp_path / "other", listed=frozenset({"case/a.zip!/inner.zip"}))
    assert again.order == ["case/a.zip!/y.jpg", "case/a.zip", "case"]
    assert listing(case, tmp_path / "third", listed=frozenset({"case/a.zip"})).order == ["case"]


def test_a_listing_goes_on_behind_the_members_that_are_done(case: Path, tmp_path: Path) -> None:
    (case / "a.txt").write_text("text")
    (case / "b.zip").write_bytes(zip_bytes([stored(b"1.txt", b"x"), stored(b"1.txt", b"x"), stored(b"1.txt", b"x")]))
    (case / "c.txt").write_text("text")
    found = listing(case, tmp_path / "scratch", after={"case": 1, "case/b.zip": 2})
    assert found.order == ["case/b.zip!/1.txt\\#3", "case/b.zip", "case/c.txt", "case"]
    assert found.containers["case/b.zip"].num_members == 3
    assert found.containers["case"].num_members == 3


def test_known_files_end_where_they_are_found_and_flagged_ones_wherever(case: Path, tmp_path: Path) -> None:
    (case / "ok.jpg").write_bytes(PICTURE)
    (case / "text.txt").write_bytes(b"wanted")
    other = PICTURE + b"other"
    (case / "a.zip").write_bytes(zip_bytes([stored(b"ok.jpg", PICTURE), stored(b"bad.jpg", other)]))
    (tmp_path / "ok.txt").write_text(hashlib.sha256(PICTURE).hexdigest() + "\n")
    bad = [hashlib.md5(other).hexdigest(), hashlib.md5(b"wanted").hexdigest()]  # noqa: S324 - as sets have it
    (tmp_path / "bad.txt").write_text("\n".join(bad) + "\n")
    options = Options(
        known_ok=(tmp_path / "ok.txt",), known_alert=(tmp_path / "bad.txt",), known_cache=tmp_path / "cache"
    )
    found = listing(case, tmp_path / "scratch", options=options)
    assert found.entries["case/ok.jpg"].state == found.entries["case/a.zip!/ok.jpg"].state == "known"
    assert found.entries["case/a.zip!/ok.jpg"].spool is None
    assert found.entries["case/a.zip!/bad.jpg"].state is None
    assert found.entries["case/a.zip!/bad.jpg"].alert is not None
    assert found.entries["case/text.txt"].alert is not None
    assert found.entries["case/text.txt"].state == "unsupported"


def test_a_recording_and_an_archive_in_one_file_are_both_found(case: Path, tmp_path: Path) -> None:
    archive = zip_bytes([stored(b"inside.jpg", PICTURE)])
    (case / "x.jpg").write_bytes(PICTURE + archive)
    (case / "setup.exe").write_bytes(b"MZ" + bytes(500) + archive)
    (case / "outer.zip").write_bytes(
        zip_bytes([stored(b"x.jpg", PICTURE + b"!" + archive), stored(b"setup.exe", b"MZ" + bytes(500) + archive)])
    )
    found = listing(case, tmp_path / "scratch")
    assert {chain: state for chain, state in found.states().items() if state == "examine"} == {
        "case/x.jpg": "examine",
        "case/x.jpg!/inside.jpg": "examine",
        "case/setup.exe!/inside.jpg": "examine",
        "case/outer.zip!/x.jpg": "examine",
        "case/outer.zip!/x.jpg!/inside.jpg": "examine",
        "case/outer.zip!/setup.exe!/inside.jpg": "examine",
    }
    assert found.content("case/outer.zip!/x.jpg!/inside.jpg") == PICTURE
    assert found.entries["case/x.jpg"].notes == ("also a ZIP archive, which is listed",)
    assert found.order.index("case/x.jpg") < found.order.index("case/x.jpg!/inside.jpg")


def test_is_container(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(zip_bytes([stored(b"x", b"")]))
    (tmp_path / "b").write_bytes(PICTURE)
    assert is_container(tmp_path / "a")
    assert not is_container(tmp_path / "b")
    assert not is_container(tmp_path / "nowhere")
