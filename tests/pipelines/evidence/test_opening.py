"""What is recognised and not opened is said in so many words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.evidence import images
from tests.pipelines.evidence.archives import PICTURE, listing

RAR4 = b"Rar!\x1a\x07\x00" + b"\0\0\x73%s\x0d\0" + bytes(6)
RAR5 = b"Rar!\x1a\x07\x01\x00" + bytes(4) + b"\x0a%s\0\0" + bytes(20)


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (RAR4 % b"\0\0", "unsupported:rar"),
        (RAR4 % b"\x80\0", "encrypted:rar"),
        (RAR5 % b"\1", "unsupported:rar"),
        (RAR5 % b"\4", "encrypted:rar"),
    ],
)
def test_rar(tmp_path: Path, data: bytes, state: str) -> None:
    (tmp_path / "a.rar").write_bytes(data)
    found = listing(tmp_path / "a.rar", tmp_path / "scratch")
    assert found.states() == {"a.rar": state}
    assert "unpack it" in found.entries["a.rar"].message
    assert found.containers["a.rar"].num_members == 0


@pytest.mark.parametrize("data", [b"QFI\xfb" + bytes(5000), b"vhdxfile" + bytes(5000), b"conectix" + bytes(5000)])
def test_disk_images_that_are_not_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "disk.mp4").write_bytes(data)
    found = listing(tmp_path / "disk.mp4", tmp_path / "scratch")
    assert found.state("disk.mp4") == "unsupported:image:format"


def test_a_disk_image_in_segments_is_one_container(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    whole = images.ext(tmp_path / "disk.img", {b"a.jpg": PICTURE, b"b.txt": b"text"}).read_bytes()
    half = len(whole) // 2 // 512 * 512
    (tmp_path / "case" / "disk.001").write_bytes(whole[:half])
    (tmp_path / "case" / "disk.002").write_bytes(whole[half:])
    found = listing(tmp_path / "case", tmp_path / "scratch")
    states = {chain: state for chain, state in found.states().items() if "lost+found" not in chain}
    assert states == {
        "case/disk.001!/a.jpg": "examine",
        "case/disk.001!/b.txt": "unsupported:not_media:text",
        "case/disk.002": "unsupported:segment",
    }
    assert found.containers["case/disk.001"].state == "listed"
    again = listing(tmp_path / "case", tmp_path / "other", listed=frozenset({"case/disk.001"}))
    assert again.states() == {"case/disk.002": "unsupported:segment"}
