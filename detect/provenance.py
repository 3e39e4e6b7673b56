"""What a file says of itself: tags, EXIF, XMP, and whether it carries a C2PA manifest. Shown, never believed.

Every text is bounded and made safe to print: control characters, direction overrides and bytes that are no UTF-8 appear
as escapes, so that neither a terminal nor a reader is deceived. Escaping for HTML or CSV is left to what writes those.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from PIL import ExifTags, Image

from detect.report import Provenance

MAX_CHARACTERS = 4_096
"""Of one value. Genuine tags stay far below; XMP packets are usually 2 to 4 kB."""

_MAX_VALUES = 200
_MAX_ITEMS = 64
"""Of one value that is a list."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that have no glyph of their own: controls, direction overrides, surrogates, unassigned."""


def clean(text: str) -> str:
    """Bound a text, and show as an escape what would be invisible."""
    cut = text[:MAX_CHARACTERS]
    shown = "".join(c if c in "\n\t" or unicodedata.category(c) not in _HIDDEN else _escaped(c) for c in cut)
    if len(text) > MAX_CHARACTERS:
        shown += f" ... [{len(text)} characters in all]"
    return shown


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def tags(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """Clean a table of tags, at most 200 of them, by name."""
    items = sorted(pairs.items() if isinstance(pairs, Mapping) else pairs)
    kept = {clean(str(name))[:200]: clean(str(value)) for name, value in items[:_MAX_VALUES]}
    if len(items) > _MAX_VALUES:
        kept["..."] = f"[{len(items)} tags in all]"
    return kept


def exif_tags(exif: Image.Exif) -> dict[str, str]:
    """Name and clean the EXIF fields of a picture, those of the camera and the position included."""
    pairs = [(_name(tag, ExifTags.TAGS), _text(value)) for tag, value in dict(exif).items()]
    for directory, names in ((ExifTags.IFD.Exif, ExifTags.TAGS), (ExifTags.IFD.GPSInfo, ExifTags.GPSTAGS)):
        if directory in exif:
            pairs += [(_name(tag, names), _text(value)) for tag, value in exif.get_ifd(directory).items()]
    pointers = {"ExifOffset", "GPSInfo"}
    return tags([pair for pair in pairs if pair[0] not in pointers])


def _name(tag: int, names: Mapping[int, str]) -> str:
    return names.get(tag, f"0x{tag:04x}")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        shown = value[:MAX_CHARACTERS].decode("utf-8", "backslashreplace")
        return shown if len(value) <= MAX_CHARACTERS else f"[{len(value)} bytes] {shown}"
    if isinstance(value, tuple | list):
        shown = ", ".join(_text(item) for item in value[:_MAX_ITEMS])
        return shown if len(value) <= _MAX_ITEMS else f"{shown} ... [{len(value)} items in all]"
    return str(value)


def state(
    *,
    container_tags: Mapping[str, str] | None = None,
    stream_tags: Mapping[int, Mapping[str, str]] | None = None,
    exif: Mapping[str, str] | None = None,
    xmp: bytes | None = None,
    c2pa: str | None = None,
    notes: Iterable[str] = (),
) -> Provenance:
    """Put together what a file says of itself.

    Args:
        container_tags: As the demuxer gives them.
        stream_tags: The same, by stream.
        exif: Of a picture, as `exif_tags` gives it.
        xmp: The packet, as stored.
        c2pa: Where a manifest store was found.
        notes: Sentences on how the file was read.
    """
    found = None if c2pa is None else f"manifest store found in {c2pa}; its signature was not verified"
    if found is None and xmp is not None and b"dcterms:provenance" in xmp:
        found = "XMP refers to a manifest kept elsewhere; it was not fetched"
    return Provenance(
        container_tags=tags(container_tags or {}),
        stream_tags={str(index): tags(pairs) for index, pairs in (stream_tags or {}).items() if pairs},
        exif=dict(exif or {}),
        xmp=None if xmp is None else clean(xmp.decode("utf-8", "backslashreplace")),
        c2pa=found or "absent",
        notes=list(notes),
    )
