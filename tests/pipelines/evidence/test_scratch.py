"""The scratch folder: bounded, waiting for the consumer, and clean afterwards."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from detect.errors import DeviceError, LimitExceeded
from pipelines.evidence import Options, walk
from pipelines.evidence.scratch import Scratch, number_of
from pipelines.items import Entry
from tests.pipelines.evidence.archives import PICTURE, listing, stored, zip_bytes


def _write(scratch: Scratch, num_bytes: int) -> str:
    with scratch.copy(nested=False) as copy:
        copy.write(bytes(num_bytes))
        return copy.keep()


def test_what_is_kept_stays_and_what_is_not_goes(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch", 1000)
    kept = _write(scratch, 100)
    with scratch.copy(nested=False) as copy:
        copy.write(b"x")
    assert [path.name for path in scratch.folder.iterdir()] == [kept]
    assert scratch.path(kept).stat().st_mode & 0o777 == 0o600


def test_it_waits_until_the_consumer_has_made_room(tmp_path: Path) -> None:
    waits = []
    scratch = Scratch(tmp_path / "scratch", 1000, on_wait=lambda: waits.append(threading.get_ident()))
    first = _write(scratch, 900)
    done = threading.Event()

    def second() -> None:
        _write(scratch, 900)
        done.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not done.wait(0.3)
    scratch.path(first).unlink()
    assert done.wait(10)
    thread.join()
    assert len(waits) == 1


def test_what_can_never_fit_is_refused_at_once(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch", 1000)
    with pytest.raises(LimitExceeded) as caught:
        _write(scratch, 1001)
    assert caught.value.reason == "archive:spool"
    assert not list(scratch.folder.iterdir())
    assert _write(scratch, 1000)


def test_a_nested_container_takes_from_the_room_of_its_members(tmp_path: Path) -> None:
    inner = zip_bytes([stored(b"a.jpg", PICTURE), stored(b"big.jpg", PICTURE * 3)])
    (tmp_path / "a.zip").write_bytes(zip_bytes([stored(b"inner.zip", inner), stored(b"b.jpg", PICTURE * 3)]))
    found = []
    scratch = Scratch(tmp_path / "scratch", len(inner) + 2 * len(PICTURE))
    for each in walk([tmp_path / "a.zip"], Options(), scratch):
        if isinstance(each, Entry):
            found.append((each.chain, each.reason))
            if each.spool is not None:
                scratch.path(each.spool).unlink()
    assert found == [
        ("a.zip!/inner.zip!/a.jpg", None),
        ("a.zip!/inner.zip!/big.jpg", "archive:spool"),
        ("a.zip!/b.jpg", None),
    ]
    assert not list(scratch.folder.iterdir())


def test_more_comes_through_than_fits_when_the_consumer_keeps_up(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_bytes([stored(b"%d.jpg" % index, PICTURE) for index in range(50)]))
    scratch = Scratch(tmp_path / "scratch", 3 * len(PICTURE))
    most = 0
    for each in walk([tmp_path / "a.zip"], Options(), scratch):
        if isinstance(each, Entry) and each.spool is not None:
            most = max(most, sum(path.stat().st_size for path in scratch.folder.iterdir()))
            assert scratch.path(each.spool).read_bytes() == PICTURE
            scratch.path(each.spool).unlink()
    assert most <= 3 * len(PICTURE)


def test_no_copy_of_a_nested_container_stays(tmp_path: Path) -> None:
    inner = zip_bytes([stored(b"a.txt", b"text")])
    (tmp_path / "a.zip").write_bytes(zip_bytes([stored(b"inner.zip", inner), stored(b"cut.zip", inner[:20])]))
    found = listing(tmp_path / "a.zip", tmp_path / "scratch")
    assert len(found.containers) == 3
    assert not list((tmp_path / "scratch").iterdir())


def test_a_walk_that_is_abandoned_leaves_no_container(tmp_path: Path) -> None:
    inner = zip_bytes([stored(b"a.jpg", PICTURE), stored(b"b.jpg", PICTURE)])
    (tmp_path / "a.zip").write_bytes(zip_bytes([stored(b"inner.zip", inner)]))
    scratch = Scratch(tmp_path / "scratch", 1 << 20)
    found = walk([tmp_path / "a.zip"], Options(), scratch)
    first = next(found)
    assert isinstance(first, Entry)
    found.close()  # type: ignore[attr-defined]  # it is a generator
    assert [path.name for path in scratch.folder.iterdir()] == [first.spool]


def test_what_a_dead_walk_left_is_cleared_but_not_what_was_passed_on(tmp_path: Path) -> None:
    dead = Scratch(tmp_path / "scratch", 1 << 20, token="dead")  # noqa: S106 - no secret
    names = [_write(dead, 10) for _ in range(3)]
    (dead.folder / "c-dead-000000009").write_bytes(b"unfinished")
    (dead.folder / "again-1-1").write_bytes(b"somebody else's")
    other = _write(Scratch(tmp_path / "scratch", 1 << 20), 10)
    Scratch(tmp_path / "scratch", 1 << 20).clear("dead", number_of(names[0]))
    assert {path.name for path in dead.folder.iterdir()} == {names[0], other, "again-1-1"}


def test_a_folder_that_cannot_be_made_is_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeviceError, match="scratch folder"):
        Scratch(tmp_path / "file" / "scratch", 1)
