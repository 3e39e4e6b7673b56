"""Uploads: what was answered holds, one writer at a time, and a piece with a checksum counts whole or not at all."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from service.vault.digests import Checksum, parse_checksum
from service.vault.errors import (
    Busy,
    ChecksumMismatch,
    ChecksumUnknown,
    OffsetConflict,
    StorageFull,
    TooLarge,
    UploadSealed,
    UploadUnknown,
)
from service.vault.incoming import Incoming
from service.vault.vault import Stored, Vault

ID = "upload_" + "0123456789abcdef" * 2
OTHER = "upload_" + "f" * 32
MOVIE = hashlib.shake_128(b"movie").digest(300_000)
DIGEST = hashlib.sha256(MOVIE).hexdigest()


def checksum(chunk: bytes, algorithm: str = "sha1") -> Checksum:
    return parse_checksum(f"{algorithm} {base64.b64encode(hashlib.new(algorithm, chunk).digest()).decode()}")


def pieces(content: bytes, size: int = 64_000) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def test_an_upload_in_pieces_becomes_evidence(data: Path, incoming: Incoming, vault: Vault) -> None:
    incoming.create(ID, len(MOVIE))
    assert incoming.offset(ID) == 0
    offset = 0
    for piece in pieces(MOVIE):
        offset = incoming.append(ID, offset, [piece[:1000], b"", piece[1000:]])
        assert incoming.offset(ID) == offset
    assert incoming.finish(ID, DIGEST) == (DIGEST, len(MOVIE))
    with vault.open(DIGEST) as file:
        assert file.read() == MOVIE
    path = vault.path(DIGEST)
    assert path == data / "evidence" / DIGEST[:2] / DIGEST
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert path.stat().st_nlink == 1
    for folder in (data, data / "evidence", path.parent, data / "incoming"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list((data / "incoming").iterdir()) == []
    for call in (incoming.offset, incoming.finish, incoming.discard):
        with pytest.raises(UploadUnknown):
            call(ID)


def test_another_process_takes_over(data: Path, incoming: Incoming, vault: Vault) -> None:
    incoming.create(ID)
    offset = incoming.append(ID, 0, pieces(MOVIE)[:2])
    other = Incoming(data, vault)
    offset = other.append(ID, offset, pieces(MOVIE)[2:4])
    incoming.append(ID, offset, pieces(MOVIE)[4:])
    assert other.finish(ID).sha256 == DIGEST


def test_the_digest_is_of_what_is_on_the_disk(data: Path, incoming: Incoming) -> None:
    incoming.create(ID)
    incoming.append(ID, 0, [MOVIE])
    time.sleep(0.02)  # a file's clock ticks slower than ours
    with (data / "incoming" / ID).open("r+b") as file:
        file.write(b"altered")
    altered = hashlib.sha256(b"altered" + MOVIE[7:]).hexdigest()
    with pytest.raises(ChecksumMismatch) as caught:
        incoming.finish(ID, DIGEST)
    assert (caught.value.expected, caught.value.found) == (DIGEST, altered)
    assert incoming.offset(ID) == len(MOVIE)
    assert incoming.finish(ID).sha256 == altered


def test_an_empty_upload(incoming: Incoming) -> None:
    incoming.create(ID)
    assert incoming.finish(ID) == (hashlib.sha256().hexdigest(), 0)


def test_it_goes_on_where_it_is(incoming: Incoming) -> None:
    incoming.create(ID)
    incoming.append(ID, 0, [b"12345"])
    for offset in (0, 4, 6, -1, 1 << 40):
        with pytest.raises(OffsetConflict) as caught:
            incoming.append(ID, offset, [b"x"])
        assert caught.value.offset == 5


@pytest.mark.parametrize("checked", [False, True])
def test_a_client_that_goes_away(incoming: Incoming, checked: bool) -> None:
    def chunks():  # type: ignore[no-untyped-def]
        yield MOVIE[5:100_000]
        raise ConnectionResetError

    incoming.create(ID)
    incoming.append(ID, 0, [MOVIE[:5]])
    with pytest.raises(ConnectionResetError):
        incoming.append(ID, 5, chunks(), checksum=checksum(MOVIE[5:]) if checked else None)
    offset = incoming.offset(ID)
    assert offset == (5 if checked else 100_000)
    incoming.append(ID, offset, [MOVIE[offset:]])
    assert incoming.finish(ID).sha256 == DIGEST


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_checksums(incoming: Incoming, algorithm: str) -> None:
    incoming.create(ID)
    offset = incoming.append(ID, 0, pieces(MOVIE[:200_000]), checksum=checksum(MOVIE[:200_000], algorithm))
    with pytest.raises(ChecksumMismatch):
        incoming.append(ID, offset, [b"flipped" + MOVIE[200_007:]], checksum=checksum(MOVIE[200_000:], algorithm))
    assert incoming.offset(ID) == offset
    incoming.append(ID, offset, [MOVIE[offset:]], checksum=checksum(MOVIE[offset:], algorithm))
    assert incoming.finish(ID).sha256 == DIGEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha1",
        "sha1 ",
        "crc32 AAAA",
        "sha1 AAAA",
        "sha1 ???",
        "SHA1 " + "A" * 28,
        "sha1 " + "é" * 28,
        "md5 " + "=" * 9,
    ],
)
def test_checksums_that_are_none(text: str) -> None:
    with pytest.raises(ChecksumUnknown):
        parse_checksum(text)


def test_one_writer_at_a_time(data: Path, incoming: Incoming, vault: Vault) -> None:
    incoming.create(ID)
    incoming.create(OTHER)
    with incoming.writer(ID, 0) as writer:
        writer.write(b"abc")
        for one in (incoming, Incoming(data, vault)):
            for call in (one.offset, one.finish, one.discard):
                with pytest.raises(Busy):
                    call(ID)
            with pytest.raises(Busy):
                one.writer(ID, 3)
        incoming.append(OTHER, 0, [b"another is nobody's business"])
        assert writer.commit() == 3
        with pytest.raises(ValueError, match="over"):
            writer.write(b"d")
    with pytest.raises(ValueError, match="over"):
        writer.commit()
    assert incoming.append(ID, 3, [b"d"]) == 4


def test_many_writers_at_once_lose_nothing(data: Path, vault: Vault) -> None:
    stores = [Incoming(data, vault) for _ in range(3)]
    stores[0].create(ID)
    written: list[bytes] = []

    def insist(number: int) -> None:
        left, offset = 20, 0
        while left:
            chunk = f"{number}:{left};".encode()
            try:
                with stores[number % 3].writer(ID, offset) as writer:
                    offset = writer.write(chunk)
                    written.append(chunk)
                    writer.commit()
                left -= 1
            except OffsetConflict as error:
                offset = error.offset
            except Busy:
                time.sleep(0.001)

    threads = [threading.Thread(target=insist, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(written) == 120
    assert stores[0].finish(ID).sha256 == hashlib.sha256(b"".join(written)).hexdigest()


def test_a_writer_that_is_left_while_it_writes(incoming: Incoming) -> None:
    """As when a request is cancelled while a thread of it is at work: that write ends first, and in its own file."""
    large = MOVIE * 100
    incoming.create(ID)
    writer = incoming.writer(ID, 0)
    writing = threading.Thread(target=writer.write, args=(large,))
    writing.start()
    time.sleep(0.005)
    writer.close()
    with pytest.raises(ValueError, match="over"):
        writer.write(b"x")
    writing.join()
    assert incoming.offset(ID) == len(large)
    assert incoming.finish(ID).sha256 == hashlib.sha256(large).hexdigest()


def test_an_upload_that_goes_while_it_is_locked(
    data: Path, incoming: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock on a file that has no name any more keeps nobody out."""
    flock = fcntl.flock

    def too_late(descriptor: int, operation: int) -> None:
        (data / "incoming" / f"{ID}.state").unlink()
        flock(descriptor, operation)

    incoming.create(ID)
    monkeypatch.setattr(fcntl, "flock", too_late)
    with pytest.raises(UploadUnknown):
        incoming.offset(ID)


def test_an_upload_has_a_limit(incoming: Incoming) -> None:
    incoming.create(ID)
    with pytest.raises(TooLarge) as caught:
        incoming.append(ID, 0, pieces(MOVIE, 1000), max_bytes=5500)
    assert caught.value.limit_bytes == 5500
    assert incoming.offset(ID) == 5000
    assert incoming.append(ID, 5000, [MOVIE[5000:5500]], max_bytes=5500) == 5500


@pytest.mark.parametrize(
    "name", ["", "upload_", "upload_" + "g" * 32, ID.upper(), ID + "\n", "../" + ID, ID + ".state", "\0"]
)
def test_ids_are_ids(data: Path, incoming: Incoming, name: str) -> None:
    for call in (incoming.offset, incoming.finish, incoming.discard):
        with pytest.raises(UploadUnknown):
            call(name)
    with pytest.raises(UploadUnknown):
        incoming.writer(name, 0)
    with pytest.raises(ValueError, match="id"):
        incoming.create(name)
    assert list((data / "incoming").iterdir()) == []


def test_an_id_is_given_once(incoming: Incoming) -> None:
    incoming.create(ID)
    incoming.append(ID, 0, [b"abc"])
    with pytest.raises(ValueError, match="given before"):
        incoming.create(ID)
    assert incoming.offset(ID) == 3


def test_the_same_content_is_one_object(data: Path, incoming: Incoming, vault: Vault) -> None:
    ids = [f"upload_{number:032x}" for number in range(12)]
    for one in ids:
        incoming.create(one)
        incoming.append(one, 0, [MOVIE])
    stored: list[Stored] = []
    recorded: list[Stored] = []
    start = threading.Barrier(len(ids))

    def finish(one: str) -> None:
        start.wait()
        stored.append(incoming.finish(one, record=recorded.append))

    threads = [threading.Thread(target=finish, args=(one,)) for one in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored == recorded == [(DIGEST, len(MOVIE))] * len(ids)
    assert list(vault.digests()) == [DIGEST]
    assert vault.path(DIGEST).stat().st_nlink == 1
    assert list((data / "incoming").iterdir()) == []


def test_what_cannot_be_written_down_can_be_finished_again(data: Path, incoming: Incoming, vault: Vault) -> None:
    def fail(_: Stored) -> None:
        raise OSError("the database is away")

    incoming.create(ID)
    incoming.append(ID, 0, [MOVIE])
    with pytest.raises(OSError, match="database"):
        incoming.finish(ID, record=fail)
    assert incoming.offset(ID) == len(MOVIE)
    with pytest.raises(UploadSealed):  # it is in the vault under another name
        incoming.append(ID, len(MOVIE), [b"x"])
    recorded: list[Stored] = []
    assert Incoming(data, vault).finish(ID, record=recorded.append) == (DIGEST, len(MOVIE))
    assert recorded == [(DIGEST, len(MOVIE))]
    assert vault.verify(DIGEST) == len(MOVIE)


def test_nothing_is_removed_while_it_is_placed(incoming: Incoming, vault: Vault) -> None:
    incoming.create(ID)
    incoming.append(ID, 0, [MOVIE])
    needed: list[Stored] = []
    removed: list[bool] = []
    purge = threading.Thread(target=lambda: removed.append(vault.remove(DIGEST, unless=lambda: bool(needed))))

    def record(stored: Stored) -> None:
        purge.start()
        time.sleep(0.1)
        assert not removed
        needed.append(stored)

    incoming.finish(ID, record=record)
    purge.join()
    assert removed == [False]
    assert vault.contains(DIGEST)


def test_cleaning_up(data: Path, incoming: Incoming) -> None:
    for name in (ID, OTHER):
        incoming.create(name)
        incoming.append(name, 0, [b"12345"])
    stump = "upload_" + "0" * 32  # a process died while it made or removed it
    (data / "incoming" / f"{stump}.state").touch(0o600)
    (data / "incoming" / "notes.txt").touch()
    for name in (ID, f"{stump}.state"):
        os.utime(data / "incoming" / name, (1000, 1000))
    assert [(one.id, one.num_bytes) for one in incoming.uploads()] == [(stump, 0), (ID, 5), (OTHER, 5)]
    assert incoming.expired(1001) == [stump, ID]
    assert incoming.expired(1000) == []
    for name in incoming.expired(1001):
        incoming.discard(name)
    assert [one.id for one in incoming.uploads()] == [OTHER]
    assert (data / "incoming" / "notes.txt").exists()


def test_no_room(data: Path) -> None:
    incoming = Incoming(data, Vault(data, reserve_bytes=0))
    with pytest.raises(StorageFull, match="do not fit"):
        incoming.create(ID, 1 << 60)
    reserved = Incoming(data, Vault(data, reserve_bytes=1 << 60))
    with pytest.raises(StorageFull):
        reserved.create(ID)
    assert list(incoming.uploads()) == []
