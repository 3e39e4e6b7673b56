"""7z archives. py7zr reads headers and knows the codecs; members are pulled out of it one chunk at a time.

py7zr's own extraction writes to files or to objects that are all there at once; its `SevenZipDecompressor` gives bytes
on demand, which is what a walk with limits needs.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Self

import py7zr
from py7zr.exceptions import ArchiveError, PasswordRequired, UnsupportedCompressionMethodError

from detect.errors import InputError, LimitExceeded, UnreadableMedia, UnsupportedMedia
from pipelines.evidence.members import Member, MemberKind
from pipelines.evidence.options import Options
from pipelines.evidence.streams import CHUNK_BYTES, Budget, Stream
from pipelines.evidence.troubles import Locked

_HEADER_BYTES_PER_MEMBER = 12
"""The least that a name, its attributes and times take; py7zr holds all members in memory."""
_DECODE_BYTES = 1 << 16
_TRIAL_BYTES = 16 << 20
"""Decoded with each of several passwords: enough for a codec to stumble, or for the checksum of most members."""
_STALLS = 1_000
"""Calls in a row that give nothing, though input is left: the codec waits for what does not come."""
_FOREIGN = (
    ArchiveError, PasswordRequired, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError, KeyError, IndexError,
    TypeError, AttributeError, AssertionError, OverflowError, struct.error, UnicodeError, RuntimeError, RecursionError,
    NotImplementedError, ZeroDivisionError,
)  # fmt: skip
"""What py7zr lets through on damaged archives, besides its own."""


class SevenZipReader:
    """See `Reader`.

    Args:
        path: Of the archive.
        options: Limits and passwords.
        budget: Counts what comes out.

    Raises:
        InputError: it cannot be opened.
    """

    kind = "7z"

    def __init__(self, path: Path, options: Options, budget: Budget) -> None:
        self._path = path
        self._budget = budget
        self._passwords: list[str | None] = [None, *options.passwords]
        self.trouble: InputError | None = None
        self.facts: Mapping[str, str] = {}
        size = path.stat().st_size
        self._file = path.open("rb")
        try:
            _refuse_header(self._file, size, options.limits.members)
            self._archive = self._open()
            if len(self._archive.files) > options.limits.members:
                raise LimitExceeded("archive:members", f"more than {options.limits.members} members")
        except InputError:
            self._file.close()
            raise
        self._solid: _Solid | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def members(self) -> Iterator[Member]:
        """See `Reader.members`."""
        for index, entry in enumerate(self._archive.files):
            name = str(entry.filename).encode("utf-8", "surrogatepass")
            size = 0 if entry.emptystream else int(entry.uncompressed)
            yield Member(name, str(index), partial(self._stream, index), _kind(entry), size, _modified(entry))

    def find(self, key: str) -> Stream:
        """See `Reader.find`."""
        if not key.isdecimal() or int(key) >= len(self._archive.files):
            raise UnreadableMedia("archive:member", f"there is no member {key}")
        return self._stream(int(key))

    def _open(self) -> Any:
        """Open with the first password that opens the header; none is needed where only data are encrypted."""
        locked = False
        for password in self._passwords:
            try:
                self._file.seek(0)
                return py7zr.SevenZipFile(self._file, password=password)
            except PasswordRequired:
                locked = True
            except UnsupportedCompressionMethodError as error:
                raise UnsupportedMedia("compression", "its header is compressed in a way that is not read") from error
            except _FOREIGN as error:
                if not locked:
                    raise UnreadableMedia("archive:damaged", f"the header is damaged or cut: {error}") from error
        raise Locked("password", "encrypted with its names, and no password that was given opens it")

    def _stream(self, index: int) -> Stream:
        entry = self._archive.files[index]
        if entry.emptystream:
            return _Nothing()
        if self._solid is None or not self._solid.serves(entry.folder, index):
            self._solid = self._solid_of(entry.folder)
        return _SevenZipStream(self._solid, index, entry)

    def _solid_of(self, folder: Any) -> _Solid:
        streams = self._archive.header.main_streams
        at = next(i for i, other in enumerate(streams.unpackinfo.folders) if other is folder)
        # One packed stream a block: what has more (BCJ2) is refused by py7zr.
        start = self._archive.afterheader + streams.packinfo.packpositions[at]
        packed = int(streams.packinfo.packsizes[at])
        members = [(i, f) for i, f in enumerate(self._archive.files) if f.folder is folder and not f.emptystream]
        locked: Locked | None = None
        for password in self._passwords:
            solid = _Solid(self._file, folder, start, packed, password, members, self._budget)
            try:
                if password is not None and len(self._passwords) > 2:
                    solid.try_first()
                    solid = _Solid(self._file, folder, start, packed, password, members, self._budget)
                solid.begin()
            except Locked as error:
                locked = error
                continue
            except UnreadableMedia:
                if password is None:
                    raise
                locked = Locked("password", "encrypted, and no password that was given fits")
                continue
            return solid
        raise locked or Locked("password", "encrypted, and no password that was given fits")


class _Nothing:
    notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        del num_bytes
        return b""


class _Solid:
    """One block that is compressed as a whole; its members come out in their order only."""

    def __init__(
        self,
        file: BinaryIO,
        folder: Any,
        start: int,
        packed: int,
        password: str | None,
        members: list[tuple[int, Any]],
        budget: Budget,
    ) -> None:
        self._file = file
        self.folder = folder
        self._at = start
        self._packed = packed
        self.password = password
        self._members = members
        self._budget = budget
        self._next = 0
        self._left = int(members[0][1].uncompressed) if members else 0
        self._out = 0
        self._decompressor: Any = None

    def begin(self) -> None:
        """Set the codecs up.

        Raises:
            Locked: a password is needed.
            InputError: a codec that is not read.
        """
        if self._decompressor is None:
            self.folder.password = self.password
            self.folder.decompressor = None
            self._decompressor = _call(lambda: self.folder.get_decompressor(self._packed, reset=True))

    def serves(self, folder: Any, index: int) -> bool:
        """Whether a member is still to come."""
        return folder is self.folder and self._next < len(self._members) and index >= self._members[self._next][0] and (
            index > self._members[self._next][0] or self._left == int(self._members[self._next][1].uncompressed)
        )  # fmt: skip

    def try_first(self) -> None:
        """Decode the first member, or the start of it, to see whether the password fits."""
        index, entry = self._members[0]
        stream = _SevenZipStream(self, index, entry)
        for _ in range(_TRIAL_BYTES // _DECODE_BYTES):
            if not stream.read(CHUNK_BYTES):
                break

    def take(self, index: int, num_bytes: int) -> bytes:
        """Bytes of a member; members before it are decoded and dropped."""
        self.begin()
        while self._members[self._next][0] < index or not self._left:
            if self._members[self._next][0] == index:
                return b""
            if self._left:
                self._decode(min(self._left, _DECODE_BYTES))
            else:
                self._next += 1
                self._left = int(self._members[self._next][1].uncompressed)
        return self._decode(min(self._left, num_bytes, _DECODE_BYTES))

    def _decode(self, num_bytes: int) -> bytes:
        stalls, data = 0, b""
        while not data:
            self._file.seek(self._at)
            try:
                data = bytes(_call(lambda: self._decompressor.decompress(self._file, num_bytes)))
            except UnreadableMedia as error:
                if self.password is None:
                    raise
                what = "encrypted; the password is wrong, or the bytes are damaged"
                raise Locked("password", what) from error
            stalls = stalls + 1 if self._file.tell() == self._at else 0
            self._at = self._file.tell()
            if stalls > _STALLS:
                raise UnreadableMedia("truncated", "the compressed data end early")
        self._out += len(data)
        self._left -= len(data)
        self._budget.spend(len(data))
        self._budget.check_ratio(self._out, self._decompressor.consumed)
        return data


class _SevenZipStream:
    def __init__(self, solid: _Solid, index: int, entry: Any) -> None:
        self._solid = solid
        self._index = index
        self._left = int(entry.uncompressed)
        self._wanted = entry.crc32
        self._crc = 0
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        if self._left:
            data = self._solid.take(self._index, min(num_bytes, self._left))
            self._crc = zlib.crc32(data, self._crc)
            self._left -= len(data)
            return data
        if self._wanted is not None and self._crc != self._wanted:
            if self._solid.password is not None:
                raise Locked("password", "encrypted; a password seemed to fit, but the bytes are not the archive's")
            raise UnreadableMedia("crc", "the checksum is not the one the archive has")
        return b""


def _call(work: Any) -> Any:
    """Call into py7zr.

    Raises:
        InputError: in place of whatever it raises.
    """
    try:
        return work()
    except PasswordRequired as error:
        raise Locked("password", "encrypted, and no password that was given fits") from error
    except UnsupportedCompressionMethodError as error:
        raise UnsupportedMedia("compression", "compressed in a way that is not read by this version") from error
    except _FOREIGN as error:
        raise UnreadableMedia("damaged", f"the compressed data are damaged: {type(error).__name__}: {error}") from error


def _refuse_header(file: BinaryIO, size: int, max_members: int) -> None:
    """Look at what the first 32 bytes claim, before py7zr does.

    Raises:
        InputError: cut, or a header too large to be held in memory.
    """
    start = file.read(32)
    if len(start) < 32:
        raise UnreadableMedia("archive:truncated", "the archive ends within its first header")
    offset, length = struct.unpack_from("<2Q", start, 12)
    if 32 + offset + length > size:
        raise UnreadableMedia(
            "archive:truncated", f"the header, at its end, is missing: {32 + offset + length - size} bytes"
        )
    if length > max_members * _HEADER_BYTES_PER_MEMBER * 10:
        raise LimitExceeded("archive:members", f"a header of {length} bytes has more members than are listed")


def _kind(entry: Any) -> MemberKind:
    if entry.is_directory:
        return "folder"
    if entry.is_symlink or entry.is_junction:
        return "symlink"
    return "special" if entry.is_socket else "file"


def _modified(entry: Any) -> str | None:
    try:
        stamp = entry.lastwritetime
        return None if stamp is None else str(stamp.as_datetime().isoformat())
    except (OverflowError, ValueError, OSError):
        return None
