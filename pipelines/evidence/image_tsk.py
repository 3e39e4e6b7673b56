"""Partitions, file systems and files of a disk image, read by the Sleuth Kit.

The kit reads ahead, 64 kB at a time, so sectors are handed to it up to the first damaged one; only a read that begins
at a damaged one fails. What the kit then makes of the failure differs by file system; `Disk.num_failures` counts what
it may have swallowed. Nothing of `pytsk3` leaves this file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytsk3

from detect.errors import InputError, UnreadableMedia
from pipelines.evidence.image_media import SECTOR_BYTES, Media, Range

_TROUBLE = (OSError, RuntimeError, SystemError, TypeError, KeyError, AttributeError, ValueError, OverflowError)
"""What the binding raises for broken evidence: it wraps the kit's errors in the first two, and reaches for structures
that are not there in the others."""
_SMALLEST_READ = 512
"""Below a sector there is nothing to be saved of a damaged one."""
_DATA = int(pytsk3.TSK_FS_ATTR_TYPE_NTFS_DATA)
_PLAIN = int(pytsk3.TSK_FS_ATTR_TYPE_DEFAULT)
_REPARSE = int(pytsk3.TSK_FS_ATTR_TYPE_NTFS_REPARSE)
_FILLER = int(pytsk3.TSK_FS_ATTR_RUN_FLAG_FILLER)
_HOLE = int(pytsk3.TSK_FS_ATTR_RUN_FLAG_SPARSE) | _FILLER
_ENCRYPTED = int(pytsk3.TSK_FS_ATTR_ENC)
_SYSTEMS = {
    int(pytsk3.TSK_FS_TYPE_NTFS): "NTFS",
    int(pytsk3.TSK_FS_TYPE_FAT12): "FAT12",
    int(pytsk3.TSK_FS_TYPE_FAT16): "FAT16",
    int(pytsk3.TSK_FS_TYPE_FAT32): "FAT32",
    int(pytsk3.TSK_FS_TYPE_EXFAT): "exFAT",
    int(pytsk3.TSK_FS_TYPE_EXT2): "ext2",
    int(pytsk3.TSK_FS_TYPE_EXT3): "ext3",
    int(pytsk3.TSK_FS_TYPE_EXT4): "ext4",
    int(pytsk3.TSK_FS_TYPE_HFS): "HFS+",
    int(pytsk3.TSK_FS_TYPE_ISO9660): "ISO 9660",
}
_LINKS = {0xA000_000C: "symbolic link", 0xA000_0003: "junction"}
"""Reparse tags (Microsoft, MS-FSCC 2.1.2.1)."""


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry of a partition table that is in use."""

    name: str
    """`p1`: numbered as Linux numbers them."""
    offset: int
    num_bytes: int
    text: str
    """What the table says of it."""


class Disk(pytsk3.Img_Info):  # type: ignore[misc]  # the binding has no types
    """Sectors as the kit wants them.

    Args:
        media: Where they are.
        lenient: Give zeros where a read begins at damage, so that a file system opens whose journal, for example, is
            hit. Bytes of files are then compared with the damage before they are given out.
    """

    def __init__(self, media: Media, *, lenient: bool = False) -> None:
        self.media = media
        self.lenient = lenient
        self.num_failures = 0
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def get_size(self) -> int:
        """Called by the kit."""
        return self.media.num_bytes

    def read(self, offset: int, count: int) -> bytes:
        """Called by the kit; what is raised here comes back out of it as RuntimeError."""
        try:
            return self.media.read_at(offset, count)
        except UnreadableMedia as error:
            self.num_failures += 1
            if self.lenient and error.reason == "image:damaged":
                return bytes(min(count, SECTOR_BYTES))
            raise OSError(str(error)) from error

    def close(self) -> None:
        """Called by the kit; the media is closed by whoever opened it."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Make the binding's exceptions ours.

    Raises:
        UnreadableMedia: instead of them.
    """
    try:
        yield
    except InputError:
        raise
    except MemoryError as error:
        raise UnreadableMedia("image:damaged", f"{what}: structures of an impossible size") from error
    except _TROUBLE as error:
        raise UnreadableMedia("image:damaged", f"{what}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300]


def partitions(disk: Disk) -> list[Partition]:
    """Partitions in use, in the order of the table; none where there is no table."""
    found = []
    num_logical = 0
    try:
        table = pytsk3.Volume_Info(disk)
        sector = int(table.info.block_size)
        for part in table:
            if int(part.flags) != int(pytsk3.TSK_VS_PART_FLAG_ALLOC):
                continue
            number = int(part.slot_num) + 1
            if int(table.info.vstype) == int(pytsk3.TSK_VS_TYPE_DOS) and int(part.table_num) > 0:
                num_logical += 1
                number = 4 + num_logical
            text = (part.desc or b"").decode("utf-8", "replace")
            found.append(Partition(f"p{number}", int(part.start) * sector, int(part.len) * sector, text))
    except _TROUBLE:
        return found
    return found


Kind = Literal["file", "directory", "symlink", "special", "virtual"]
_KINDS: dict[int, Kind] = {
    int(pytsk3.TSK_FS_META_TYPE_REG): "file",
    int(pytsk3.TSK_FS_META_TYPE_UNDEF): "file",
    int(pytsk3.TSK_FS_META_TYPE_DIR): "directory",
    int(pytsk3.TSK_FS_META_TYPE_VIRT_DIR): "directory",
    int(pytsk3.TSK_FS_META_TYPE_LNK): "symlink",
    int(pytsk3.TSK_FS_META_TYPE_VIRT): "virtual",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One entry of a directory."""

    name: bytes
    record: int
    kind: Kind
    num_bytes: int | None
    seconds: int | None
    """Modified; Unix time. None where no record says."""
    deleted: bool
    has_record: bool
    entry: Any
    """The binding's object."""


def found(entry: Any) -> Found:
    """What an entry of a directory says.

    Raises:
        UnreadableMedia: nothing that can be used.
    """
    with translated("directory entry"):
        name, meta = entry.info.name, entry.info.meta
        deleted = bool(int(name.flags) & int(pytsk3.TSK_FS_NAME_FLAG_UNALLOC))
        if meta is None:
            kind: Kind = "directory" if int(name.type) == int(pytsk3.TSK_FS_NAME_TYPE_DIR) else "file"
            size = seconds = None
        else:
            kind = _KINDS.get(int(meta.type), "special")
            size, seconds = max(int(meta.size), 0), int(meta.mtime)
            deleted = deleted or bool(int(meta.flags) & int(pytsk3.TSK_FS_META_FLAG_UNALLOC))
        return Found(
            name=bytes(name.name or b""),
            record=int(name.meta_addr),
            kind=kind,
            num_bytes=size,
            seconds=seconds,
            deleted=deleted,
            has_record=meta is not None,
            entry=entry,
        )


class FileSystem:
    """One opened file system.

    Args:
        disk: The image.
        offset: Where it begins.

    Raises:
        UnreadableMedia: it cannot be opened; the message is the kit's.
    """

    def __init__(self, disk: Disk, offset: int) -> None:
        self.disk = disk
        self.offset = offset
        with translated("file system"):
            self._info = pytsk3.FS_Info(disk, offset=offset)
            self.block_bytes = int(self._info.info.block_size)
            self.kind = _SYSTEMS.get(int(self._info.info.ftype), f"type {int(self._info.info.ftype):#x}")
            self.num_bytes = int(self._info.info.block_count) * self.block_bytes
            self.root = int(self._info.info.root_inum)
        self.is_ntfs = self.kind == "NTFS"

    def directory(self, record: int) -> Iterator[Any | None]:
        """Entries of a directory, as the binding has them; None for one that cannot be read.

        Raises:
            UnreadableMedia: the directory cannot be read.
        """
        failures = self.disk.num_failures
        with translated(f"directory {record}"):
            directory = self._info.open_dir(inode=record)
            count = int(directory.size)
        if self.disk.num_failures != failures:
            yield None
        entries = iter(directory)
        for _ in range(count):
            failures = self.disk.num_failures
            try:
                entry = next(entries)
            except StopIteration:
                return
            except _TROUBLE:
                entry = None
            yield None if self.disk.num_failures != failures else entry

    def record(self, number: int) -> Any:
        """A file by its number.

        Raises:
            UnreadableMedia: there is none, or it cannot be read.
        """
        with translated(f"record {number}"):
            return self._info.open_meta(inode=number)

    def streams(self, entry: Any) -> list[Stream]:
        """The data streams of a file: the plain one, on NTFS also the named ones.

        Raises:
            UnreadableMedia: the record of the file is damaged.
        """
        wanted = _DATA if self.is_ntfs else None
        found: list[Stream] = []
        with translated("attributes"):
            for attribute in entry:
                kind = int(attribute.info.type)
                if kind != wanted and (wanted is not None or (kind != _PLAIN and found)):
                    continue
                if wanted is None and found:
                    continue
                found.append(self._stream(attribute, kind))
        return found

    def _stream(self, attribute: Any, kind: int) -> Stream:
        info = attribute.info
        ranges, holes = [], 0
        unknown = False
        for run in attribute:
            if int(run.flags) & _HOLE:
                holes += int(run.len) * self.block_bytes
                unknown = unknown or (self.is_ntfs and bool(int(run.flags) & _FILLER))
                continue
            start = self.offset + int(run.addr) * self.block_bytes
            ranges.append(Range(start, start + int(run.len) * self.block_bytes))
        return Stream(
            kind=kind,
            number=int(info.id),
            name=bytes(info.name or b"") if self.is_ntfs else b"",
            num_bytes=max(int(info.size), 0),
            ranges=tuple(ranges),
            hole_bytes=holes,
            encrypted=bool(int(info.flags) & _ENCRYPTED),
            lost=unknown,
        )

    def _check(self, known: Range) -> None:
        """Read a range past the kit, whose cache may hold the zeros it was given."""
        position = known.start
        while position < min(known.end, self.disk.media.num_bytes):
            position += len(self.disk.media.read_at(position, min(1 << 20, known.end - position)))

    def reparse_tag(self, entry: Any) -> int | None:
        """The tag of an NTFS reparse point; None where the file is none.

        Raises:
            UnreadableMedia: the record of the file is damaged.
        """
        if not self.is_ntfs:
            return None
        with translated("reparse point"):
            for attribute in entry:
                if int(attribute.info.type) == _REPARSE:
                    raw = entry.read_random(0, 4, _REPARSE, int(attribute.info.id))
                    return int.from_bytes(raw, "little")
        return None

    def open(self, entry: Any, stream: Stream) -> io.BufferedReader:
        """A seekable reader of a stream; a read that touches damage raises `UnreadableMedia`.

        Raises:
            UnreadableMedia: of a file system that was opened leniently, where the stream has any damage.
        """
        if self.disk.lenient:
            for known in stream.ranges:
                self._check(known)
        return io.BufferedReader(_Reader(self.disk, entry, stream), 1 << 18)


def link_text(tag: int) -> str | None:
    """What kind of link a reparse point is; None where it is none."""
    return _LINKS.get(tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One data stream of a file."""

    kind: int
    number: int
    name: bytes
    """Of an alternate data stream; empty of the plain one."""
    num_bytes: int
    ranges: tuple[Range, ...]
    """Where it lies in the image; empty where it lies in the file's record."""
    hole_bytes: int
    encrypted: bool
    lost: bool
    """Parts of its list of clusters are missing."""


class _Reader(io.RawIOBase):
    """Bytes of one stream."""

    def __init__(self, disk: Disk, entry: Any, stream: Stream) -> None:
        self._disk = disk
        self._entry = entry
        self._stream = stream
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._stream.num_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = min(len(view), self._stream.num_bytes - self._position)
        if count <= 0:
            return 0
        part = self._read(count)
        while len(part) == 0 and count > _SMALLEST_READ:
            count //= 2
            part = self._read(count)
        if not part:
            raise UnreadableMedia("image:damaged", f"the bytes from {self._position} are damaged or missing")
        view[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _read(self, count: int) -> bytes:
        """Read up to the first damaged byte; nothing where the kit met it and did not say where."""
        failures = self._disk.num_failures
        try:
            part = bytes(self._entry.read_random(self._position, count, self._stream.kind, self._stream.number))
        except (*_TROUBLE, MemoryError):
            return b""
        return part if self._disk.num_failures == failures else b""
