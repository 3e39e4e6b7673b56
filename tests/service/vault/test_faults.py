"""Disks that are full, broken, read only or changed by others: said for what it is, and no byte counts that is lost."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from service.vault.errors import OffsetConflict, StorageFailed, StorageFull, UploadUnknown
from service.vault.incoming import Incoming
from service.vault.vault import Vault
from tests.service.vault.disks import image_disk, make_read_only, resize, small_disk

ID = "upload_" + "0123456789abcdef" * 2
OTHER = "upload_" + "f" * 32
MOVIE = hashlib.shake_128(b"movie").digest(1 << 20)
DIGEST = hashlib.sha256(MOVIE).hexdigest()


def chunks(content: bytes) -> list[bytes]:
    return [content[at : at + 50_000] for at in range(0, len(content), 50_000)]


def stores(folder: Path, reserve_bytes: int = 0) -> tuple[Vault, Incoming]:
    vault = Vault(folder, reserve_bytes=reserve_bytes)
    return vault, Incoming(folder, vault)


def test_a_full_disk_keeps_what_fitted(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=800k") as disk:
        _, incoming = stores(disk)
        incoming.create(ID)
        with pytest.raises(StorageFull):
            incoming.append(ID, 0, chunks(MOVIE))
        offset = incoming.offset(ID)
        assert 700_000 < offset <= 800 << 10
        with pytest.raises(StorageFull):
            incoming.append(ID, offset, [MOVIE[offset:]])
        with pytest.raises(StorageFull, match="do not fit"):
            incoming.create(OTHER, 1 << 20)
        resize(disk, "4m")
        offset = incoming.offset(ID)
        incoming.append(ID, offset, [MOVIE[offset:]])
        assert incoming.finish(ID, DIGEST).num_bytes == len(MOVIE)


def test_a_limit_for_one_file_keeps_what_fitted(data: Path) -> None:
    program = (
        "import resource, sys; from pathlib import Path; from service.vault.errors import StorageFull\n"
        "from service.vault.vault import Vault; from service.vault.incoming import Incoming\n"
        "incoming = Incoming(Path(sys.argv[1]), Vault(Path(sys.argv[1]), reserve_bytes=0))\n"
        "incoming.create(sys.argv[2])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try: incoming.append(sys.argv[2], 0, [b'a' * 70_000, b'b' * 70_000])\n"
        "except StorageFull: sys.exit(7)"
    )
    result = subprocess.run([sys.executable, "-c", program, str(data), ID], check=False)
    assert result.returncode == 7
    _, incoming = stores(data)
    assert incoming.offset(ID) == 100_000
    assert incoming.finish(ID).sha256 == hashlib.sha256(b"a" * 70_000 + b"b" * 30_000).hexdigest()


def test_the_reserve_stays_free(tmp_path: Path) -> None:
    """Also from a client that did not say how much it would send."""
    with small_disk(tmp_path / "disk", "size=100m") as disk:
        _, incoming = stores(disk, reserve_bytes=50 << 20)
        incoming.create(ID)
        with pytest.raises(StorageFull, match="kept so"):
            incoming.append(ID, 0, (MOVIE for _ in range(90)))
        assert incoming.offset(ID) == 64 << 20
        incoming.discard(ID)
        incoming.create(ID, 49 << 20)


def test_no_room_for_another_file(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=4m,nr_inodes=500") as disk:
        _, incoming = stores(disk)
        with pytest.raises(StorageFull, match="files only"):
            incoming.create(ID)
    with small_disk(tmp_path / "disk", "size=4m,nr_inodes=1100") as disk:
        _, incoming = stores(disk)
        incoming.create(ID)
        incoming.append(ID, 0, [MOVIE])
        for number in range(2000):
            try:
                (disk / str(number)).touch()
            except OSError:
                break
        with pytest.raises(StorageFull):
            incoming.finish(ID)
        (disk / "0").unlink()
        (disk / "1").unlink()
        (disk / "2").unlink()
        assert incoming.finish(ID, DIGEST).num_bytes == len(MOVIE)


def test_a_disk_that_breaks(tmp_path: Path) -> None:
    """An ext4 whose device cannot keep what it is given: the kernel answers the sync with EIO."""
    with small_disk(tmp_path / "device", "size=8m") as device:
        with image_disk(device / "image", tmp_path / "disk") as disk:
            _, incoming = stores(disk)
            incoming.create(ID)
            incoming.append(ID, 0, [MOVIE])
            with pytest.raises(StorageFailed):
                incoming.append(ID, len(MOVIE), [MOVIE] * 10)
        resize(device, "32m")
        with image_disk(device / "image", tmp_path / "disk") as disk:
            vault, incoming = stores(disk)
            assert incoming.offset(ID) == len(MOVIE)
            assert incoming.finish(ID, DIGEST).num_bytes == len(MOVIE)
            assert vault.verify(DIGEST) == len(MOVIE)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_bytes_that_a_sync_lost_do_not_count(
    data: Path, incoming: Incoming, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The kernel reports a write that failed to one sync, and to no other: the next one succeeds without the bytes."""
    incoming.create(ID)
    incoming.append(ID, 0, [MOVIE[:1000]])
    sync, left = os.fsync, 1

    def fail(descriptor: int) -> None:
        nonlocal left
        if left and os.fstat(descriptor).st_size == len(MOVIE):
            left -= 1
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageFailed if number == errno.EIO else StorageFull, match="durable"):
        incoming.append(ID, 1000, [MOVIE[1000:]])
    assert left == 0
    assert incoming.offset(ID) == 1000
    incoming.append(ID, 1000, [MOVIE[1000:]])
    assert incoming.finish(ID).sha256 == DIGEST


def test_a_read_only_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=8m") as disk:
        vault, incoming = stores(disk)
        for upload in (ID, OTHER):
            incoming.create(upload)
            incoming.append(upload, 0, [MOVIE])
        incoming.finish(OTHER)
        make_read_only(disk)
        calls: list[Callable[[], object]] = [
            lambda: incoming.create("upload_" + "e" * 32),
            lambda: incoming.offset(ID),
            lambda: incoming.append(ID, len(MOVIE), [b"x"]),
            lambda: incoming.finish(ID),
            lambda: incoming.discard(ID),
            lambda: vault.remove(DIGEST),
            lambda: stores(disk),
        ]
        for call in calls:
            with pytest.raises(StorageFailed) as caught:
                call()
            assert caught.value.errno == errno.EROFS
        assert [one.id for one in incoming.uploads()] == [ID]
        reader = Vault(disk, reserve_bytes=0)
        assert reader.verify(DIGEST) == len(MOVIE)
        assert list(reader.digests()) == [DIGEST]


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StorageFailed):
        stores(tmp_path / "data")


def test_two_file_systems_are_refused_at_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data" / "evidence", "size=1m"), pytest.raises(StorageFailed, match="one file system"):
        stores(tmp_path / "data")
    assert [path.name for path in (tmp_path / "data" / "incoming").iterdir()] == []


def test_bytes_that_vanish(data: Path, incoming: Incoming) -> None:
    incoming.create(ID)
    incoming.append(ID, 0, [b"abc"])
    (data / "incoming" / ID).unlink()
    for call in (incoming.offset, incoming.finish, lambda upload: incoming.writer(upload, 3)):
        with pytest.raises(UploadUnknown, match="gone"):
            call(ID)
    incoming.discard(ID)
    assert list((data / "incoming").iterdir()) == []


@pytest.mark.parametrize("how", ["removed", "cut"])
def test_bytes_that_vanish_while_more_arrive(data: Path, incoming: Incoming, how: str) -> None:
    path = data / "incoming" / ID
    incoming.create(ID)
    with incoming.writer(ID, 0) as writer:
        writer.write(b"abcdef")
        if how == "removed":
            path.unlink()
        else:
            os.truncate(path, 3)
        with pytest.raises(StorageFailed, match="somebody else"):
            writer.commit()
    if how == "cut":
        with pytest.raises(OffsetConflict):
            incoming.writer(ID, 6)
        incoming.append(ID, 3, [b"xyz"])
        assert incoming.finish(ID).sha256 == hashlib.sha256(b"abcxyz").hexdigest()


def test_uploads_are_no_links(data: Path, incoming: Incoming, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"not evidence")
    incoming.create(ID)
    path = data / "incoming" / ID
    path.unlink()
    path.symlink_to(victim)
    for call in (incoming.offset, incoming.finish, lambda upload: incoming.append(upload, 12, [b"x"])):
        with pytest.raises(StorageFailed):
            call(ID)
    incoming.discard(ID)
    assert victim.read_bytes() == b"not evidence"
