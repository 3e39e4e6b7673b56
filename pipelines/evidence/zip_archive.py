"""ZIP archives: members by the directory, and where that is lost, by the headers in front of each member."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from detect.errors import InputError, UnreadableMedia, UnsupportedMedia
from pipelines.evidence import codecs
from pipelines.evidence.members import Member, MemberKind, from_dos, from_unix
from pipelines.evidence.options import Options
from pipelines.evidence.streams import CHUNK_BYTES, Budget, Stream, Window, pread, read_full
from pipelines.evidence.troubles import Locked
from pipelines.evidence.zip_crypto import WinZipAes, ZipCrypto
from pipelines.evidence.zip_directory import (
    LOCAL,
    Record,
    check_directory,
    extra_field,
    find_directory,
    read_records,
)
from pipelines.evidence.zip_recovery import recover

_ENCRYPTED, _DESCRIPTOR, _STRONG, _MASKED = 1, 8, 64, 8192
_AES = 99
_UNIX = 3
_METHODS = {
    0: "stored", 1: "shrunk", 6: "imploded", 8: "deflate", 9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd",
    95: "xz", 97: "WavPack", 98: "PPMd",
}  # fmt: skip
"""PKWARE APPNOTE 4.4.5."""
_VERIFIED_BYTES = 1 << 20
"""Up to this size several passwords that fit the old cipher's one check byte are told apart by the checksum."""


class ZipReader:
    """See `Reader`.

    Args:
        path: Of the archive.
        options: Limits and passwords.
        budget: Counts what comes out.

    Raises:
        InputError: it cannot be opened, or is refused as a whole.
    """

    kind = "zip"

    def __init__(self, path: Path, options: Options, budget: Budget) -> None:
        self._options = options
        self._passwords = [password.encode() for password in options.passwords]
        self._budget = budget
        self.trouble: InputError | None = None
        self.facts: Mapping[str, str] = {}
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._size = os.fstat(self._descriptor).st_size
            self._directory = find_directory(self._descriptor, self._size)
        except InputError:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._descriptor)

    def members(self) -> Iterator[Member]:
        """See `Reader.members`."""
        directory = self._directory
        if directory is None or directory.volumes > 1:
            yield from self._recovered()
            if directory is None:
                self.trouble = UnreadableMedia("archive:truncated", "the archive's directory, at its end, is missing")
            else:
                what = f"one of {directory.volumes} volumes of an archive; join them to have all members"
                self.trouble = UnreadableMedia("archive:volume_missing", what)
            return
        try:
            check_directory(self._descriptor, directory, self._options.limits.members)
        except UnreadableMedia as error:
            yield from self._recovered()
            self.trouble = error
            return
        for record in read_records(self._descriptor, directory):
            yield self._member(record, str(record.position))

    def find(self, key: str) -> Stream:
        """See `Reader.find`."""
        try:
            if key.startswith("@"):
                records = recover(self._descriptor, self._size, self._budget, int(key[1:]))
                return self._open(next(records))
            if self._directory is None:
                raise UnreadableMedia("archive:member", f"there is no member {key}")
            return self._open(next(read_records(self._descriptor, self._directory, int(key))))
        except (ValueError, StopIteration) as error:
            raise UnreadableMedia("archive:member", f"there is no member {key}") from error

    def _recovered(self) -> Iterator[Member]:
        for record in recover(self._descriptor, self._size, self._budget):
            yield self._member(record, f"@{record.offset}")

    def _member(self, record: Record, key: str) -> Member:
        return Member(
            record.name, key, lambda: self._open(record), _kind(record), record.size, _modified(record)
        )  # fmt: skip

    def _open(self, record: Record) -> Stream:
        local = pread(self._descriptor, LOCAL.size, record.offset)
        if len(local) < LOCAL.size or not local.startswith(b"PK\3\4"):
            raise UnreadableMedia("damaged", f"there is no member at byte {record.offset}, where the directory has one")
        *_, num_name, num_extra = LOCAL.unpack(local)
        start = record.offset + LOCAL.size + num_name + num_extra
        packed = Window(self._descriptor, start, record.packed)
        if record.flags & _ENCRYPTED:
            return self._decrypted(record, start)
        return _Checked(self._plain(record.method, packed), record.crc, record.size)

    def _plain(self, method: int, packed: Stream) -> Stream:
        if method == 0:
            return _Counted(packed, self._budget)
        if method == 14:
            header = read_full(packed, 9)
            return codecs.Decompressing(packed, lambda: codecs.zip_lzma(header), self._budget, raw_end=True)
        make = {8: codecs.deflate, 9: codecs.deflate64, 12: codecs.bzip2, 93: codecs.zstandard, 95: codecs.xz}
        if method not in make:
            name = _METHODS.get(method, f"method {method}")
            raise UnsupportedMedia("compression", f"compressed as {name}, which is not read by this version")
        return codecs.Decompressing(packed, make[method], self._budget)

    def _decrypted(self, record: Record, start: int) -> Stream:
        """Open with the first password that fits."""
        if record.flags & (_STRONG | _MASKED):
            raise Locked("strong_encryption", "encrypted by PKWARE's own scheme, for which there is no reader")
        fitting: list[bytes] = []
        for password in self._passwords:
            try:
                self._with(record, start, password)
            except Locked:
                continue
            fitting.append(password)
        if not fitting:
            raise Locked("password", "encrypted, and no password that was given fits")
        for password in fitting if len(fitting) > 1 and record.packed <= _VERIFIED_BYTES else []:
            try:
                stream = self._with(record, start, password)
                while stream.read(CHUNK_BYTES):
                    pass
            except InputError:
                continue
            return self._with(record, start, password)
        return self._with(record, start, fitting[0])

    def _with(self, record: Record, start: int, password: bytes) -> Stream:
        packed = Window(self._descriptor, start, record.packed)
        if record.method != _AES:
            # A writer that did not know the checksum yet has used the time (APPNOTE 6.1.6).
            check = record.time >> 8 if record.flags & _DESCRIPTOR else record.crc >> 24
            clear: Stream = ZipCrypto(packed, password, check)
            return _Guessed(_Checked(self._plain(record.method, clear), record.crc, record.size))
        field = extra_field(record.extra, 0x9901)
        if field is None or len(field) < 7:
            raise UnreadableMedia("damaged", "an AES-encrypted member does not say how it was encrypted")
        clear = WinZipAes(packed, password, field[4], record.packed)
        plain = self._plain(int.from_bytes(field[5:7], "little"), clear)
        # AE-2 stores no checksum: the authentication code takes its place, and it comes after all data.
        return _Checked(_Drained(plain, clear), record.crc if field[0] == 1 else None, record.size)


class _Counted:
    """A stored member: what comes out is counted too."""

    def __init__(self, source: Stream, budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        data = self._source.read(num_bytes)
        if data:
            self._budget.spend(len(data))
        return data


class _Checked:
    """Compares checksum and size at the end; a size that lies is noted, bytes that differ are an error."""

    def __init__(self, source: Stream, crc: int | None, size: int) -> None:
        self._source = source
        self._wanted = crc
        self._size = size
        self._crc = self._count = 0
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        data = self._source.read(num_bytes)
        if data:
            self._crc = zlib.crc32(data, self._crc)
            self._count += len(data)
            return data
        if self._wanted is not None and self._crc != self._wanted:
            raise UnreadableMedia("crc", f"the checksum of its {self._count} bytes is not the one the archive has")
        if self._count != self._size:
            self.notes = (f"the archive claims {self._size} bytes, it has {self._count}",)
        return b""


class _Drained:
    """Reads the encrypted source to its end before it tells its own: only then has the code been verified."""

    def __init__(self, source: Stream, encrypted: Stream) -> None:
        self._source = source
        self._encrypted = encrypted
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        data = self._source.read(num_bytes)
        while not data and self._encrypted.read(CHUNK_BYTES):
            pass
        return data


class _Guessed:
    """Under the old cipher a wrong password passes one time in 256; nonsense that follows is no sign of damage."""

    def __init__(self, source: Stream) -> None:
        self._source = source
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        try:
            data = self._source.read(num_bytes)
        except UnreadableMedia as error:
            what = "encrypted; a password seemed to fit, but the bytes do not: it is wrong, or they are damaged"
            raise Locked("password", what) from error
        self.notes = self._source.notes
        return data


def _kind(record: Record) -> MemberKind:
    if record.name.endswith(b"/"):
        return "folder"
    mode = record.attributes >> 16
    if record.system != _UNIX or not mode or stat.S_ISREG(mode) or not stat.S_IFMT(mode):
        return "file"
    if stat.S_ISLNK(mode):
        return "symlink"
    return "folder" if stat.S_ISDIR(mode) else "special"


def _modified(record: Record) -> str | None:
    if record.extra:
        field = extra_field(record.extra, 0x5455)  # extended timestamp, Info-ZIP: flags, then seconds
        if field is not None and len(field) >= 5 and field[0] & 1:
            return from_unix(int.from_bytes(field[1:5], "little", signed=True))
    return from_dos(record.date, record.time)
