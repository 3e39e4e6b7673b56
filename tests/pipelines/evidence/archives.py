"""Archives by recipe: ZIP and tar written field by field, so that they can lie, and what a walk makes of evidence."""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.evidence import ArchiveLimits, Options, Scratch, walk
from pipelines.items import Container, Entry

PICTURE = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
"""Begins as a JPEG picture: to be examined. It need not be decodable here."""


@dataclass(frozen=True)
class Listing:
    """What a walk found."""

    entries: dict[str, Entry]
    containers: dict[str, Container]
    order: list[str]
    scratch: Path

    def state(self, chain: str) -> str | None:
        """State and reason; `examine` where it is to be examined."""
        entry = self.entries[chain]
        return "examine" if entry.state is None else f"{entry.state}:{entry.reason}"

    def states(self) -> dict[str, str | None]:
        return {chain: self.state(chain) for chain in self.entries}

    def content(self, chain: str) -> bytes:
        """Bytes of a copy."""
        spool = self.entries[chain].spool
        assert spool is not None
        return (self.scratch / spool).read_bytes()


def listing(
    roots: Path | Sequence[Path],
    scratch: Path,
    *,
    limits: ArchiveLimits | None = None,
    options: Options | None = None,
    scratch_bytes: int = 1 << 30,
    listed: frozenset[str] = frozenset(),
    after: dict[str, int] | None = None,
) -> Listing:
    """Walk evidence; each chain occurs once."""
    options = options or Options(limits=limits or ArchiveLimits())
    found = walk(
        [roots] if isinstance(roots, Path) else roots,
        options,
        Scratch(scratch, scratch_bytes),
        listed=listed,
        after=after,
    )
    entries: dict[str, Entry] = {}
    containers: dict[str, Container] = {}
    order = []
    for each in found:
        rows: dict[str, Entry] | dict[str, Container] = entries if isinstance(each, Entry) else containers
        assert each.chain not in rows
        if isinstance(each, Entry):
            entries[each.chain] = each
        else:
            containers[each.chain] = each
        order.append(each.chain)
    return Listing(entries, containers, order, scratch)


@dataclass
class Packed:
    """One member of a ZIP archive; what is not given is as it should be."""

    name: bytes
    content: bytes = b""
    method: int = 8
    flags: int = 0
    claimed_size: int | None = None
    crc: int | None = None
    attributes: int = 0
    offset: int | None = None
    """In the directory, where it is not where the member is."""
    data: bytes | None = field(default=None)
    """As stored."""


def zip_bytes(
    members: Sequence[Packed], *, directory: bool = True, disk: int = 0, descriptors: bool = False, before: bytes = b""
) -> bytes:
    """A ZIP archive; with `descriptors` sizes follow the data, as in archives that were written into a pipe."""
    out, central = bytearray(), bytearray()
    for each in members:
        offset = len(out)
        crc = zlib.crc32(each.content) if each.crc is None else each.crc
        data = each.data
        if data is None:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            data = packer.compress(each.content) + packer.flush() if each.method == 8 else each.content
        size = len(each.content) if each.claimed_size is None else each.claimed_size
        flags = each.flags | (8 if descriptors else 0)
        sizes = (0, 0, 0) if descriptors else (crc, len(data), size)
        out += struct.pack("<4s5H3L2H", b"PK\3\4", 20, flags, each.method, 0, 0x5921, *sizes, len(each.name), 0)
        out += each.name + data
        if descriptors:
            out += struct.pack("<4s3L", b"PK\7\x08", crc, len(data), size)
        central += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 3 << 8 | 20, 20, flags, each.method, 0, 0x5921, crc, len(data), size,
            len(each.name), 0, 0, 0, 0, each.attributes, offset if each.offset is None else each.offset,
        )  # fmt: skip
        central += each.name
    if directory:
        start, count = len(out), len(members) & 0xFFFF
        out += central
        out += struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, count, count, len(central), start, 0)
    return before + bytes(out)


def stored(name: bytes, content: bytes) -> Packed:
    return Packed(name, content, method=0)


def tar_bytes(members: Sequence[tuple[tarfile.TarInfo, bytes]], format_: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive of members as given; names are any bytes, by surrogate escapes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_, errors="surrogateescape") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = kind, target, 1_700_000_000
    return info
