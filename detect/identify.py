"""What a file is, by its first bytes; and whether it is something else as well.

Names and suffixes are not looked at. Text is refused here, before any demuxer sees it: playlists, concat scripts and
vector graphics are instructions to open something else, not recordings.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO, Literal

Kind = Literal[
    "empty", "jpeg", "png", "gif", "webp", "tiff", "heif", "isobmff", "matroska", "riff", "text", "foreign", "other"
]

_HEAD_BYTES = 4096

_PICTURES: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
)

_FOREIGN = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or a document packed as one"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x8b\x08", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"\x7fELF", "a program (ELF)"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE compound document"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"EVF\x09\x0d\x0a\xff\x00", "an EnCase disk image"),
)
"""First bytes as in the formats' specifications and the `file` database; no recording that is examined has them."""

_BOX_TYPES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx", b"uuid")
"""What an ISO base media or QuickTime file may begin with (ISO/IEC 14496-12; QuickTime File Format Specification)."""

_HEIF_BRANDS = {
    b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC", b"hevc": "HEIC sequence",
    b"hevx": "HEIC sequence", b"mif1": "HEIF", b"msf1": "HEIF sequence", b"avif": "AVIF", b"avis": "AVIF sequence",
}  # fmt: skip
"""Major brands of ISO/IEC 23008-12 (Annex B) and of the AVIF specification."""

_SCRIPTS = (
    (b"#extm3u", "playlist", "an HLS or M3U playlist"),
    (b"ffconcat", "script", "an FFmpeg concat script"),
    (b"[playlist]", "playlist", "a PLS playlist"),
    (b"<svg", "markup", "an SVG drawing"),
    (b"<mpd", "playlist", "a DASH manifest"),
    (b"<smil", "playlist", "a SMIL presentation"),
    (b"<html", "markup", "an HTML page"),
    (b"<!doctype html", "markup", "an HTML page"),
    (b"<?xml", "markup", "an XML document"),
    (b"push graphic-context", "script", "an ImageMagick drawing script"),
    (b"v=0", "playlist", "a session description (SDP)"),
    (b"#!", "script", "a script"),
)

_TEXT_BYTES = bytes(byte for byte in range(256) if byte >= 32 or byte in b"\t\n\r\f\x1b").replace(b"\x7f", b"")
"""All but control characters: what text may contain."""

_MARKUP = re.compile(rb"<(?:!doctype\s+html|html|script|iframe)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the first bytes say."""

    kind: Kind
    detail: str
    """For a person; for `text` and `foreign` what it is, for `heif` the brand."""
    reason: str
    """Machine-readable, for a refusal."""
    num_bytes: int


def identify(file: BinaryIO) -> Identity:
    """Tell what a file is by its content."""
    num_bytes = file.seek(0, 2)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    kind, reason, detail = _of(head)
    return Identity(kind=kind, reason=reason, detail=detail, num_bytes=num_bytes)


def identify_head(head: bytes) -> tuple[Kind, str]:
    """Tell what a file is by its first bytes alone.

    Args:
        head: The first 4,096 bytes, fewer only where there are no more.

    Returns:
        Kind and detail, see `Identity`.
    """
    kind, _, detail = _of(head)
    return kind, detail


def _of(head: bytes) -> tuple[Kind, str, str]:  # noqa: PLR0911  # one return a kind reads as the table it is
    if not head:
        return "empty", "empty", "no bytes"
    for magic, kind in _PICTURES:
        if head.startswith(magic):
            return kind, kind, f"a {kind.upper()} picture"
    if head.startswith((b"RIFF", b"RF64", b"RIFX")):
        return ("webp", "webp", "a WebP picture") if head[8:12] == b"WEBP" else ("riff", "riff", "a RIFF file")
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return "heif", "codec", _HEIF_BRANDS[head[8:12]]
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            return "foreign", "format", name
    if head[4:8] in _BOX_TYPES:
        return "isobmff", "isobmff", "an MP4, MOV or 3GP file"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska", "matroska", "a Matroska or WebM file"
    if _is_text(head):
        return ("text", *_script(head))
    return "other", "other", "no signature that is known here"


def _is_text(head: bytes) -> bool:
    """Whether these bytes are text of any common encoding: no recording starts with 4 kB of it."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and not head.startswith((b"\xff\xfe\x00", b"\xff\xfb")):
        try:  # the codec by name would be looked for on disk, when that may be closed already
            head = codecs.utf_16_decode(head, "strict", False)[0].encode()  # noqa: FBT003  # no keyword there
        except UnicodeError:
            return False
    body = head.removeprefix(b"\xef\xbb\xbf")
    if body.translate(None, _TEXT_BYTES):
        return False
    if body.isascii():
        return True
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.start > len(body) - 4
    return True


def _script(head: bytes) -> tuple[str, str]:
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if begin.startswith(b"<?xml"):
        inner = [
            entry for entry in _SCRIPTS if entry[0].startswith(b"<") and entry[0] != b"<?xml" and entry[0] in begin
        ]
        if inner:
            return inner[0][1], inner[0][2]
    for start, reason, name in _SCRIPTS:
        if begin.startswith(start):
            return reason, name
    return "text", "plain text"


def second_nature(file: BinaryIO, identity: Identity, end: int | None) -> list[str]:
    """Say what else a recording can be taken for.

    Args:
        file: The recording.
        identity: What it is.
        end: Where its own structure ends; None where that is not known.

    Returns:
        One clause for each other reading, for example `a ZIP archive at its end`.
    """
    found = []
    tail_bytes = min(
        identity.num_bytes, 65_535 + 22
    )  # the longest comment and the record itself (PKWARE APPNOTE 4.3.16)
    file.seek(identity.num_bytes - tail_bytes)
    tail = file.read(tail_bytes)
    place = tail.rfind(b"PK\x05\x06")
    if place >= 0 and len(tail) - place >= 22:
        comment = int.from_bytes(tail[place + 20 : place + 22], "little")
        if place + 22 + comment <= len(tail):
            found.append("a ZIP archive, whose directory is at the end of the file")
    if end is not None and end < identity.num_bytes:
        file.seek(end)
        outside = file.read(1 << 20)
        place_text = f"behind its end, at byte {end}"
    else:
        file.seek(0)
        outside = file.read(_HEAD_BYTES) if identity.kind == "other" else b""
        outside += tail[-_HEAD_BYTES:] if identity.kind == "other" else b""
        place_text = "at its start or end"
    if _MARKUP.search(outside):
        found.append(f"an HTML page, {place_text}")
    return found
