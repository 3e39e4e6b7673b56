"""Disk images: raw and EnCase, whole or in segments, with partitions or without; files are found and read by key.

Opened read-only. What is damaged is said and never read as zeros: see `image_ewf` and `image_tsk`. All of it belongs
into a child process, since the libraries below are written in C and images can be hostile.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from detect.errors import InputError, UnreadableMedia, UnsupportedMedia
from pipelines.evidence.image_ewf import EwfMedia
from pipelines.evidence.image_files import ImageFile, VolumeFiles
from pipelines.evidence.image_media import Media, RawMedia
from pipelines.evidence.image_segments import find_segments, segment_number
from pipelines.evidence.image_signatures import Nature, looks_like_image, nature_of
from pipelines.evidence.image_tsk import Disk, FileSystem, Partition, partitions
from pipelines.evidence.troubles import Locked

__all__ = ["ImageFile", "ImageReader", "ImageState", "looks_like_image"]

ImageState = Literal["listed", "incomplete", "damaged", "encrypted", "unreadable"]
_MAX_PARTITIONS = 1024
"""A GPT has 128 entries as a rule; a hostile chain of logical partitions can be longer."""


class ImageReader:
    """One disk image.

    After `files` has ended, `state`, `detail`, `trouble` and `facts` say how the listing ended.

    Args:
        path: Any of its files; the other segments are looked for beside it by name.
        segments: All of its files by number from 1, where they do not lie beside it under their names.
        include_deleted: Whether to list files that are deleted, and those whose folder is gone.
        verify: Read all sectors before the listing and compare checksums and hashes, if the image has any, so that
            files on damaged sectors can be marked. Without it each chunk's checksum is still tested when it is read.
        on_progress: Called now and then while the image is verified.

    Raises:
        UnreadableMedia: a file of it cannot be read, the first is missing, or nothing says how large the disk is.
        UnsupportedMedia: an image format that is not read here.
    """

    def __init__(
        self,
        path: Path,
        *,
        segments: Mapping[int, Path] | None = None,
        include_deleted: bool = False,
        verify: bool = True,
        on_progress: Callable[[], None] | None = None,
    ) -> None:
        self._include_deleted = include_deleted
        self._verify = verify
        self._on_progress = on_progress
        self.format, self.segments = _recognise(path, segments)
        self._media = _open(self.format, self.segments)
        try:
            self._disk = Disk(self._media)
        except BaseException:
            self._media.close()
            raise
        self._systems: dict[int, FileSystem] = {}
        self._damaged: list[str] = []
        self._incomplete: list[str] = list(self._media.incomplete)
        self._encrypted: list[str] = []
        self._num_opened = 0
        self._facts: dict[str, str] = {
            "format": self.format,
            "bytes": str(self._media.num_bytes),
            **self._media.facts,
        }

    def files(self) -> Iterator[ImageFile]:
        """List every file, once, in the image's own order. Trouble does not raise; see `trouble`.

        Raises:
            UnreadableMedia: the image's own files cannot be read.
        """
        if self._verify:
            self._damaged.extend(self._media.verify(self._on_progress))
        found = self._volumes()
        for volume in found:
            yield from self._walk(volume)
        if not self._verify and self._media.damage and self.format == "ewf":
            self._damaged.append(f"damaged or missing sectors met: {self._media.damage}")

    def open(self, key: str) -> io.BufferedReader:
        """Open a file by its `ImageFile.key`: a seekable stream.

        A read that reaches a damaged or missing sector raises `UnreadableMedia`, reason `image:damaged`, after
        whatever lies before it has been given.

        Raises:
            UnreadableMedia: there is no such file, or its record is damaged.
            UnsupportedMedia: its bytes are kept elsewhere, as of files that Windows has packed or moved to a cloud.
            Locked: it is encrypted.
        """
        try:
            offset_text, record_text, stream = key.split(":")
            kind_text, number_text = stream.split("-")
            offset, record, kind, number = int(offset_text), int(record_text), int(kind_text), int(number_text)
        except ValueError as error:
            raise UnreadableMedia("image:key", f"{key!r} is no key of a file in an image") from error
        files = self._system(offset)
        walker = VolumeFiles(files, b"", self._media, include_deleted=True)
        return walker.open(record, kind, number)

    @property
    def facts(self) -> Mapping[str, str]:
        """What the image says of itself, and what its volumes are."""
        return self._facts

    @property
    def state(self) -> ImageState:
        """How the listing ended; the worst of it."""
        if self._damaged:
            return "damaged" if self._num_opened else "unreadable"
        if self._incomplete:
            return "incomplete" if self._num_opened else "unreadable"
        return "encrypted" if self._encrypted else "listed"

    @property
    def detail(self) -> str:
        """Sentences: all that could not be listed or is not as it was; empty where the state is `listed`."""
        return "; ".join([*self._damaged, *self._incomplete, *self._encrypted])

    @property
    def trouble(self) -> InputError | None:
        """The same as an error; None where the state is `listed`."""
        state = self.state
        if state == "listed":
            return None
        if state == "encrypted":
            return Locked("image:encrypted", self.detail)
        reason = "image:damaged" if self._damaged else "image:incomplete" if self._num_opened else "image:no_files"
        return UnreadableMedia(reason, self.detail)

    def close(self) -> None:
        """Close the image's files."""
        self._systems.clear()
        self._media.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _volumes(self) -> list[Partition]:
        """The partitions; or the whole image as one volume without a name."""
        failures = self._disk.num_failures
        found = partitions(self._disk)
        if not found and self._disk.num_failures != failures:
            found = partitions(Disk(self._media, lenient=True))
        if len(found) > _MAX_PARTITIONS:
            self._damaged.append(f"{len(found)} partitions, of which {_MAX_PARTITIONS} were opened")
            found = found[:_MAX_PARTITIONS]
        whole = Partition("", 0, self._media.num_bytes, "")
        if found:  # a file system over the whole disk as well: a table that was left behind, or one that was made up
            return [whole, *found] if self._nature(whole).kind == "files" else found
        return [whole]

    def _walk(self, volume: Partition) -> Iterator[ImageFile]:
        name = volume.name or "the image"
        end = volume.offset + volume.num_bytes
        where = f"{volume.num_bytes} bytes at {volume.offset}" + (f", {volume.text}" if volume.text else "")
        if end > self._media.num_bytes:
            self._incomplete.append(f"{name} ends at byte {end}, the image at {self._media.num_bytes}")
        nature = self._nature(volume)
        if nature.kind in {"encrypted", "unsupported", "empty"}:
            self._facts[volume.name or "volume"] = f"{nature.text}; {where}"
            if nature.kind == "encrypted":
                self._encrypted.append(f"{name} is encrypted: {nature.text}")
            elif nature.kind == "unsupported" and nature.text not in _NO_FILES:
                self._incomplete.append(f"{name} holds {nature.text}, which is not read here")
            elif not volume.name:
                self._incomplete.append(f"{name} holds {nature.text}")
            return
        try:
            files = self._system(volume.offset)
        except UnreadableMedia as error:
            self._facts[volume.name or "volume"] = f"not opened; {where}"
            if "encryption" in error.message:
                self._encrypted.append(f"{name} may be encrypted: {nature.text}, and its bytes look random")
            elif nature.kind == "files":
                self._damaged.append(f"{name}: {error.message}")
            else:
                self._incomplete.append(f"{name}: {nature.text}")
            return
        self._num_opened += 1
        self._facts[volume.name or "volume"] = f"{files.kind}; {where}"
        if volume.offset + files.num_bytes > self._media.num_bytes:
            there = self._media.num_bytes - volume.offset
            text = f"the file system of {name} has {files.num_bytes} bytes, of which the image has {there}"
            self._incomplete.append(text)
        if files.disk.lenient:
            self._damaged.append(f"structures of the file system of {name} are damaged; files may be missing")
        walker = VolumeFiles(
            files,
            f"{volume.name}/".encode() if volume.name else b"",
            self._media,
            include_deleted=self._include_deleted,
        )
        yield from walker.walk()
        self._damaged.extend(f"{name}: {problem}" for problem in walker.problems)

    def _nature(self, volume: Partition) -> Nature:
        def read_at(offset: int, count: int) -> bytes:
            return self._media.read_at(volume.offset + offset, count)

        size = min(volume.num_bytes, self._media.num_bytes - volume.offset)
        if size <= 0:
            return Nature("unknown", "it lies behind the end of the image")
        try:
            return nature_of(read_at, size)
        except UnreadableMedia:
            return Nature("files", "")  # its first sectors are damaged; opening it says what that means

    def _system(self, offset: int) -> FileSystem:
        if offset not in self._systems:
            failures = self._disk.num_failures
            try:
                self._systems[offset] = FileSystem(self._disk, offset)
            except UnreadableMedia:
                if self._disk.num_failures == failures:
                    raise
                self._systems[offset] = FileSystem(Disk(self._media, lenient=True), offset)
        return self._systems[offset]


_NO_FILES = frozenset({"Linux swap"})
"""What a volume may hold without a file being missed."""


def _recognise(path: Path, segments: Mapping[int, Path] | None) -> tuple[Literal["ewf", "raw"], dict[int, Path]]:
    """The format of an image and its files by number."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
            size = file.seek(0, io.SEEK_END)

            def read_at(offset: int, count: int) -> bytes:
                file.seek(offset)
                return file.read(count)

            name = looks_like_image(head, size, read_at)
    except OSError as error:
        raise UnreadableMedia("io_error", f"{path.name}: {error.strerror}") from error
    if name in {"ewf", "ewf_segment"}:
        return "ewf", dict(segments) if segments else find_segments(path, "ewf")
    if name not in {"raw", None}:
        raise UnsupportedMedia("image:format", f"a disk image of the kind {name}, which is not read here")
    if segments:
        return "raw", dict(segments)
    place = segment_number(path.name)
    found = find_segments(path, "raw") if place is not None and place[0] == "raw" else {1: path}
    return "raw", found


def _open(name: Literal["ewf", "raw"], segments: Mapping[int, Path]) -> Media:
    return EwfMedia(segments) if name == "ewf" else RawMedia(segments)
