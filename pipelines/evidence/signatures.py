"""What becomes of a file, by its first bytes: examined, opened as a container, or recorded as no recording.

`detect.identify` knows pictures, the three great containers, text, and what is foreign. Here stand archives, disk
images, and the first bytes of the other recordings that FFmpeg's demuxers in `detect.container.FORMATS` read. A file
without any signature is examined where its name claims a recording: a damaged one must be reported as damaged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from detect.identify import identify_head
from pipelines.evidence.image_signatures import looks_like_image
from pipelines.evidence.tar_headers import BLOCK, is_header

HEAD_BYTES = 4096
"""Read of every file, and of most nothing more."""

Fate = Literal["recording", "container", "program", "none"]


class Nature(NamedTuple):
    """What a file is."""

    fate: Fate
    """`program`: no recording, but an archive can hang on it."""
    kind: str
    """`zip`, `tar`, `gz`, ... of a container; for the others what kind of content."""
    reason: str = ""
    message: str = ""


_RECORDINGS = frozenset({"jpeg", "png", "gif", "webp", "tiff", "heif", "isobmff", "matroska", "riff"})
_RECORDING = {kind: Nature("recording", kind) for kind in (*_RECORDINGS, "other")}

_CONTAINERS = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"Rar!\x1a\x07", "rar"),
)
"""From the formats' specifications; disk images are told by `pipelines.evidence.image`."""
_CONTAINER = {
    kind: Nature("container", kind) for kind in ("zip", "7z", "gz", "bz2", "xz", "zst", "rar", "tar", "image")
}
_STARTS = frozenset(magic[:2] for magic, _ in _CONTAINERS)

_PICTURES_NOT_READ = ("a Photoshop document", "a JPEG XL picture", "a JPEG 2000 picture")
_PROGRAMS = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")

_MEDIA = (
    (0, b"ID3"),  # MP3, AAC with an ID3v2 tag
    (0, b"OggS"),
    (0, b"fLaC"),
    (0, b"FLV\x01"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),  # ASF: WMV, WMA
    (0, b".snd"),
    (0, b"caff\x00"),
    (0, b"#!AMR"),
    (0, b"\x00\x00\x01\xba"),  # MPEG program stream
    (0, b"\x00\x00\x01\xb3"),  # MPEG-1/2 video, sequence header
    (0, b"\x00\x00\x01\xb0"),  # MPEG-4 part 2, visual object sequence
    (0, b"\x00\x00\x01\xb5"),
    (0, b"DKIF"),  # IVF: VP8, VP9, AV1
    (0, b"wvpk"),
    (0, b"\x0b\x77"),  # AC-3, E-AC-3
    (0, b"riff\x2e\x91\xcf\x11"),  # Wave64
    (0, b"\x12\x00\x0a"),  # AV1: temporal delimiter, then sequence header
    (0, b"\x1f\x07\x00"),  # DV, 525 lines
    (0, b"\x1f\x07\x00\xbf"),  # DV, 625 lines
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01"),  # MXF: the key of the first partition pack
)
"""Offset and bytes, from the specifications of the formats."""
_SUFFIXES = frozenset(
    b".3g2 .3gp .aac .ac3 .aif .aifc .aiff .amr .asf .au .avi .avif .awb .bmp .caf .divx .dv .eac3 .f4v .flac .flv"
    b" .gif .h264 .h265 .264 .265 .hevc .heic .heif .ivf .jfif .jpe .jpeg .jpg .m1v .m2t .m2ts .m2v .m4a .m4b .m4v"
    b" .mka .mkv .mod .mov .mp2 .mp3 .mp4 .mpe .mpeg .mpg .mts .mxf .obu .oga .ogg .ogm .ogv .opus .png .qt .snd .tif"
    b" .tiff .tod .ts .vob .w64 .wav .wave .webm .webp .wma .wmv .wv".split()
)
"""What players and cameras write. A name decides nothing about what a file is, only that it is looked at."""

_TEXT_IMAGE = b"# Disk DescriptorFile"
_EMPTY = Nature("none", "empty", "empty", "the file holds no bytes")
SEGMENT = Nature("none", "segment", "segment", "a later part of a disk image, which is read by way of its first part")
_UNKNOWN = Nature("none", "other", "not_media:other", "no signature of a recording, and no name of one")


def nature(head: bytes, name: bytes, size: int, read_at: Callable[[int, int], bytes]) -> Nature:
    """Tell what becomes of a file.

    Args:
        head: Its first `HEAD_BYTES`.
        name: Counts only where the bytes say nothing.
        size: Its bytes, as far as they are known.
        read_at: Reads (offset, count) of it; called for few files.
    """
    if not head:
        return _RECORDING["other"] if has_media_suffix(name) else _EMPTY
    if head[:2] in _STARTS:
        for magic, container in _CONTAINERS:
            if head.startswith(magic):
                return _CONTAINER[container]
    if head[257:262] == b"ustar" and is_header(head[:BLOCK]):
        return _CONTAINER["tar"]
    kind, detail = identify_head(head)
    if kind in _RECORDINGS:
        return _RECORDING[kind]
    if kind == "text" and not head.startswith(_TEXT_IMAGE):
        return Nature("none", kind, "not_media:text", f"this is {detail}, not a recording")
    if head.startswith(_PROGRAMS):
        return Nature("program", "program", "not_media:program", "this is a program, not a recording")
    if kind == "other" and _is_media(head):
        return _RECORDING["other"]
    if looks_like_image(head, size, read_at) is not None:
        return _CONTAINER["image"]
    if kind == "foreign":
        if detail in _PICTURES_NOT_READ:
            return Nature("none", kind, "format", f"{detail}, which is not read by this version")
        return Nature("none", kind, "not_media:foreign", f"this is {detail}, not a recording")
    if has_media_suffix(name):
        return _RECORDING["other"]
    if head[148:149] in b" 01234567" and is_header(head[:BLOCK]):
        return _CONTAINER["tar"]  # of the seventh edition, which had no mark
    return _UNKNOWN


def has_media_suffix(name: bytes) -> bool:
    """Whether a name claims a recording."""
    place = name.rfind(b".")
    return place >= 0 and name[place:].lower() in _SUFFIXES


def _is_media(head: bytes) -> bool:
    if any(head.startswith(magic, offset) for offset, magic in _MEDIA):
        return True
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return True
    return _is_transport(head) or _is_annex_b(head) or _is_audio_frames(head)


def _is_transport(head: bytes) -> bool:
    """MPEG transport stream: packets of 188 bytes, with a time code 192, with parity 204 (ISO/IEC 13818-1)."""
    for length, first in ((188, 0), (192, 4), (204, 0)):
        if len(head) > first + 3 * length and all(head[first + i * length] == 0x47 for i in range(4)):
            return True
    return False


def _is_annex_b(head: bytes) -> bool:
    """H.264 or HEVC: start code, then an access unit delimiter or parameter set (ITU-T H.264 and H.265, annex B)."""
    start = 4 if head.startswith(b"\0\0\0\1") else 3 if head.startswith(b"\0\0\1") else 0
    if not start or len(head) < start + 2:
        return False
    octet = head[start]
    if octet & 0x80:
        return False
    avc = octet & 31 in (6, 7, 8, 9) and (octet & 31 in (6, 9)) == (octet >> 5 == 0)
    hevc = octet >> 1 in (32, 33, 34, 35, 39) and head[start + 1] == 1
    return avc or hevc


_MPEG_KBPS = {
    3: ((), (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
        (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
        (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)),
    2: ((), (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
        (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
        (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)),
}  # fmt: skip
"""Bit rates of ISO/IEC 11172-3 and 13818-3, by version (3: MPEG-1, else MPEG-2) and layer field (1: layer III)."""
_MPEG_HZ = (44_100, 48_000, 32_000)


def _is_audio_frames(head: bytes) -> bool:
    """MPEG audio or ADTS without a tag: one frame header where the one before says that it is. Needs two frames."""
    if len(head) < 8 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    length = _adts_bytes(head) if head[1] & 0xF6 == 0xF0 else _mpeg_bytes(head)
    if not length:
        return False
    if length + 2 > len(head):
        return length <= 8191 and len(head) < HEAD_BYTES  # a file of one frame
    return head[length] == 0xFF and head[length + 1] & 0xFE == head[1] & 0xFE


def _adts_bytes(head: bytes) -> int:
    """ISO/IEC 14496-3, 1.A.2.2: 13 bits from bit 30 on."""
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length >= 7 and head[2] >> 2 & 15 < 13 else 0


def _mpeg_bytes(head: bytes) -> int:
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate, hz, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or not layer or rate in (0, 15) or hz == 3:
        return 0
    kbps = _MPEG_KBPS[3 if version == 3 else 2][layer][rate]
    sampling = _MPEG_HZ[hz] >> {3: 0, 2: 1, 0: 2}[version]
    if layer == 3:
        return (12_000 * kbps // sampling + padding) * 4
    return (72_000 if version != 3 and layer == 1 else 144_000) * kbps // sampling + padding
