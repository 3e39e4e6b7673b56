"""The store of evidence: files that are never written again, each named by the SHA-256 of its bytes.

An object appears under its name whole, synced and read only, or not at all: it is linked there from where it was
received. While it is placed or removed, and while the caller writes down which of the two it was, a lock on the first
byte of its digest keeps everybody else from doing either.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from service.vault.disk import SEALED_MODE, check_room, lock, make_folder, sync_folder, translated
from service.vault.errors import NotStored, VaultDamaged

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SET_ASIDE = "set-aside"


class Stored(NamedTuple):
    """Evidence that is in the vault."""

    sha256: str
    num_bytes: int


Record = Callable[[Stored], None]
"""Writes down that evidence is stored, while nobody can remove it. As what is asked on removing, it must not wait for
anybody who may be waiting for the vault: whoever holds a database does not call the vault, the vault calls them."""


class Vault:
    """Evidence by digest, in `evidence/` of a folder.

    Args:
        folder: The service's data folder. Nothing is written by opening; `prepare` makes what is missing.
        reserve_bytes: What stays free on the disk whatever comes.
    """

    def __init__(self, folder: Path, *, reserve_bytes: int) -> None:
        self._folder = folder / "evidence"
        self._reserve_bytes = reserve_bytes

    def prepare(self) -> None:
        """Make the folder, ours alone.

        Raises:
            StorageFailed: it cannot be made, or belongs to somebody else.
            StorageFull: there is no room.
        """
        with translated("the folder of evidence cannot be made"):
            make_folder(self._folder)

    def path(self, sha256: str) -> Path:
        """Where evidence lies if it is stored; `contains` says whether.

        Raises:
            NotStored: that is no digest.
        """
        if not _SHA256.fullmatch(sha256):
            raise NotStored("evidence is named by 64 lower-case hexadecimal digits")
        return self._folder / sha256[:2] / sha256

    def contains(self, sha256: str) -> bool:
        """Whether there is something under this digest.

        Raises:
            StorageFailed: the disk does not say.
        """
        if not _SHA256.fullmatch(sha256):
            return False
        with translated("evidence cannot be looked for"):
            try:
                self.path(sha256).lstat()
            except FileNotFoundError:
                return False
        return True

    def open(self, sha256: str) -> BufferedReader:
        """Open evidence for reading; to be closed.

        Raises:
            NotStored: there is none of this digest.
            VaultDamaged: it is no file.
            StorageFailed: the disk does not give it.
        """
        path = self.path(sha256)
        with translated(f"evidence {sha256} cannot be opened"):
            # Not blocking: a pipe in its place would be waited for.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            try:
                descriptor = os.open(path, flags)
            except FileNotFoundError as error:
                raise NotStored(f"there is no evidence {sha256}") from error
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENXIO):
                    raise VaultDamaged(sha256, "it is no file") from error
                raise
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise VaultDamaged(sha256, "it is no file")
            return os.fdopen(descriptor, "rb")

    def verify(self, sha256: str) -> int:
        """Read all of it, from the disk where the system lets us, and hold it against its name.

        Returns:
            Its bytes.

        Raises:
            NotStored: there is none of this digest.
            VaultDamaged: it is not what its name says.
            StorageFailed: the disk does not give it.
        """
        with self.open(sha256) as file, translated(f"evidence {sha256} cannot be read"):
            # What lies in memory may be good where the disk is not.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            found = hashlib.file_digest(file, "sha256").hexdigest()
            num_bytes = file.tell()
        if found != sha256:
            raise VaultDamaged(sha256, f"its {num_bytes} bytes have the SHA-256 {found}")
        return num_bytes

    def digests(self) -> Iterator[str]:
        """What is stored, in no order; what comes or goes meanwhile may be in it or not.

        Raises:
            StorageFailed: the disk does not say.
        """
        with translated("the evidence cannot be listed"):
            for first in range(256):
                folder = self._folder / f"{first:02x}"
                try:
                    names = os.listdir(folder)  # noqa: PTH208 - names, not paths
                except FileNotFoundError:
                    continue
                yield from (name for name in names if _SHA256.fullmatch(name))

    def remove(self, sha256: str, *, unless: Callable[[], bool] | None = None) -> bool:
        """Remove evidence for good; what has it open reads on.

        Args:
            sha256: Which.
            unless: Asked while nobody can place it: whether it is needed after all. It must not wait for anybody who
                may be waiting to place evidence.

        Returns:
            Whether bytes were removed by this.

        Raises:
            NotStored: that is no digest.
            StorageFailed: it cannot be removed.
        """
        path = self.path(sha256)
        with self._held(sha256):
            if unless is not None and unless():
                return False
            with translated(f"evidence {sha256} cannot be removed"):
                removed = True
                try:
                    path.unlink()
                except FileNotFoundError:
                    removed = False  # perhaps by a process that died before it could make that durable
                sync_folder(path.parent)
                return removed

    def set_aside(self, sha256: str) -> Path | None:
        """Move damaged evidence out of the way, so that good bytes of this digest can be placed.

        Returns:
            Where it lies now, for whoever looks into what happened; None where it is good, and stays.

        Raises:
            NotStored: there is none of this digest.
            StorageFailed: it cannot be read or moved.
        """
        path = self.path(sha256)
        with self._held(sha256):
            try:
                self.verify(sha256)
            except VaultDamaged:
                with translated(f"evidence {sha256} cannot be moved"):
                    make_folder(self._folder / _SET_ASIDE)
                    aside = self._folder / _SET_ASIDE / f"{sha256}.{secrets.token_hex(8)}"
                    path.rename(aside)
                    sync_folder(aside.parent)
                    sync_folder(path.parent)
                    return aside
        return None

    def check_room(self, num_bytes: int) -> None:
        """Refuse what would not fit, or would touch the reserve.

        Raises:
            StorageFull: too little is free.
            StorageFailed: the disk does not say.
        """
        with translated("the disk does not say what is free"):
            check_room(self._folder, num_bytes, self._reserve_bytes)

    def place(self, part: Path, stored: Stored, record: Record | None = None) -> None:
        """Put a synced file, whose digest was taken, under that digest as well; the same content twice is one object.

        Args:
            part: On the same file system; it keeps its name, so that this can be done again.
            stored: What it is.
            record: Called when it is there for certain.

        Raises:
            VaultDamaged: something else lies under this digest.
            StorageFailed: it cannot be placed.
            StorageFull: there is no room for a name.
        """
        path = self.path(stored.sha256)
        with self._held(stored.sha256):
            with translated(f"evidence {stored.sha256} cannot be placed"):
                try:
                    os.link(part, path, follow_symlinks=False)
                except FileExistsError:
                    # The same file, if this was cut off before. Another is believed only when it was read.
                    if not os.path.samestat(path.lstat(), part.lstat()):
                        self.verify(stored.sha256)
                sync_folder(path.parent)
            if record is not None:
                record(stored)

    def check_links(self, folder: Path) -> None:
        """See that files get from a folder into the vault: on the same file system, by hard links.

        Raises:
            StorageFailed: they do not.
            StorageFull: there is no room for a file.
        """
        name = f".probe-{secrets.token_hex(8)}"
        probe, linked = folder / name, self._folder / name
        with translated(f"{folder} and {self._folder} must be on one file system that has hard links"):
            try:
                probe.touch(SEALED_MODE, exist_ok=False)
                os.link(probe, linked)
            finally:
                linked.unlink(missing_ok=True)
                probe.unlink(missing_ok=True)

    @contextmanager
    def _held(self, sha256: str) -> Iterator[None]:
        """Nobody else places or removes evidence with this first byte."""
        folder = self._folder / sha256[:2]
        with translated("evidence cannot be locked"):
            make_folder(folder)
            descriptor = lock(folder / ".lock", wait=True, create=True)
        try:
            yield
        finally:
            os.close(descriptor)
