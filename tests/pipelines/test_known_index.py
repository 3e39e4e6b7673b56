"""Sorted digests on disk, against what was put in."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.known_index import SortedDigests, build, cached

ENDS = st.sampled_from([b"\x00", b"\x00\x00", b"\x80", b"\xff", b"\x7f"])
"""Where sorting by signed bytes, or text that ends at a zero, would go wrong."""


@settings(max_examples=50, deadline=None)
@given(
    inside=st.lists(st.tuples(st.sampled_from([16, 20, 32]), ENDS, st.binary(max_size=2), ENDS), min_size=1),
    outside=st.lists(st.tuples(st.sampled_from([16, 20, 32]), ENDS, st.binary(max_size=2), ENDS)),
)
def test_sorted_digests_hold_what_was_put_in(
    tmp_path_factory: pytest.TempPathFactory,
    inside: list[tuple[int, bytes, bytes, bytes]],
    outside: list[tuple[int, bytes, bytes, bytes]],
) -> None:
    algorithms = {16: "md5", 20: "sha1", 32: "sha256"}

    def digest(width: int, first: bytes, middle: bytes, last: bytes) -> tuple[str, bytes]:
        return algorithms[width], first + middle + bytes(width - len(first + middle + last)) + last

    held, asked = [digest(*parts) for parts in inside], [digest(*parts) for parts in outside]
    work = tmp_path_factory.mktemp("index")
    folder = work / "sorted"
    folder.mkdir()
    build(held, folder, work)
    index = SortedDigests(folder)
    assert len(index) == len(set(held))
    assert all(value in index for value in held)
    assert [value in index for value in asked] == [value in held for value in asked]


def test_more_than_a_bucket_keeps_in_memory(tmp_path: Path) -> None:
    """Digests with one first byte, more than are kept before they are written."""
    count = 5_000
    held = [("sha256", b"\x07" + hashlib.sha256(b"%d" % number).digest()[1:]) for number in range(count)]
    folder = tmp_path / "sorted"
    folder.mkdir()
    build(held * 2, folder, tmp_path)
    index = SortedDigests(folder)
    assert len(index) == count
    assert all(value in index for value in held)
    assert (folder / "sha256").stat().st_size == 32 * count


def test_what_a_killed_build_left_is_cleared_away(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    remains = cache / "key.building" / "finished"
    remains.mkdir(parents=True)
    (remains / "md5").write_bytes(b"half")
    digests = [("md5", bytes(range(16)))]
    assert len(cached(cache, "key", lambda: digests)) == 1
    assert [path.name for path in cache.iterdir() if path.is_dir()] == ["key"]
