"""What decides which files are found, and how much a hostile container may cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """Bounds on what comes out of containers, counted while bytes are read: headers are claims, not facts."""

    depth: int = 8
    """Containers within one another. Evidence in practice nests a disk image, a backup, a mail attachment and an
    archive in it; 42.zip nests 6 deep."""
    members: int = 10_000_000
    """In one container. A full system disk has about one million files (HOSTILE case 45 has five million)."""
    total_bytes: int = 4 << 40
    """Out of one file of a folder, with everything nested in it: what a large disk holds, 4 TiB."""
    member_bytes: int = 256 << 30
    """Of one member; a day of 4K video takes less."""
    ratio: int = 1000
    """Bytes out for each byte in, after the first `ratio_free_bytes`. Deflate cannot exceed 1,032 (zlib, technical
    details), and recordings hardly shrink at all."""
    ratio_free_bytes: int = 1 << 20
    """Short runs of zeros compress better than 1,000:1 in formats with long matches, and cost nothing."""
    nested_free_bytes: int = 1 << 30
    """As `ratio_free_bytes`, for all that comes out of one file of a folder by way of nesting: 42.zip, 42 kB, would
    give 4.5 PB, each of its layers modestly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What decides which files are found."""

    limits: ArchiveLimits = field(default_factory=ArchiveLimits)
    passwords: tuple[str, ...] = ()
    """Tried on encrypted archives, in this order."""
    known_ok: tuple[Path, ...] = ()
    """Sets of files that need no examination."""
    known_alert: tuple[Path, ...] = ()
    """Sets of files that are flagged wherever they occur; with any, every file is hashed."""
    known_cache: Path | None = None
    """Folder for the sorted form of large sets; None: next to the copies in the scratch folder."""
    include_deleted: bool = False
    """Whether files that a disk image's file systems have deleted are listed."""
    exclude: tuple[Path, ...] = ()
    """Folders that are never walked: the result folder, the scratch folder."""
