"""What a disk image or a volume in it is, by its first sectors; cheap, and strict enough to leave recordings alone."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pipelines.evidence.image_ewf_sections import HEAD, SIGNATURE

ReadAt = Callable[[int, int], bytes]

_IMAGES = (
    (b"EVF2\r\n\x81\x00", "ewf2"),
    (b"LVF\x09\x0d\x0a\xff\x00", "lef"),
    (b"LEF2\r\n\x81\x00", "lef"),
    (b"QFI\xfb", "qcow"),
    (b"KDMV", "vmdk"),
    (b"# Disk DescriptorFile", "vmdk"),
    (b"vhdxfile", "vhdx"),
    (b"conectix", "vhd"),
    (b"AFF10\r\n", "aff"),
)
"""First bytes of formats that are known and not read here: EWF2 and logical EWF (Metz, specifications), QCOW (QEMU,
docs/interop/qcow2), VMDK (VMware, Virtual Disk Format 5.0), VHD and VHDX (Microsoft, MS-VHDX), AFF (Garfinkel 2006)."""
_EXT_MAGIC = b"\x53\xef"
_TABLE_ENTRY = struct.Struct("<B3xB3xLL")


@dataclass(frozen=True, slots=True)
class Nature:
    """What a volume begins as."""

    kind: Literal["files", "encrypted", "unsupported", "empty", "unknown"]
    text: str


def looks_like_image(head: bytes, size: int, read_at: ReadAt) -> str | None:
    """Tell whether a file is a disk image, by its content.

    Args:
        head: Its first bytes, 4,096 or all.
        size: Its bytes.
        read_at: Reads (offset, count) of it; called only where `head` leaves it possible.

    Returns:
        `ewf` and `raw` are opened by `ImageReader`; `ewf_segment` is a later part of an EnCase image; `ewf2`, `lef`,
        `qcow`, `vmdk`, `vhd`, `vhdx` and `aff` are refused by it. None: it is no disk image.
    """
    if head.startswith(SIGNATURE):
        return "ewf" if len(head) < HEAD.size or HEAD.unpack_from(head)[2] == 1 else "ewf_segment"
    for magic, name in _IMAGES:
        if head.startswith(magic):
            return name
    if size < 2048 or len(head) < 1536:
        return None
    raw = (
        _has_files(head)
        or head[512:520] == b"EFI PART"
        or _is_partitioned(head, size)
        or head[3:11] == b"-FVE-FS-"
        or head.startswith(b"LUKS\xba\xbe")
        or head[1024:1028] in {b"H+\x00\x04", b"HX\x00\x05"}
        or _is_4k_gpt(head, size, read_at)
        or (size > 34_816 and not any(head[:512]) and read_at(32_768, 6)[1:6] == b"CD001")
    )
    return "raw" if raw else None


def nature_of(read_at: ReadAt, size: int) -> Nature:
    """Tell what a volume is.

    Raises:
        UnreadableMedia: its first sectors are damaged.
    """
    head = read_at(0, min(size, 4096))
    if head[3:11] == b"-FVE-FS-" or (head[3:11] == b"MSWIN4.1" and head[424:440] == _BITLOCKER_TO_GO):
        return Nature("encrypted", "BitLocker")
    if head.startswith(b"LUKS\xba\xbe"):
        return Nature("encrypted", "LUKS")
    if _has_files(head):
        return Nature("files", "")
    for offset, magic, name in _UNSUPPORTED:
        if offset + len(magic) <= size and read_at(offset, len(magic)) == magic:
            return Nature("unsupported", name)
    if not any(head) and not any(read_at(0, min(size, 1 << 20))):
        return Nature("empty", "nothing but zeros at its start")
    return Nature("unknown", "no file system that is known here")


_BITLOCKER_TO_GO = bytes.fromhex("3bd66749292ed84a8399f6a339e3d001")
"""GUID 4967d63b-2e29-4ad8-8399-f6a339e3d001 of removable media (libbde, BitLocker Drive Encryption format)."""
_UNSUPPORTED = (
    (0, b"XFSB", "XFS"),
    (0x10040, b"_BHRfS_M", "Btrfs"),
    (32, b"NXSB", "APFS"),
    (3, b"ReFS\x00\x00\x00\x00", "ReFS"),
    (1024, b"\x10\x20\xf5\xf2", "F2FS"),
    (512, b"LABELONE", "LVM"),
    (4086, b"SWAPSPACE2", "Linux swap"),
    (88, b"CS", "Core Storage"),
)
"""As in the `blkid` library's probes (util-linux, libblkid/src/superblocks)."""


def _has_files(head: bytes) -> bool:
    return _is_ext(head) or _is_ntfs(head) or _is_exfat(head) or _is_fat(head)


def _is_ext(head: bytes) -> bool:
    """Superblock at 1,024: magic, a block size up to 64 KiB, a count of inodes (Linux, ext4 data structures)."""
    if len(head) < 1264 or head[1080:1082] != _EXT_MAGIC:
        return False
    inodes, blocks = struct.unpack_from("<LL", head, 1024)
    return inodes > 0 and blocks > 0 and int.from_bytes(head[1048:1052], "little") <= 6


def _is_ntfs(head: bytes) -> bool:
    return head[3:11] == b"NTFS    " and head[510:512] == b"\x55\xaa"


def _is_exfat(head: bytes) -> bool:
    return head[3:11] == b"EXFAT   " and head[510:512] == b"\x55\xaa" and not any(head[11:64])


def _is_fat(head: bytes) -> bool:
    """Boot sector as in Microsoft's FAT specification, section 3; every field that has few values is looked at."""
    if len(head) < 512 or head[510:512] != b"\x55\xaa":
        return False
    if head[0] != 0xE9 and not (head[0] == 0xEB and head[2] == 0x90):
        return False
    sector, per_cluster, reserved, tables, _, small, media = struct.unpack_from("<HBHBHHB", head, 11)
    total = small or int.from_bytes(head[32:36], "little")
    return (
        sector in {512, 1024, 2048, 4096}
        and per_cluster in {1, 2, 4, 8, 16, 32, 64, 128}
        and reserved > 0
        and tables in {1, 2}
        and (media == 0xF0 or media >= 0xF8)
        and total > 0
    )


def _is_partitioned(head: bytes, size: int) -> bool:
    """Master boot record: four entries whose status is 0 or 80, one at least with a type and sectors within."""
    if head[510:512] != b"\x55\xaa":
        return False
    within = False
    for place in range(446, 510, 16):
        status, kind, start, count = _TABLE_ENTRY.unpack_from(head, place)
        if status not in {0, 0x80}:
            return False
        within = within or (kind != 0 and start > 0 and count > 0 and start * 512 < size)
    return within


def _is_4k_gpt(head: bytes, size: int, read_at: ReadAt) -> bool:
    """GPT of a disk with sectors of 4,096 bytes, whose protective entry is at the usual place."""
    return size > 8192 and head[510:512] == b"\x55\xaa" and read_at(4096, 8) == b"EFI PART"
