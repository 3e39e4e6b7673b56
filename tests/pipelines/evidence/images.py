"""Disk images by recipe: file systems made and filled without mounting anything, partition tables, EnCase images."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

SECTOR = 512
MEBIBYTE = 1 << 20
_SECTION = struct.Struct("<16sQQ40xL")


def run(tool: str, *arguments: str | Path, stdin: bytes | None = None) -> bytes:
    """Run a tool; skip the test where this machine does not have it."""
    path = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"no {tool} on this machine: see tests/tools.sh")
    done = subprocess.run([path, *map(str, arguments)], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{tool}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def noise(num_bytes: int, seed: int) -> bytes:
    """Bytes that do not shrink, always the same for a seed."""
    return random.Random(seed).randbytes(num_bytes)  # noqa: S311 - no secret


def blank(path: Path, num_bytes: int) -> Path:
    with path.open("wb") as file:
        file.truncate(num_bytes)
    return path


def ext(path: Path, files: Mapping[bytes, bytes], *, size: int = 8 * MEBIBYTE, kind: str = "ext4") -> Path:
    """A Linux file system; names are any bytes, with folders."""
    folder = path.with_suffix(".folder")
    for name, content in files.items():
        place = folder / os.fsdecode(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return ext_of(path, folder, size=size, kind=kind)


def ext_of(path: Path, folder: Path, *, size: int = 8 * MEBIBYTE, kind: str = "ext4") -> Path:
    """A Linux file system with what is in a folder: links, holes and all."""
    run("mke2fs", "-q", "-F", "-t", kind, "-d", folder, blank(path, size))
    return path


def ntfs(path: Path, files: Mapping[str, bytes], *, size: int = 8 * MEBIBYTE) -> Path:
    """A Windows file system; `a.mov:hidden` is the stream `hidden` of a file named before it. Root folder only."""
    run("mkntfs", "-q", "-F", "-p", "0", "-H", "0", "-S", "0", "-s", "512", blank(path, size))
    for name, content in files.items():
        source = path.with_suffix(".content")
        source.write_bytes(content)
        file, _, stream = name.partition(":")
        run("ntfscp", "-q", *(("-N", stream) if stream else ()), path, source, file)
    return path


def fat(path: Path, files: Mapping[str, bytes], *, bits: int = 32, size: int = 40 * MEBIBYTE) -> Path:
    run("mkfs.vfat", "-F", str(bits), blank(path, size))
    made: set[str] = set()
    for name, content in files.items():
        source = path.with_suffix(".content")
        source.write_bytes(content)
        folder, _, _ = name.rpartition("/")
        if folder and folder not in made:
            made.add(folder)
            run("mmd", "-i", path, f"::{folder}")
        run("mcopy", "-i", path, source, f"::{name}")
    return path


def exfat(path: Path, name: str, content: bytes, *, size: int = 8 * MEBIBYTE) -> Path:
    """An exFAT file system with one file in its root folder (Microsoft, exFAT specification, 7.4, 7.6 and 7.7)."""
    run("mkfs.exfat", blank(path, size))
    data = bytearray(path.read_bytes())
    heap, _, root = struct.unpack_from("<LLL", data, 88)
    cluster_bytes = 1 << (data[108] + data[109])

    def place(cluster: int) -> int:
        return (heap << data[108]) + (cluster - 2) * cluster_bytes

    first = root + 1
    letters = name.encode("utf-16-le")
    assert len(letters) <= 30
    entry = struct.pack("<BB2xH2xLLL12x", 0x85, 2, 0x20, *[(46 << 25) | (1 << 21) | (2 << 16)] * 3)
    stream = struct.pack("<BBxBHxxQ4xLQ", 0xC0, 3, len(letters) // 2, 0, len(content), first, len(content))
    entries = bytearray(entry + stream + b"\xc1\0" + letters.ljust(30, b"\0"))
    checksum = 0
    for index, byte in enumerate(entries):
        if index not in {2, 3}:
            checksum = (((checksum & 1) << 15) | (checksum >> 1)) + byte & 0xFFFF
    struct.pack_into("<H", entries, 2, checksum)
    position = place(root)
    while data[position]:
        position += 32
    data[position : position + len(entries)] = entries
    data[place(first) : place(first) + len(content)] = content
    path.write_bytes(data)
    return path


def mbr(path: Path, volumes: Sequence[tuple[int, bytes]]) -> Path:
    """A disk with primary partitions: type and content of each, one after the other from sector 2,048 on."""
    start = 2048
    entries, parts = [], []
    for kind, content in volumes:
        count = -(-len(content) // SECTOR)
        entries.append(struct.pack("<B3xB3xLL", 0, kind, start, count))
        parts.append((start, content))
        start += -(-count // 2048) * 2048
    table = (bytes(446) + b"".join(entries)).ljust(510, b"\0") + b"\x55\xaa"
    return _assemble(path, table, parts, start)


def gpt(path: Path, volumes: Sequence[bytes]) -> Path:
    """A disk with a GUID partition table (UEFI specification 2.10, 5.3)."""
    start, parts, entries = 2048, [], b""
    for number, content in enumerate(volumes, 1):
        count = -(-len(content) // SECTOR)
        kind = bytes.fromhex("a2a0d0ebe5b9334487c068b6b72699c7")  # basic data
        name = f"part {number}".encode("utf-16-le").ljust(72, b"\0")
        entries += kind + bytes([number]) * 16 + struct.pack("<QQQ", start, start + count - 1, 0) + name
        parts.append((start, content))
        start += -(-count // 2048) * 2048
    sectors = start + 34
    entries = entries.ljust(128 * 128, b"\0")

    def header(here: int, other: int, table: int) -> bytes:
        def pack(checksum: int) -> bytes:
            places = struct.pack("<QQQQ", here, other, 34, sectors - 34)
            head = struct.pack("<8sLLLL", b"EFI PART", 0x10000, 92, checksum, 0)
            return head + places + b"\x11" * 16 + struct.pack("<QLLL", table, 128, 128, zlib.crc32(entries))

        return pack(zlib.crc32(pack(0))).ljust(SECTOR, b"\0")

    protective = struct.pack("<B3xB3xLL", 0, 0xEE, 1, sectors - 1)
    table = (bytes(446) + protective).ljust(510, b"\0") + b"\x55\xaa"
    _assemble(path, table + header(1, sectors - 1, 2) + entries, parts, sectors)
    with path.open("r+b") as file:
        file.seek((sectors - 33) * SECTOR)
        file.write(entries + header(sectors - 1, 1, sectors - 33))
    return path


def _assemble(path: Path, head: bytes, parts: Sequence[tuple[int, bytes]], sectors: int) -> Path:
    with blank(path, sectors * SECTOR).open("r+b") as file:
        file.write(head)
        for start, content in parts:
            file.seek(start * SECTOR)
            file.write(content)
    return path


def ewf(source: Path, target: Path, *, compression: str = "none", form: str = "encase6", segment: str = "1MiB") -> Path:
    """An EnCase image of a raw one, in segments; return the first."""
    run(
        "ewfacquire", "-u", "-q", "-c", compression, "-f", form, "-S", segment, "-t", target, "-C", "case 7",
        "-e", "an examiner", "-d", "sha1", "-l", os.devnull, source,
    )  # fmt: skip
    return target.with_name(target.name + (".s01" if form == "smart" else ".E01"))


def sections(content: bytes) -> list[tuple[str, int, int]]:
    """Type, offset and next offset of each section of a segment file."""
    found, position = [], 13
    while True:
        kind, following, _, _ = _SECTION.unpack_from(content, position)
        name = kind.rstrip(b"\0").decode()
        found.append((name, position, following))
        if name in {"next", "done"}:
            return found
        position = following


def insert_section(path: Path, before: str, kind: str, data: bytes) -> None:
    """Put a section in front of another, moving what follows."""
    content = bytearray(path.read_bytes())
    place = next(position for name, position, _ in sections(content) if name == before)
    size = _SECTION.size + len(data)
    for _, position, following in sections(content):
        if position >= place:
            own = position if following == position else following
            head = struct.pack("<16sQQ40x", content[position : position + 16], own + size,
                               *struct.unpack_from("<Q", content, position + 24))  # fmt: skip
            content[position : position + 76] = head + struct.pack("<L", zlib.adler32(head))
    head = struct.pack("<16sQQ40x", kind.encode(), place + size, size)
    content[place:place] = head + struct.pack("<L", zlib.adler32(head)) + data
    path.write_bytes(content)


def flip(path: Path, offset: int, num_bytes: int = 1) -> None:
    """Turn every bit of some bytes."""
    with path.open("r+b") as file:
        file.seek(offset)
        old = file.read(num_bytes)
        file.seek(offset)
        file.write(bytes(byte ^ 0xFF for byte in old))
