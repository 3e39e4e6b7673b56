"""What can go wrong with bytes on a disk; no message holds a word of a client's.

VaultError
+-- StorageFull         no room, or no room without touching the reserve
+-- StorageFailed       the disk cannot be used: an error of the device, read only, not ours
+-- NotStored           no evidence of this digest
+-- VaultDamaged        what lies under a digest is something else
+-- UploadUnknown       no upload of this id: never begun, finished, discarded, or its bytes are gone
+-- UploadSealed        the upload is being finished; nothing can be added
+-- OffsetConflict      bytes offered for another place than the next one; says which is
+-- ChecksumMismatch    other bytes arrived than the client sent
+-- ChecksumUnknown     a checksum in a form or of an algorithm that is not understood
+-- Busy                somebody else writes this upload just now
+-- TooLarge            more bytes than the upload may have
"""

from __future__ import annotations

from weights.errors import UnmaskError


class VaultError(UnmaskError):
    """Evidence cannot be received, kept or given."""


class StorageFull(VaultError):
    """There is no room. What had arrived before is kept."""


class StorageFailed(VaultError):
    """The disk, or a folder on it, cannot be used.

    Args:
        message: What could not be done, and why.
        errno: The system's number for it; 0 where it gave none.
    """

    def __init__(self, message: str, errno: int = 0) -> None:
        super().__init__(message)
        self.errno = errno


class NotStored(VaultError):
    """The vault has no such evidence."""


class VaultDamaged(VaultError):
    """Evidence that was altered, or that is no file.

    Args:
        sha256: What it is filed under.
        why: What it is instead.
    """

    def __init__(self, sha256: str, why: str) -> None:
        super().__init__(f"evidence {sha256} is damaged: {why}")
        self.sha256 = sha256


class UploadUnknown(VaultError):
    """No such upload, or no longer."""


class UploadSealed(VaultError):
    """All bytes are there, and the upload is on its way into the vault."""


class OffsetConflict(VaultError):
    """Bytes for another place than the next.

    Args:
        offset: Where the next byte goes: how many are there for certain.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(f"the upload goes on at byte {offset}")
        self.offset = offset


class ChecksumMismatch(VaultError):
    """Not the bytes that were announced.

    Args:
        expected: Hexadecimal.
        found: Hexadecimal.
    """

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"the bytes have the checksum {found}, and {expected} was announced")
        self.expected = expected
        self.found = found


class ChecksumUnknown(VaultError):
    """Not a checksum that can be held against anything."""


class Busy(VaultError):
    """One writer at a time."""


class TooLarge(VaultError):
    """More than allowed.

    Args:
        limit_bytes: What is allowed.
    """

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the upload may have {limit_bytes} bytes, and there are more")
        self.limit_bytes = limit_bytes
