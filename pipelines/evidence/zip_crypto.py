"""The two encryptions of ZIP: the old stream cipher, and WinZip's AES. Cryptodome is imported here only.

PKWARE APPNOTE 6.1 and WinZip's "AES Encryption Information" (AE-1, AE-2).
"""

from __future__ import annotations

import hashlib
import hmac
import zlib

from Cryptodome.Cipher import AES
from Cryptodome.Util import Counter

from detect.errors import UnreadableMedia
from pipelines.evidence.streams import Stream, read_full
from pipelines.evidence.troubles import Locked

_CRC = [zlib.crc32(bytes([octet]), 0xFFFFFFFF) ^ 0xFFFFFFFF for octet in range(256)]
"""The CRC-32 table: the register after one byte, started from zero."""
_KEYS = (0x12345678, 0x23456789, 0x34567890)
_HEADER_BYTES = 12
_CODE_BYTES = 10
"""Of HMAC-SHA1, at the end of AES data."""
_ITERATIONS = 1000
_SALT_BYTES = {1: 8, 2: 12, 3: 16}
"""By strength: AES-128, -192, -256; the key has twice as many bytes."""


class ZipCrypto:
    """The old cipher. Python runs it at 2 to 3 MB/s: each byte depends on the one before.

    Args:
        source: Encrypted bytes.
        password: To try.
        check: What the last byte of the header must be.

    Raises:
        Locked: the password does not fit.
    """

    def __init__(self, source: Stream, password: bytes, check: int) -> None:
        self._source = source
        self._keys = _KEYS
        self.notes: tuple[str, ...] = ()
        self._turn(password, plain=True)
        header = self._turn(read_full(source, _HEADER_BYTES))
        if len(header) < _HEADER_BYTES:
            raise UnreadableMedia("truncated", "the encrypted data end early")
        if header[-1] != check:
            raise Locked("password", "encrypted, and no password that was given fits")

    def read(self, num_bytes: int) -> bytes:
        """See `Stream.read`."""
        return self._turn(self._source.read(num_bytes))

    def _turn(self, data: bytes, *, plain: bool = False) -> bytes:
        """Decrypt; with `plain` only mix the bytes into the keys."""
        one, two, three = self._keys
        table = _CRC
        out = bytearray()
        for octet in data:
            if not plain:
                mixed = three | 2
                octet ^= (mixed * (mixed ^ 1) >> 8) & 0xFF  # noqa: PLW2901 - the loop is the cipher
                out.append(octet)
            one = table[(one ^ octet) & 0xFF] ^ (one >> 8)
            two = ((two + (one & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
            three = table[(three ^ (two >> 24)) & 0xFF] ^ (three >> 8)
        self._keys = (one, two, three)
        return bytes(out)


class WinZipAes:
    """AES in counter mode; the code at the end is verified before the end is told.

    Args:
        source: Encrypted bytes: salt, verifier, data, authentication code.
        password: To try.
        strength: 1 to 3.
        num_bytes: Length of all that.

    Raises:
        Locked: the password does not fit.
        UnreadableMedia: cut, or of an unknown strength.
    """

    def __init__(self, source: Stream, password: bytes, strength: int, num_bytes: int) -> None:
        salt_bytes = _SALT_BYTES.get(strength, 0)
        self._left = num_bytes - salt_bytes - 2 - _CODE_BYTES
        if not salt_bytes or self._left < 0:
            raise UnreadableMedia("damaged", "the data of an AES-encrypted member make no sense")
        salt = read_full(source, salt_bytes + 2)
        size = 2 * salt_bytes
        keys = hashlib.pbkdf2_hmac("sha1", password, salt[:salt_bytes], _ITERATIONS, 2 * size + 2)
        if not hmac.compare_digest(keys[-2:], salt[salt_bytes:]):
            raise Locked("password", "encrypted, and no password that was given fits")
        self._source = source
        self._code = hmac.new(keys[size : 2 * size], digestmod="sha1")
        counter = Counter.new(128, little_endian=True, initial_value=1)
        self._cipher = AES.new(keys[:size], AES.MODE_CTR, counter=counter)
        self._verified = False
        self.notes: tuple[str, ...] = ()

    def read(self, num_bytes: int) -> bytes:
        """See `Stream.read`."""
        data = self._source.read(min(num_bytes, self._left))
        if not data and self._left:
            raise UnreadableMedia("truncated", "the encrypted data end early")
        self._left -= len(data)
        self._code.update(data)
        if not self._left and not self._verified:
            self._verified = True
            if not hmac.compare_digest(self._code.digest()[:_CODE_BYTES], read_full(self._source, _CODE_BYTES)):
                raise UnreadableMedia("authentication", "the encrypted data were changed: their code does not match")
        return bytes(self._cipher.decrypt(data))
