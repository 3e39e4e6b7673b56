"""The files of one volume: every name once, every data stream, no loop followed."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from detect.errors import UnreadableMedia, UnsupportedMedia
from pipelines.evidence.image_media import Media, Range, Ranges, sectors_text
from pipelines.evidence.image_ntfs_names import NtfsNames
from pipelines.evidence.image_tsk import FileSystem, Found, Stream, found, link_text
from pipelines.evidence.members import from_unix
from pipelines.evidence.troubles import Locked

_MAX_DEPTH = 1024
"""Folders within one another; Linux and Windows stop at paths of 4,096 and 32,767 signs."""
_LARGE = 1 << 20
"""From this size on a file's list of clusters is read to tell whether it has holes; it costs a read a file."""
_FIRST_USER_RECORD = 24
"""NTFS keeps its own structures in the records before (Linux-NTFS project, NTFS documentation, Files)."""
_NO_ZONE = frozenset({"FAT12", "FAT16", "FAT32", "exFAT"})
"""Times without a zone: what a clock on the wall showed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """One name of one data stream."""

    name: bytes
    """Path in the image, the partition first: `p2/Users/x/a.mov`; of an alternate data stream `a.mov:hidden`."""
    key: str
    """Finds its bytes again: volume, record and data stream."""
    num_bytes: int | None
    """As the file system says."""
    modified: str | None
    """ISO 8601; without an offset where the file system keeps none."""
    notes: tuple[str, ...] = ()
    kind: Literal["file", "symlink", "special"] = "file"


class VolumeFiles:
    """Walks one file system.

    Args:
        files: The file system.
        prefix: What the names begin with: `p2/`, or nothing.
        media: The image, for its damage.
        include_deleted: Whether to list what is not in use any more.
    """

    def __init__(self, files: FileSystem, prefix: bytes, media: Media, *, include_deleted: bool) -> None:
        self._files = files
        self._prefix = prefix
        self._media = media
        self._include_deleted = include_deleted
        self._names = NtfsNames(media, files.offset, media.num_bytes - files.offset) if files.is_ntfs else None
        self.problems: list[str] = []
        """After the walk: sentences, what could not be listed."""
        self.num_bad_entries = 0

    def walk(self) -> Iterator[ImageFile]:
        """All files, folder by folder in the order of the file system, a folder's files before its folders' files."""
        visited = {self._files.root}
        pending: list[tuple[int, bytes, int, bool]] = [(self._files.root, self._prefix, 0, False)]
        yield from self._root_streams()
        while pending:
            record, path, depth, orphaned = pending.pop()
            folders: list[tuple[int, bytes, int, bool]] = []
            try:
                for item in self._entries(record):
                    name = self._name(item, record)
                    if item.kind == "directory":
                        yield from self._streams(item, path + name, named_only=True)
                        if self._is_link(item):
                            yield self._file(item, path + name, None, ("a link to another folder",), "symlink")
                            continue
                        orphan = orphaned or (name == b"$OrphanFiles" and record == self._files.root)
                        if item.record in visited:
                            self._problem(f"folder {item.record} is met again, a loop or a second name: not followed")
                        elif depth >= _MAX_DEPTH:
                            self._problem(f"folders within one another, more than {_MAX_DEPTH}: not followed")
                        else:
                            visited.add(item.record)
                            folders.append((item.record, path + name + b"/", depth + 1, orphan))
                    else:
                        yield from self._streams(item, path + name, orphaned=orphaned)
            except UnreadableMedia as error:
                self._problem(f"folder {record}: {error.message}")
            pending.extend(reversed(folders))
        if self.num_bad_entries:
            self.problems.append(f"{self.num_bad_entries} times a folder or an entry in it could not be read")

    def open(self, record: int, kind: int, number: int) -> io.BufferedReader:
        """Open a stream by the parts of its key.

        Raises:
            UnreadableMedia: there is none, or its record is damaged.
            UnsupportedMedia: its bytes are kept elsewhere.
            Locked: it is encrypted.
        """
        entry = self._files.record(record)
        stream = next((s for s in self._files.streams(entry) if (s.kind, s.number) == (kind, number)), None)
        if stream is None:
            raise UnreadableMedia("image:damaged", f"record {record} has no data stream {kind}-{number}")
        if stream.encrypted:
            raise Locked("image:efs", "the file is encrypted by Windows (EFS)")
        if stream.lost:
            raise UnreadableMedia("image:damaged", f"parts of the list of clusters of record {record} are missing")
        tag = None if stream.name else self._files.reparse_tag(entry)
        if tag is not None and link_text(tag) is None:
            text = f"reparse point {tag:#010x}: its bytes are packed or kept elsewhere"
            raise UnsupportedMedia("image:reparse_point", text)
        return self._files.open(entry, stream)

    def _entries(self, record: int) -> Iterator[Found]:
        for entry in self._files.directory(record):
            if entry is None:
                self.num_bad_entries += 1
                continue
            try:
                item = found(entry)
            except UnreadableMedia:
                self.num_bad_entries += 1
                continue
            if item.kind == "virtual" or (item.deleted and not self._include_deleted):
                continue
            if item.kind == "directory" and item.name in {b".", b".."}:
                continue
            if item.kind == "directory" and item.name == b"$OrphanFiles" and not self._include_deleted:
                continue
            if self._files.is_ntfs and item.record < _FIRST_USER_RECORD and record == self._files.root:
                continue  # the file system's own
            yield item

    def _name(self, item: Found, folder: int) -> bytes:
        if self._names is not None and b"^" in item.name:
            return self._names.repair(item.name, item.record, folder)
        return item.name

    def _is_link(self, item: Found) -> bool:
        tag = self._files.reparse_tag(item.entry) if item.has_record else None
        return tag is not None and link_text(tag) is not None

    def _root_streams(self) -> Iterator[ImageFile]:
        """Alternate data streams of the root folder itself."""
        if not self._files.is_ntfs:
            return
        try:
            for stream in self._files.streams(self._files.record(self._files.root)):
                if stream.name:
                    name = self._prefix + b":" + stream.name
                    yield self._image_file(name, self._files.root, stream, None, ["alternate data stream"], "file")
        except UnreadableMedia as error:
            self._problem(f"the root folder: {error.message}")

    def _streams(
        self, item: Found, path: bytes, *, named_only: bool = False, orphaned: bool = False
    ) -> Iterator[ImageFile]:
        """The streams of one file."""
        notes = ["deleted: its bytes may be overwritten"] if item.deleted else []
        notes += ["orphan: its folder is gone"] if orphaned else []
        if not item.has_record:
            if not named_only:
                yield self._file(item, path, None, (*notes, "its record cannot be read"), "file")
            return
        kind: Literal["file", "symlink", "special"] = "file" if item.kind in {"file", "directory"} else "special"
        kind = "symlink" if item.kind == "symlink" else kind
        if kind != "file" or not self._must_look(item):
            if not named_only:
                yield self._file(item, path, None, tuple(notes), kind)
            return
        try:
            streams = self._files.streams(item.entry)
            tag = self._files.reparse_tag(item.entry)
        except UnreadableMedia:
            if not named_only:
                yield self._file(item, path, None, (*notes, "its record is damaged"), "file")
            return
        plain = False
        for stream in streams:
            if stream.name:
                more = [*notes, "alternate data stream"]
                yield self._image_file(path + b":" + stream.name, item.record, stream, item, more, "file")
            elif not named_only and not plain:
                plain = True
                more = [*notes, f"reparse point {tag:#010x}"] if tag is not None else notes
                link = tag is not None and link_text(tag) is not None
                yield self._image_file(path, item.record, stream, item, more, "symlink" if link else "file")
        if not plain and not named_only:
            yield self._file(item, path, None, tuple(notes), "file")

    def _must_look(self, item: Found) -> bool:
        """Whether the streams of a file can say more than its record."""
        if self._files.is_ntfs or self._media.damage or self._media.doubtful:
            return True
        return (item.num_bytes or 0) >= _LARGE

    def _file(
        self,
        item: Found,
        path: bytes,
        stream: Stream | None,
        notes: tuple[str, ...],
        kind: Literal["file", "symlink", "special"],
    ) -> ImageFile:
        return self._image_file(path, item.record, stream, item, list(notes), kind)

    def _image_file(
        self,
        name: bytes,
        record: int,
        stream: Stream | None,
        item: Found | None,
        notes: list[str],
        kind: Literal["file", "symlink", "special"],
    ) -> ImageFile:
        if stream is not None:
            notes = [*notes, *self._stream_notes(stream)]
        kind_number = (stream.kind, stream.number) if stream else (128, 0) if self._files.is_ntfs else (1, 0)
        size = stream.num_bytes if stream else item.num_bytes if item else None
        return ImageFile(
            name=name,
            key=f"{self._files.offset}:{record}:{kind_number[0]}-{kind_number[1]}",
            num_bytes=size,
            modified=self._modified(item.seconds) if item else None,
            notes=tuple(notes),
            kind=kind,
        )

    def _stream_notes(self, stream: Stream) -> Iterator[str]:
        if stream.encrypted:
            yield "encrypted by Windows (EFS)"
        if stream.hole_bytes and stream.num_bytes >= _LARGE:
            yield f"sparse: {min(stream.hole_bytes, stream.num_bytes)} bytes are not stored"
        for what, known in (
            ("lies on damaged or missing sectors", self._media.damage),
            ("lies on sectors that the acquisition could not read", self._media.doubtful),
        ):
            touched = _common(stream.ranges, known)
            if touched:
                yield f"{what}: {sectors_text(touched)}"

    def _modified(self, seconds: int | None) -> str | None:
        if seconds is None or (seconds == 0 and (self._files.is_ntfs or self._files.kind in _NO_ZONE)):
            return None  # there is no time
        if self._files.kind not in _NO_ZONE:
            return from_unix(seconds)
        try:  # the Sleuth Kit took it for a time of this machine's zone: back to what was written
            return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))
        except (OverflowError, ValueError, OSError):
            return None

    def _problem(self, text: str) -> None:
        if len(self.problems) < 100:
            self.problems.append(text)


def _common(ranges: tuple[Range, ...], known: Ranges) -> list[Range]:
    """What of `ranges` is in `known`."""
    shared = []
    for wanted in ranges if known else ():
        start = wanted.start
        while start < wanted.end and (hit := known.first(start, wanted.end)) is not None:
            shared.append(Range(max(start, hit.start), min(wanted.end, hit.end)))
            start = hit.end
    return shared
