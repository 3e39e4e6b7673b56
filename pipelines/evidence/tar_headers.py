"""Headers of tar archives: ustar, pax, GNU and the seventh edition's, as bytes; nothing here reads a member's data.

POSIX.1-2017, `pax`, and the GNU tar manual, "Basic Tar Format" and "Storing Sparse Files".
"""

from __future__ import annotations

from typing import NamedTuple

from detect.errors import UnreadableMedia
from pipelines.evidence.members import MemberKind

BLOCK = 512
MAX_EXTENSION_BYTES = 1 << 20
"""A path is 4,096 bytes at most; longer extension headers are read over, not into memory."""
_KINDS: dict[bytes, MemberKind] = {
    b"1": "hardlink", b"2": "symlink", b"3": "special", b"4": "special", b"5": "folder", b"6": "special",
    b"D": "folder",
}  # fmt: skip
_NAMELESS = (b"V", b"M")
"""A volume's label; the rest of a member of the volume before."""


class Header(NamedTuple):
    """One block of 512 bytes."""

    type: bytes
    name: bytes
    size: int
    modified: float
    block: bytes


class Span(NamedTuple):
    """A stretch of a sparse file that has data."""

    offset: int
    num_bytes: int


def is_header(block: bytes) -> bool:
    """Whether the block's checksum is that of a header."""
    field = block[148:156]
    if len(block) < BLOCK or not field.strip(b"\0 ") or field.strip(b"\0 01234567"):
        return False
    total = sum(block[:148]) + 256 + sum(block[156:BLOCK])
    if number(field) == total:
        return True
    # Some old writers summed signed characters.
    return number(field) == total - 256 * sum(octet > 127 for octet in block[:148] + block[156:BLOCK])


def parse(block: bytes) -> Header:
    """Read a header whose checksum is right."""
    name = block[:100].split(b"\0", 1)[0]
    if block[257:263] == b"ustar\0" and (prefix := block[345:500].split(b"\0", 1)[0]):
        name = prefix + b"/" + name
    return Header(block[156:157], name, number(block[124:136]), number(block[136:148]), block)


def number(field: bytes) -> int:
    """Octal digits, or GNU's binary for what needs more; what is neither counts as zero."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big", signed=field[0] == 0xFF)
    digits = field.strip(b"\0 ").split(b"\0")[0].strip()
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        return 0


def kind(header: Header, name: bytes) -> MemberKind | None:
    """What a member is; None for what is no member. POSIX: an unknown type is a file.

    Args:
        header: Its header.
        name: Its whole name, which may be longer than the one in the header: that one can end anywhere.
    """
    if header.type in _NAMELESS:
        return None
    if header.type in (b"0", b"\0") and name.endswith(b"/"):
        return "folder"
    return _KINDS.get(header.type, "file")


def pax_records(data: bytes) -> dict[bytes, list[bytes]]:
    """Records of an extended header, in order; damaged ones end the reading.

    Returns:
        Keyword to its values: GNU's first sparse format repeats keywords.
    """
    found: dict[bytes, list[bytes]] = {}
    at = 0
    while at < len(data):
        length, space, _ = data[at : at + 24].partition(b" ")
        if not space or not length.isdigit() or int(length) < len(length) + 3:
            break
        record = data[at + len(length) + 1 : at + int(length)].removesuffix(b"\n")
        keyword, _, value = record.partition(b"=")
        found.setdefault(keyword, []).append(value)
        at += int(length)
    return found


def old_sparse(block: bytes, start: int, count: int) -> list[Span]:
    """Pairs of offset and length in a header of GNU's old format."""
    spans = []
    for index in range(count):
        field = block[start + 24 * index : start + 24 * (index + 1)]
        if len(field) < 24 or not field[:12].strip(b"\0 ") or not field[12:].strip(b"\0 "):
            break
        spans.append(Span(number(field[:12]), number(field[12:])))
    return spans


def pax_sparse(records: dict[bytes, list[bytes]]) -> list[Span] | None:
    """The map of a sparse file in the formats 0.0 and 0.1; None where the header has none.

    Raises:
        UnreadableMedia: it makes no sense.
    """
    if b"GNU.sparse.map" in records:
        return spans_of(records[b"GNU.sparse.map"][-1].split(b","))
    if b"GNU.sparse.offset" in records:
        pairs = zip(records[b"GNU.sparse.offset"], records.get(b"GNU.sparse.numbytes", []), strict=False)
        return spans_of([value for pair in pairs for value in pair])
    return None


def spans_of(values: list[bytes]) -> list[Span]:
    """Decimal numbers, two by two.

    Raises:
        UnreadableMedia: they are none.
    """
    try:
        numbers = [int(value) for value in values if value]
    except ValueError as error:
        raise UnreadableMedia("damaged", "the map of a sparse file makes no sense") from error
    return [Span(offset, length) for offset, length in zip(numbers[::2], numbers[1::2], strict=False)]
