"""Digests of bytes that arrive in pieces: what a client announces for one piece, and one that runs over all of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, TypeAlias

from service.vault.errors import ChecksumUnknown

Hash: TypeAlias = Any
"""What `hashlib` gives; typeshed has a name for it that is missing at run time."""

ALGORITHMS = {"sha1": 20, "sha256": 32, "md5": 16}
"""Bytes of their digests. tus asks for sha1 at least (tus 1.0.0, extension "Checksum"); here it finds accidents."""

_KEPT = 1024
"""Uploads whose running digest is kept: more than are ever open at a time, at about half a kilobyte each."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a client says of one piece."""

    algorithm: str
    """One of `ALGORITHMS`."""
    digest: bytes

    def begin(self) -> Hash:
        """A digest of its kind, of nothing yet."""
        return hashlib.new(self.algorithm, usedforsecurity=False)


def parse_checksum(text: str) -> Checksum:
    """Read `algorithm base64`, as tus writes it in `Upload-Checksum`.

    Raises:
        ChecksumUnknown: another form, or another algorithm.
    """
    algorithm, _, encoded = text.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise ChecksumUnknown(f"a checksum is one of {', '.join(ALGORITHMS)}, a space, and the digest in Base64")
    try:
        digest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:  # the latter where it is no ASCII
        raise ChecksumUnknown(f"the digest behind {algorithm} is no Base64") from error
    if len(digest) != ALGORITHMS[algorithm]:
        raise ChecksumUnknown(f"{algorithm} has {ALGORITHMS[algorithm]} bytes, and {len(digest)} were given")
    return Checksum(algorithm, digest)


class RunningDigests:
    """SHA-256 of uploads as far as they are, while this process lives.

    One is given back only for a file that is as it was left: the same, as long, and not written to since.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._kept: OrderedDict[str, tuple[tuple[int, ...], Hash]] = OrderedDict()

    def keep(self, upload_id: str, state: os.stat_result, running: Hash) -> None:
        """Keep the digest of a file that is in this state."""
        with self._turn:
            self._kept[upload_id] = _mark(state), running.copy()
            self._kept.move_to_end(upload_id)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def of(self, upload_id: str, state: os.stat_result) -> Hash | None:
        """The digest of a file in this state, to be gone on with; None where it has to be read."""
        if state.st_size == 0:
            return hashlib.sha256()
        with self._turn:
            mark, running = self._kept.get(upload_id, ((), None))
        return running.copy() if running is not None and mark == _mark(state) else None

    def forget(self, upload_id: str) -> None:
        """The upload is no more."""
        with self._turn:
            self._kept.pop(upload_id, None)


def _mark(state: os.stat_result) -> tuple[int, ...]:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
