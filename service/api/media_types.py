"""What a recording may be sent as: decided by its content, and only if it is on a list of what browsers play as media.

Nothing here trusts a name or what a client said. Whatever is not on the list could be something that a browser runs.
"""

from __future__ import annotations

from detect.identify import Kind, identify_head

HEAD_BYTES = 4096
"""What `detect.identify` looks at."""

_PICTURES: dict[Kind, str] = {"jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}
_AVIF = frozenset({b"avif", b"avis"})
_AUDIO_BRANDS = frozenset({b"M4A ", b"M4B ", b"F4A ", b"F4B "})
"""Major brands of files without pictures (MP4 registration authority, "Brands")."""
_QUICKTIME = b"qt  "
_DOC_TYPE = b"\x42\x82"
"""Element that says `webm` or `matroska` (RFC 8794, 11.2.6)."""
_ADTS = frozenset({0xF1, 0xF9})
"""Second byte of AAC in ADTS, without and with MPEG-2's flag (ISO/IEC 14496-3, 1.A.2.2)."""
ENDINGS = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/avif": (".avif",),
    "video/mp4": (".mp4", ".m4v", ".3gp", ".mov"),
    "video/quicktime": (".mov", ".qt"),
    "video/webm": (".webm",),
    "video/matroska": (".mkv",),
    "video/ogg": (".ogv", ".ogg"),
    "audio/mp4": (".m4a", ".mp4"),
    "audio/ogg": (".ogg", ".oga", ".opus"),
    "audio/wav": (".wav",),
    "audio/mpeg": (".mp3",),
    "audio/aac": (".aac",),
    "audio/flac": (".flac",),
}
"""Types that may be sent (IANA media types; audio/wav as the WHATWG's MIME Sniffing standard has it), each with the
endings that a file of it may keep; others get the first one."""


def media_type(head: bytes) -> str | None:
    """The type of a recording that begins with these bytes; None where it is not on the list."""
    kind, _ = identify_head(head)
    if kind in _PICTURES:
        return _PICTURES[kind]
    brand = head[8:12]
    if kind == "heif":
        return "image/avif" if brand in _AVIF else None
    if kind == "isobmff":
        return "audio/mp4" if brand in _AUDIO_BRANDS else "video/quicktime" if brand == _QUICKTIME else "video/mp4"
    if kind == "matroska":
        return _matroska(head)
    if kind == "riff":
        return "audio/wav" if brand == b"WAVE" and head.startswith((b"RIFF", b"RF64")) else None
    return _sound(head) if kind == "other" else None


def download_name(filename: str, kind: str) -> str:
    """A name whose ending says what the file is, whatever it was called."""
    endings = ENDINGS[kind]
    return filename if filename.lower().endswith(endings) else filename + endings[0]


def _matroska(head: bytes) -> str | None:
    place = head.find(_DOC_TYPE, 0, 64)
    value = head[place + 3 : place + 3 + (head[place + 2] & 0x7F)] if 0 <= place < len(head) - 3 else b""
    return {b"webm": "video/webm", b"matroska": "video/matroska"}.get(value.rstrip(b"\0"))


def _sound(head: bytes) -> str | None:
    if head.startswith(b"OggS"):
        return "video/ogg" if b"\x80theora" in head else "audio/ogg"
    if head.startswith(b"fLaC"):
        return "audio/flac"
    if head.startswith(b"ID3"):
        return "audio/mpeg"
    if len(head) > 1 and head[0] == 0xFF:
        if head[1] in _ADTS:
            return "audio/aac"
        # Sync word, MPEG-1, -2 or -2.5, layer III (ISO/IEC 11172-3, 2.4.1.3).
        return "audio/mpeg" if head[1] & 0xE6 == 0xE2 and head[1] & 0x18 != 0x08 else None
    return None
