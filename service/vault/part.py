"""An upload on the disk: its bytes, and beside them a small file that is its lock and its memory.

incoming/upload_...          the bytes; mode 0400 once it is sealed, on its way into the vault
incoming/upload_....state    locked by whoever works on it; holds the size to go back to while a piece that has
                             a checksum arrives, since half of such a piece counts for nothing
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Self

from service.vault.disk import FILE_MODE, SEALED_MODE, lock, sync_folder, translated
from service.vault.errors import Busy, UploadUnknown

UPLOAD_ID = re.compile(r"upload_[0-9a-f]{32}")
STATE = ".state"
_HELD = re.compile(rb"(\d{20})\n")
"""Written and synced in one piece; anything else was never synced, and nothing arrived on its account."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Part:
    """One upload's bytes, for its holder alone until it is closed. Use `create` and `open`."""

    def __init__(self, path: Path, file: int, state: int) -> None:
        self.path = path
        self._file = file
        self._state = state

    @staticmethod
    def create(folder: Path, upload_id: str) -> None:
        """Begin an upload, without bytes, durable when this returns.

        Raises:
            ValueError: that is no id, or it was given before.
            StorageFull, StorageFailed: it cannot be made; nothing is left of it.
        """
        path = _path(folder, upload_id)
        state = _state_path(path)
        with translated("an upload cannot be begun"):
            try:
                os.close(os.open(state, _NEW, FILE_MODE))
            except FileExistsError as error:
                raise ValueError(f"{upload_id} was given before") from error
            try:
                os.close(os.open(path, _NEW, FILE_MODE))
                sync_folder(folder)
            except OSError:
                path.unlink(missing_ok=True)
                state.unlink()
                raise

    @classmethod
    def open(cls, folder: Path, upload_id: str) -> Self:
        """Take an upload, as it is on the disk: what was not synced is, and what does not count is cut off.

        Raises:
            UploadUnknown: there is none.
            Busy: somebody else has it.
            StorageFull, StorageFailed: the disk cannot be used.
        """
        path = _find(folder, upload_id)
        with translated("an upload cannot be opened"):
            state = _lock(path)
            try:
                file = _open(path)
            except BaseException:
                os.close(state)
                raise
            part = cls(path, file, state)
            try:
                part._settle()
            except BaseException:
                part.close()
                raise
            return part

    @staticmethod
    def remove(folder: Path, upload_id: str) -> None:
        """Forget an upload, also one that was half made or half removed.

        Raises:
            UploadUnknown: there is none.
            Busy: somebody has it.
            StorageFailed: it cannot be removed.
        """
        path = _find(folder, upload_id)
        with translated("an upload cannot be removed"):
            state = _lock(path)
            try:
                _unlink(path)
            finally:
                os.close(state)

    @property
    def status(self) -> os.stat_result:
        """What the file system says of the bytes."""
        return os.fstat(self._file)

    @property
    def num_bytes(self) -> int:
        """How many there are."""
        return self.status.st_size

    @property
    def sealed(self) -> bool:
        """Whether nothing may be added: from here on it may have a second name, in the vault."""
        return not self.status.st_mode & stat.S_IWUSR

    @property
    def descriptor(self) -> int:
        """Of the bytes, for reading."""
        return self._file

    def write(self, chunk: memoryview, offset: int) -> int:
        """Write what the disk takes of it, at a place; how many bytes that was.

        Raises:
            OSError: the disk took none of it.
        """
        return os.pwrite(self._file, chunk, offset)

    def sync(self) -> None:
        """Make what was written durable.

        Raises:
            OSError: it may not be, and asking again would not tell (fsync(2), "EIO").
        """
        os.fsync(self._file)

    def cut(self, num_bytes: int) -> None:
        """Let go of all behind a size, durably.

        Raises:
            OSError: it is still there.
        """
        os.ftruncate(self._file, num_bytes)
        os.fsync(self._file)

    def hold(self, num_bytes: int) -> None:
        """Note that nothing behind this size counts until `release`, whoever opens it next.

        Raises:
            OSError: it is not noted.
        """
        os.pwrite(self._state, b"%020d\n" % num_bytes, 0)
        os.fsync(self._state)

    def release(self) -> None:
        """Note that all of it counts.

        Raises:
            OSError: it does not yet.
        """
        os.ftruncate(self._state, 0)
        os.fsync(self._state)

    def seal(self) -> None:
        """Let nothing be added from here on.

        Raises:
            OSError: it is not sealed.
        """
        os.fchmod(self._file, SEALED_MODE)
        os.fsync(self._file)

    def unlink(self) -> None:
        """Take its names away; what is in the vault stays there.

        Raises:
            OSError: a name is left.
        """
        _unlink(self.path)

    def close(self) -> None:
        """Give it back."""
        os.close(self._file)
        os.close(self._state)

    def _settle(self) -> None:
        os.fsync(self._file)
        if held := os.pread(self._state, 32, 0):
            match = _HELD.fullmatch(held)
            if match and int(match[1]) < self.num_bytes:
                self.cut(int(match[1]))
            self.release()


def _path(folder: Path, upload_id: str) -> Path:
    if not UPLOAD_ID.fullmatch(upload_id):
        raise ValueError(f"{upload_id!r} is no upload's id")
    return folder / upload_id


def _find(folder: Path, upload_id: str) -> Path:
    if not UPLOAD_ID.fullmatch(upload_id):
        raise UploadUnknown("there is no such upload")
    return folder / upload_id


def _state_path(path: Path) -> Path:
    return path.with_name(path.name + STATE)


def _lock(path: Path) -> int:
    try:
        return lock(_state_path(path), wait=False, create=False)
    except FileNotFoundError as error:
        raise UploadUnknown("there is no such upload") from error
    except BlockingIOError as error:
        raise Busy("somebody else writes to this upload just now") from error


def _open(path: Path) -> int:
    try:
        writable = path.lstat().st_mode & stat.S_IWUSR
        return os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise UploadUnknown("the bytes of this upload are gone") from error


def _unlink(path: Path) -> None:
    # The state goes last: without it nobody could take what is left, to remove it.
    path.unlink(missing_ok=True)
    _state_path(path).unlink()
    sync_folder(path.parent)
