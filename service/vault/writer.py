"""Writes one piece of an upload: each write may be in another thread, and leaving the block early loses no byte.

    with incoming.writer(upload_id, offset) as writer:
        for chunk in chunks:
            writer.write(chunk)
        offset = writer.commit()

A piece without a checksum counts as far as it came, also when the client goes away or the disk is full. One with a
checksum counts as a whole or not at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from service.vault.digests import Checksum, Hash, RunningDigests
from service.vault.disk import translated
from service.vault.errors import ChecksumMismatch, StorageFailed, TooLarge
from service.vault.part import Part

_SYNC_BYTES = 1 << 26
"""Synced at least that often: a disk at 100 MB/s then answers the last sync within a second, whatever came before, and
few bytes wait in memory that other uploads need."""

CheckRoom = Callable[[], None]
"""Raises where the disk comes near its reserve."""


class Writer:
    """A piece of an upload, at the end of what is there.

    Args:
        part: Locked; this closes it.
        upload_id: Whose.
        running: Digests of what was received.
        check_room: Asked now and then.
        checksum: Of the whole piece.
        max_bytes: What the upload may have in all.

    Raises:
        StorageFull, StorageFailed: it cannot be begun.
    """

    def __init__(
        self,
        part: Part,
        upload_id: str,
        running: RunningDigests,
        check_room: CheckRoom,
        *,
        checksum: Checksum | None,
        max_bytes: int | None,
    ) -> None:
        self._part: Part | None = part
        self._upload_id = upload_id
        self._running = running
        self._check_room = check_room
        self._checksum = checksum
        self._max_bytes = max_bytes
        self._start = self._synced = self._offset = part.num_bytes
        self._hash: Hash | None = running.of(upload_id, part.status)
        self._hash_at_start: Hash | None = self._hash.copy() if self._hash is not None else None
        self._check: Hash | None = checksum.begin() if checksum is not None else None
        self._over = False
        # A task that is cancelled leaves the block while its last write is still under way in a thread. To close the
        # file then would let that thread write into whatever file gets its descriptor next.
        self._turn = threading.Lock()
        if checksum is not None:
            with translated("a piece of an upload cannot be begun"):
                part.hold(self._start)

    @property
    def offset(self) -> int:
        """Where the next byte goes."""
        return self._offset

    def write(self, chunk: bytes | bytearray | memoryview) -> int:
        """Write some bytes.

        Args:
            chunk: A mebibyte at most is a good size: it is written, and digested, in one go.

        Returns:
            Where the next byte goes.

        Raises:
            TooLarge: the upload may not have that many; nothing of this chunk was written.
            StorageFull: the disk is full; what fitted was written.
            StorageFailed: the disk cannot be used.
            ValueError: the piece is over.
        """
        with self._turn:
            part = self._open_part()
            rest = memoryview(chunk).cast("B")
            if self._max_bytes is not None and self._offset + len(rest) > self._max_bytes:
                raise TooLarge(self._max_bytes)
            while rest:
                with translated("what arrives cannot be written"):
                    num_written = part.write(rest, self._offset)
                for running in (self._hash, self._check):
                    if running is not None:
                        running.update(rest[:num_written])
                self._offset += num_written
                rest = rest[num_written:]
            if self._offset - self._synced >= _SYNC_BYTES:
                self._sync(part)
                self._check_room()
            return self._offset

    def commit(self) -> int:
        """End the piece: all of it is on the disk when this returns.

        Returns:
            Where the next piece goes.

        Raises:
            ChecksumMismatch: other bytes arrived than were announced; the upload is as it was before.
            StorageFull, StorageFailed: the disk did not take it all; the upload's offset says what it has.
            ValueError: the piece is over.
        """
        with self._turn:
            part = self._open_part()
            if self._checksum is not None and self._check is not None:
                if self._check.digest() != self._checksum.digest:
                    self._undo(part)
                    raise ChecksumMismatch(self._checksum.digest.hex(), self._check.hexdigest())
                self._sync(part)
                with translated("a piece of an upload cannot be ended"):
                    part.release()
            else:
                self._sync(part)
            self._over = True
            self._remember(part, self._hash)
            return self._offset

    def close(self) -> None:
        """Leave it: without `commit`, what arrived stays if the piece had no checksum, and goes if it had one.

        Raises:
            StorageFull, StorageFailed: the disk cannot be used; what was acknowledged before is still there.
        """
        with self._turn:
            part, self._part = self._part, None
            if part is None:
                return
            try:
                if self._over:
                    return
                if self._checksum is not None:
                    self._undo(part)
                else:
                    self._sync(part)
                    self._remember(part, self._hash)
            finally:
                part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _open_part(self) -> Part:
        if self._part is None or self._over:
            raise ValueError("this piece of the upload is over")
        return self._part

    def _sync(self, part: Part) -> None:
        """Make what arrived durable; where that fails, go back to what is.

        A sync that failed has thrown away what it could not write, and the next one says that all is well (Rebello et
        al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
        """
        status = part.status
        if status.st_size < self._offset or not status.st_nlink:
            self._over = True
            raise StorageFailed("the bytes of this upload were cut off or removed by somebody else")
        with translated("what arrived cannot be made durable"):
            try:
                if status.st_size > self._offset:  # a write that failed may have left some behind
                    part.cut(self._offset)
                part.sync()
            except OSError:
                self._over = True
                self._running.forget(self._upload_id)
                part.cut(self._start if self._checksum is not None else self._synced)
                raise
        self._synced = self._offset

    def _undo(self, part: Part) -> None:
        self._over = True
        with translated("a piece of an upload cannot be taken back"):
            part.cut(self._start)
            part.release()
        self._remember(part, self._hash_at_start)

    def _remember(self, part: Part, running: Hash | None) -> None:
        if running is not None:
            self._running.keep(self._upload_id, part.status, running)
