"""Uploads in progress. What `offset`, `append` and `finish` have answered is on the disk, whatever happens next."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.vault.digests import Checksum, RunningDigests
from service.vault.disk import make_folder, translated
from service.vault.errors import ChecksumMismatch, OffsetConflict, UploadSealed
from service.vault.part import STATE, UPLOAD_ID, Part
from service.vault.vault import Record, Stored, Vault
from service.vault.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload on the disk."""

    id: str
    num_bytes: int
    """As far as it is; some may not count."""
    changed_at: float
    """When the last byte arrived, or it was begun: seconds of the Unix epoch by the file system's clock."""


class Incoming:
    """Uploads in `incoming/` of a folder. Any number of threads and processes may use it at a time.

    Args:
        folder: The service's data folder, on one file system with the vault.
        vault: Where they go when they are finished.

    Raises:
        StorageFailed: the folders cannot be made or written, or files do not get from one into the other.
        StorageFull: there is no room for a file.
    """

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder / "incoming"
        self._vault = vault
        self._running = RunningDigests()
        with translated("the folder of uploads cannot be made"):
            make_folder(self._folder)
        vault.prepare()
        vault.check_links(self._folder)

    def create(self, upload_id: str, num_bytes: int = 0) -> None:
        """Begin an upload.

        Args:
            upload_id: `upload_` and 32 hexadecimal digits, never given before.
            num_bytes: How many will arrive, as far as is known.

        Raises:
            StorageFull: they would not fit.
            StorageFailed: the disk cannot be used.
            ValueError: that is no id, or it was given before.
        """
        self._vault.check_room(num_bytes)
        Part.create(self._folder, upload_id)

    def offset(self, upload_id: str) -> int:
        """Where the next byte goes: how many are on the disk for certain.

        Raises:
            UploadUnknown: there is no such upload.
            Busy: somebody writes to it.
            StorageFull, StorageFailed: the disk cannot be used.
        """
        with self._taken(upload_id) as part:
            return part.num_bytes

    def writer(
        self, upload_id: str, offset: int, *, checksum: Checksum | None = None, max_bytes: int | None = None
    ) -> Writer:
        """Begin a piece of an upload. It is the caller's alone until the writer is closed.

        Args:
            upload_id: Which.
            offset: Where the client says it goes on.
            checksum: Of this piece.
            max_bytes: What the upload may have in all.

        Raises:
            UploadUnknown: there is no such upload.
            UploadSealed: it is being finished.
            OffsetConflict: it goes on elsewhere.
            Busy: somebody else writes to it.
            StorageFull, StorageFailed: the disk cannot be used.
        """
        part = Part.open(self._folder, upload_id)
        try:
            _see_it_goes_on(part, offset)
            return Writer(
                part,
                upload_id,
                self._running,
                lambda: self._vault.check_room(0),
                checksum=checksum,
                max_bytes=max_bytes,
            )
        except BaseException:
            part.close()
            raise

    def append(
        self,
        upload_id: str,
        offset: int,
        chunks: Iterable[bytes],
        *,
        checksum: Checksum | None = None,
        max_bytes: int | None = None,
    ) -> int:
        """Add a piece; as `writer`, for who has the bytes at hand.

        Returns:
            Where the next piece goes.

        Raises:
            ChecksumMismatch: other bytes arrived than were announced; the upload is as it was before.
            TooLarge: the upload may not have that many; what came before is kept if there is no checksum.
            UploadUnknown, UploadSealed, OffsetConflict, Busy, StorageFull, StorageFailed: as `writer`.
        """
        with self.writer(upload_id, offset, checksum=checksum, max_bytes=max_bytes) as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.commit()

    def finish(self, upload_id: str, expected_sha256: str | None = None, record: Record | None = None) -> Stored:
        """Move an upload into the vault. Where it fails or is cut off it can be called again.

        Args:
            upload_id: Which.
            expected_sha256: What the client says it is.
            record: Called when the evidence is there for certain, and before the upload is gone, so that it is written
                down in any case; again, if this was cut off behind it. Meanwhile nobody can remove the evidence.

        Returns:
            The digest of what is on the disk, and its bytes.

        Raises:
            ChecksumMismatch: it is something else; the upload stays as it is.
            VaultDamaged: something else lies under this digest; the upload stays, and is sealed.
            UploadUnknown: there is no such upload, or it was finished before.
            Busy: somebody writes to it.
            StorageFull, StorageFailed: the disk cannot be used.
        """
        with self._taken(upload_id) as part:
            stored = Stored(self._digest(upload_id, part), part.num_bytes)
            if expected_sha256 is not None and expected_sha256.lower() != stored.sha256:
                raise ChecksumMismatch(expected_sha256, stored.sha256)
            with translated("an upload cannot be finished"):
                part.seal()
            self._vault.place(part.path, stored, record)
            with translated("an upload cannot be finished"):
                part.unlink()
        self._running.forget(upload_id)
        return stored

    def discard(self, upload_id: str) -> None:
        """Forget an upload and its bytes.

        Raises:
            UploadUnknown: there is none.
            Busy: somebody writes to it.
            StorageFailed: it cannot be removed.
        """
        Part.remove(self._folder, upload_id)
        self._running.forget(upload_id)

    def uploads(self) -> Iterator[Upload]:
        """All there are, in no order, also those that were half made or half removed when a process died.

        Raises:
            StorageFailed: the disk does not say.
        """
        with translated("the uploads cannot be listed"):
            names = os.listdir(self._folder)  # noqa: PTH208 - names, not paths
            for upload_id in sorted({name.removesuffix(STATE) for name in names}):
                if UPLOAD_ID.fullmatch(upload_id):
                    bytes_of = _status(self._folder / upload_id)
                    status = bytes_of or _status(self._folder / f"{upload_id}{STATE}")
                    if status is not None:
                        num_bytes = bytes_of.st_size if bytes_of is not None else 0
                        yield Upload(id=upload_id, num_bytes=num_bytes, changed_at=status.st_mtime)

    def expired(self, before: float) -> list[str]:
        """Uploads to which no byte was added since a time, in seconds of the Unix epoch.

        Raises:
            StorageFailed: the disk does not say.
        """
        return [upload.id for upload in self.uploads() if upload.changed_at < before]

    def _digest(self, upload_id: str, part: Part) -> str:
        running = self._running.of(upload_id, part.status)
        if running is None:
            with translated("an upload cannot be read"), open(part.descriptor, "rb", closefd=False) as file:
                file.seek(0)
                running = hashlib.file_digest(file, "sha256")
            self._running.keep(upload_id, part.status, running)
        return str(running.hexdigest())

    @contextmanager
    def _taken(self, upload_id: str) -> Iterator[Part]:
        part = Part.open(self._folder, upload_id)
        try:
            yield part
        finally:
            part.close()


def _see_it_goes_on(part: Part, offset: int) -> None:
    if part.sealed:
        raise UploadSealed("all bytes of this upload are there")
    if part.num_bytes != offset:
        raise OffsetConflict(part.num_bytes)


def _status(path: Path) -> os.stat_result | None:
    """What the file system says of a file that may go at any time; None where it went."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
