"""Whatever the name of a member, it comes back byte for byte and meets no other."""

from __future__ import annotations

import io
import struct
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.evidence import Options, fetch
from pipelines.names import unescape
from tests.pipelines.evidence.archives import Packed, listing, zip_bytes

HEAD = b"\xff\xd8\xff"
NAMES = st.lists(
    st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")), max_size=6
)


def _checked(path: Path, scratch: Path, names: list[bytes]) -> None:
    found = listing(path, scratch)
    chains = list(found.entries)
    assert len(chains) == len(names)
    for index, (chain, name) in enumerate(zip(chains, names, strict=True)):
        text = chain.removeprefix(f"{path.name}!/")
        repeats = names[:index].count(name)
        if repeats:
            text = text.removesuffix(f"\\#{repeats + 1}")
        assert unescape(text) == name
        again = io.BytesIO()
        fetch(found.entries[chain].locator, Options(), again)
        assert again.getvalue() == HEAD + bytes([index])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(names=NAMES)
def test_names_in_zip(names: list[bytes]) -> None:
    names = [name.rstrip(b"/") for name in names]  # with a slash at its end it would be a folder's
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        path.write_bytes(zip_bytes([Packed(name, HEAD + bytes([index])) for index, name in enumerate(names)]))
        _checked(path, Path(folder) / "scratch", names)


def _pax(name: bytes, content: bytes) -> bytes:
    """A member whose name is in an extended header, as bytes."""
    record = b" path=" + name + b"\n"
    length = len(record) + 1
    while len(str(length)) + len(record) != length:
        length = len(str(length)) + len(record)
    extended = str(length).encode() + record
    return _header(b"x", extended) + _header(b"0", content)


def _header(kind: bytes, content: bytes) -> bytes:
    size = b"%011o" % len(content)
    block = bytearray(struct.pack("100s8s8s8s12s12s8sc", b"n", b"", b"", b"", size, b"0", b" " * 8, kind))
    block += bytes(512 - len(block))
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content + bytes(-len(content) % 512)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(names=NAMES)
def test_names_in_tar(names: list[bytes]) -> None:
    names = [name.replace(b"\n", b"").rstrip(b"/") or b"n" for name in names]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tar"
        members = b"".join(_pax(name, HEAD + bytes([index])) for index, name in enumerate(names))
        path.write_bytes(members + bytes(1024))
        if names:
            _checked(path, Path(folder) / "scratch", names)
