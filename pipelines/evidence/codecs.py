"""Decompression, one step at a time: no call gives more bytes than were asked for. zlib, bz2, lzma, zstd and inflate64.

The libraries' exceptions end here, as `InputError`s.
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import inflate64
from backports import zstd

from detect.errors import LimitExceeded, UnreadableMedia
from pipelines.evidence.streams import Budget, Stream

MEMORY_BYTES = 1 << 29
"""Dictionary of one decompressor. `xz -9` takes 64 MiB, `zstd --long=27` 128 MiB; only rare options take more."""
_ZSTD_WINDOW_LOG = 29
"""`MEMORY_BYTES` as a power of two."""
_INPUT_BYTES = 1 << 16
"""Fed at a time; small, so that the ratio is known early."""
_INFLATE64_INPUT_BYTES = 1 << 10
"""That library has no bound on its output; at 1,032:1 this is 1 MiB."""


class Decoder(Protocol):
    """One compressed stream."""

    @property
    def hungry(self) -> bool:
        """Whether nothing comes without more input."""
        ...

    @property
    def eof(self) -> bool:
        """Whether the stream has ended by its own word."""
        ...

    @property
    def unused(self) -> bytes:
        """Input behind the stream's end."""
        ...

    @property
    def pending(self) -> int:
        """Bytes of input that were taken and not looked at yet."""
        ...

    def feed(self, data: bytes, num_bytes: int) -> bytes:
        """Give input, get up to `num_bytes` of output."""
        ...


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._object = zlib.decompressobj(window_bits)
        self._tail = b""
        self.hungry = True

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused(self) -> bytes:
        return self._object.unused_data

    @property
    def pending(self) -> int:
        return len(self._tail)

    def feed(self, data: bytes, num_bytes: int) -> bytes:
        out = self._object.decompress(self._tail + data if self._tail else data, num_bytes)
        self._tail = self._object.unconsumed_tail
        self.hungry = not self._tail and len(out) < num_bytes
        return out


class _Bounded:
    """`bz2`, `lzma` and `zstd` have one interface."""

    def __init__(self, decompressor: bz2.BZ2Decompressor | lzma.LZMADecompressor | zstd.ZstdDecompressor) -> None:
        self._object = decompressor
        self.pending = 0

    @property
    def hungry(self) -> bool:
        return self._object.needs_input

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def unused(self) -> bytes:
        return self._object.unused_data

    def feed(self, data: bytes, num_bytes: int) -> bytes:
        return self._object.decompress(data, num_bytes)


class _Inflate64:
    def __init__(self) -> None:
        self._object = inflate64.Inflater()
        self._out = b""
        self._waiting = b""
        self.unused = b""

    @property
    def hungry(self) -> bool:
        return not self._out and not self._waiting

    @property
    def eof(self) -> bool:
        return bool(self._object.eof) and not self._out

    @property
    def pending(self) -> int:
        return len(self._waiting)

    def feed(self, data: bytes, num_bytes: int) -> bytes:
        self._waiting += data
        while not self._out and self._waiting and not self._object.eof:
            step, self._waiting = self._waiting[:_INFLATE64_INPUT_BYTES], self._waiting[_INFLATE64_INPUT_BYTES:]
            self._out = self._object.inflate(step)
        out, self._out = self._out[:num_bytes], self._out[num_bytes:]
        return out


def deflate() -> Decoder:
    """Raw deflate, as in ZIP."""
    return _Zlib(-15)


def deflate64() -> Decoder:
    """Deflate with a window of 64 kB, as Windows writes it for large files."""
    return _Inflate64()


def gz() -> Decoder:
    """One gzip member, its checksum verified (RFC 1952)."""
    return _Zlib(31)


def bzip2() -> Decoder:
    """One bzip2 stream."""
    return _Bounded(bz2.BZ2Decompressor())


def xz() -> Decoder:
    """One xz stream, or the old `.lzma`."""
    return _Bounded(lzma.LZMADecompressor(memlimit=MEMORY_BYTES))


def zstandard() -> Decoder:
    """One zstd frame."""
    return _Bounded(zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}))


def zip_lzma(header: bytes) -> Decoder:
    """LZMA as in ZIP (PKWARE APPNOTE 5.8).

    Args:
        header: Version, size and properties, 9 bytes.

    Raises:
        UnreadableMedia: they are none.
        LimitExceeded: it asks for too much memory.
    """
    if len(header) < 9 or header[2:4] != b"\x05\x00" or header[4] >= 225:
        raise UnreadableMedia("damaged", "the properties of an LZMA stream make no sense")
    lc, rest = header[4] % 9, header[4] // 9
    lp, pb = rest % 5, rest // 5
    size = int.from_bytes(header[5:9], "little")
    if size > MEMORY_BYTES:
        raise LimitExceeded("archive:memory", f"decompression asks for {size} bytes of memory")
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": max(size, 4096), "lc": lc, "lp": lp, "pb": pb}]
    with translated():
        return _Bounded(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters))


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the libraries' exceptions into `InputError`s."""
    try:
        yield
    except (zlib.error, lzma.LZMAError, zstd.ZstdError, EOFError, ValueError, OSError) as error:
        if "emory" in str(error):
            raise LimitExceeded("archive:memory", f"decompression asks for too much memory: {error}") from error
        raise UnreadableMedia("damaged", f"the compressed data are damaged: {error}") from error


class Decompressing:
    """What comes out of one or several compressed streams, one behind the other.

    Args:
        source: Compressed bytes.
        make: A fresh decoder.
        budget: Counts what comes out.
        several: Whether another stream may follow, as in `.gz`, `.bz2`, `.xz` and `.zst` files.
        raw_end: Whether the source's end is the stream's end too: LZMA in ZIP need not say where it ends.
    """

    def __init__(
        self,
        source: Stream,
        make: Callable[[], Decoder],
        budget: Budget,
        *,
        several: bool = False,
        raw_end: bool = False,
    ) -> None:
        self._source = source
        self._make = make
        self._decoder = make()
        self._budget = budget
        self._several = several
        self._raw_end = raw_end
        self._fed = self._out = 0
        self._done = False
        self._carry = b""
        self.notes: tuple[str, ...] = ()

    @property
    def consumed(self) -> int:
        """Bytes of input that were used."""
        return self._fed - self._decoder.pending - len(self._decoder.unused)

    def read(self, num_bytes: int) -> bytes:
        """See `Stream.read`."""
        while not self._done:
            if self._carry:
                out, self._carry = self._carry, b""
                self._out += len(out)
                return out
            if self._decoder.eof:
                self._next()
                continue
            data = self._source.read(_INPUT_BYTES) if self._decoder.hungry else b""
            if self._decoder.hungry and not data:
                if self._raw_end:
                    break
                raise UnreadableMedia("truncated", f"the compressed data end early, after {self._out} bytes")
            self._fed += len(data)
            with translated():
                out = self._decoder.feed(data, num_bytes)
            if out:
                self._out += len(out)
                self._budget.spend(len(out))
                self._budget.check_ratio(self._out, self._fed - self._decoder.pending)
                return out
            self._budget.pulse.beats += 1
        self._done = True
        return b""

    def _next(self) -> None:
        """Go on with the stream that follows, if one does. Zeros pad: tapes and `xz` write them."""
        if not self._several:
            self._done = True
            return
        rest = self._decoder.unused
        while not (rest := rest.lstrip(b"\0")):
            rest = self._source.read(_INPUT_BYTES)
            if not rest:
                self._done = True
                return
            self._fed += len(rest)
        decoder = self._make()
        try:
            with translated():  # one byte: to zlib, none would mean no bound
                self._carry = decoder.feed(rest, 1)
        except UnreadableMedia:
            self._done = True
            self.notes = ("bytes that belong to nothing follow the compressed data",)
            return
        self._decoder = decoder
