"""EnCase images: every checksum counts, missing segments leave holes that are said, stored hashes are compared."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path

import pytest

from detect.errors import UnreadableMedia
from pipelines.evidence.image import ImageFile, ImageReader, looks_like_image
from pipelines.evidence.image_ewf import EwfMedia
from pipelines.evidence.image_media import Ranges
from tests.pipelines.evidence import images

BIG = images.noise(3_000_000, 1)
SMALL = images.noise(60_000, 2)
CHUNK = 32_768


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with one Linux partition; its noise fills segments of one mebibyte."""
    folder = tmp_path_factory.mktemp("raw")
    files = {b"a.mov": SMALL, b"big.mov": BIG, b"z/b.mov": SMALL[::-1]}
    return images.mbr(folder / "x.dd", [(0x83, images.ext(folder / "1.img", files).read_bytes())])


@pytest.fixture
def segments(raw: Path, tmp_path: Path) -> Path:
    """The same as an EnCase image in several segments; the first of them."""
    return images.ewf(raw, tmp_path / "case7", compression="fast")


def listing(path: Path, *, verify: bool = True) -> tuple[dict[bytes, ImageFile], ImageReader]:
    with ImageReader(path, verify=verify) as reader:
        files = list(reader.files())
    return {file.name: file for file in files}, reader


def content(path: Path, key: str) -> bytes:
    with ImageReader(path, verify=False) as reader, reader.open(key) as file:
        return file.read()


def chunk_places(path: Path) -> list[int]:
    """Where the chunks of a segment file begin, read from its first table."""
    data = path.read_bytes()
    place = next(position for name, position, _ in images.sections(data) if name == "table") + 76
    count, base = struct.unpack_from("<L4xQ", data, place)
    entries = struct.unpack_from(f"<{count}L", data, place + 24)
    return [base + (entry & 0x7FFF_FFFF) for entry in entries]


@pytest.mark.parametrize("compression", ["none", "empty-block", "fast", "best"])
@pytest.mark.parametrize("form", ["encase5", "encase6", "ftk", "smart"])
def test_an_intact_image(raw: Path, tmp_path: Path, compression: str, form: str) -> None:
    path = images.ewf(raw, tmp_path / "x", compression=compression, form=form)
    with ImageReader(path) as reader:
        files = {file.name: file for file in reader.files()}
        assert set(files) == {b"p1/a.mov", b"p1/big.mov", b"p1/z/b.mov"}
        assert reader.open(files[b"p1/big.mov"].key).read() == BIG
    assert (reader.state, reader.detail, len(reader.segments) > 2) == ("listed", "", True)
    assert reader.facts["stored_md5"]
    assert (reader.facts["case_number"], reader.facts["examiner_name"]) == ("case 7", "an examiner")
    assert reader.facts["acquired"].startswith("20")


def test_the_sectors_are_those_of_the_disk(raw: Path, segments: Path) -> None:
    with ImageReader(segments) as reader:
        media = EwfMedia(reader.segments)
    data = raw.read_bytes()
    assert media.num_bytes == len(data)
    assert media.read_at(0, len(data) + 1000) == data
    assert media.read_at(CHUNK - 7, 20) == data[CHUNK - 7 : CHUNK + 13]
    assert media.verify() == ()
    media.close()


@pytest.mark.parametrize("compression", ["none", "fast"])
def test_a_chunk_with_a_wrong_checksum_is_never_zeros(raw: Path, tmp_path: Path, compression: str) -> None:
    path = images.ewf(raw, tmp_path / "x", compression=compression, segment="100MiB")
    start = raw.read_bytes().find(BIG[:64])
    number = (start + 1_000_000) // CHUNK
    images.flip(path, chunk_places(path)[number] + 5000)
    files, reader = listing(path)
    assert reader.state == "damaged"
    sectors = f"{number * 64}-{number * 64 + 63}"
    assert f"damaged or missing sectors: {sectors}" in reader.detail
    assert "the stored MD5, SHA1 could not be compared" in reader.detail
    assert files[b"p1/big.mov"].notes == (f"lies on damaged or missing sectors: {sectors}",)
    assert files[b"p1/a.mov"].notes == ()
    assert content(path, files[b"p1/a.mov"].key) == SMALL
    good = number * CHUNK - start
    for verify in (True, False):
        with ImageReader(path, verify=verify) as reader, reader.open(files[b"p1/big.mov"].key) as file:
            assert file.read(good) == BIG[:good]
            with pytest.raises(UnreadableMedia) as caught:
                file.read(1)
            assert caught.value.reason == "image:damaged"
            file.seek(good + CHUNK)
            assert file.read() == BIG[good + CHUNK :]


def test_damage_of_the_file_system_is_said_and_the_rest_is_read(raw: Path, tmp_path: Path) -> None:
    """Every chunk damaged in turn: what is listed is right, and what is not right is said."""
    path = images.ewf(raw, tmp_path / "x", compression="none", segment="100MiB")
    data = path.read_bytes()
    whole, _ = listing(path)
    contents = {b"p1/a.mov": SMALL, b"p1/big.mov": BIG, b"p1/z/b.mov": SMALL[::-1]}
    places = chunk_places(path)
    for number in [*range(0, 48, 3), *range(48, len(places), 37)]:
        path.write_bytes(data)
        images.flip(path, places[number] + 100)
        files, reader = listing(path)
        assert reader.state in {"damaged", "unreadable"}
        assert set(files) <= set(whole)
        for name, file in files.items():
            try:
                got = content(path, file.key)
            except UnreadableMedia:
                continue
            assert got == contents[name]


def test_a_missing_segment_leaves_a_hole_and_what_lies_behind_is_found(segments: Path) -> None:
    whole, _ = listing(segments)
    segments.with_name("case7.E02").unlink()
    files, reader = listing(segments)
    assert reader.state == "damaged"
    assert "segment file 2 is missing" in reader.detail
    assert "damaged or missing sectors: " in reader.detail
    assert set(files) == set(whole)
    assert content(segments, files[b"p1/a.mov"].key) == SMALL
    assert content(segments, files[b"p1/z/b.mov"].key) == SMALL[::-1]
    assert files[b"p1/big.mov"].notes[0].startswith("lies on damaged or missing sectors: ")
    with pytest.raises(UnreadableMedia):
        content(segments, files[b"p1/big.mov"].key)


def test_chunks_behind_a_gap_are_numbered_from_the_end(raw: Path, segments: Path) -> None:
    paths = ImageReader(segments).segments
    del paths[2]
    media = EwfMedia(paths)
    data = raw.read_bytes()
    (gap,) = media.damage.ranges
    assert media.read_at(0, len(data)) == data[: gap.start]
    assert media.read_at(gap.end, len(data)) == data[gap.end :]
    media.close()


def test_segments_missing_at_the_end(segments: Path) -> None:
    last = sorted(segments.parent.glob("*.E*"))[-1]
    last.unlink()
    _, reader = listing(segments)
    assert reader.state == "damaged"
    assert "segment files are missing or cut after number" in reader.detail


def test_two_gaps_and_a_first_segment_that_is_gone(segments: Path) -> None:
    names = sorted(segments.parent.glob("*.E*"))
    assert len(names) >= 4
    last, foreign = names[-1], names[1]
    foreign.write_bytes(b"not an image" * 100)
    last.unlink()
    _, reader = listing(segments)
    assert "segment file 2 does not begin as one of an EnCase image" in reader.detail
    segments.unlink()
    with pytest.raises(UnreadableMedia, match="how large the disk is"):
        ImageReader(names[2])


def test_a_stored_hash_that_does_not_fit(raw: Path, tmp_path: Path) -> None:
    path = images.ewf(raw, tmp_path / "x", segment="100MiB")
    data = bytearray(path.read_bytes())
    for name, size in (("hash", 32), ("digest", 76)):
        place = next(position for kind, position, _ in images.sections(bytes(data)) if kind == name) + 76
        data[place] ^= 0xFF
        data[place + size : place + size + 4] = zlib.adler32(data[place : place + size]).to_bytes(4, "little")
    path.write_bytes(data)
    files, reader = listing(path)
    assert len(files) == 3
    assert reader.state == "damaged"
    assert "the stored MD5 is" in reader.detail
    assert listing(path, verify=False)[1].state == "listed"


def test_a_damaged_table_has_a_second_copy(raw: Path, tmp_path: Path) -> None:
    path = images.ewf(raw, tmp_path / "x", segment="100MiB")
    places = {name: position for name, position, _ in images.sections(path.read_bytes())}
    images.flip(path, places["table"] + 76 + 24 + 40)
    files, reader = listing(path)
    assert "a table of chunks has a wrong checksum" in reader.detail
    assert content(path, files[b"p1/big.mov"].key) == BIG
    images.flip(path, places["table2"] + 76 + 24 + 40)
    files, reader = listing(path)
    assert (files, reader.state) == ({}, "unreadable")


def test_sectors_that_the_acquisition_could_not_read_mark_their_files(raw: Path, tmp_path: Path) -> None:
    path = images.ewf(raw, tmp_path / "x", segment="100MiB")
    sector = raw.read_bytes().find(BIG[:64]) // 512 + 8
    head = struct.pack("<L512x", 1)
    entry = struct.pack("<LL", sector, 16)
    adler = [struct.pack("<L", zlib.adler32(part)) for part in (head, entry)]
    images.insert_section(path, "hash", "error2", head + adler[0] + entry + adler[1])
    files, reader = listing(path)
    assert reader.facts["sectors_unread_at_acquisition"] == f"{sector}-{sector + 15}"
    note = f"lies on sectors that the acquisition could not read: {sector}-{sector + 15}"
    assert files[b"p1/big.mov"].notes == (note,)
    assert files[b"p1/a.mov"].notes == ()


def test_a_cut_segment(segments: Path) -> None:
    path = segments.with_name("case7.E03")
    path.write_bytes(path.read_bytes()[:500_000])
    files, reader = listing(segments)
    assert reader.state == "damaged"
    assert "segment file 3: it ends at byte" in reader.detail
    assert content(segments, files[b"p1/a.mov"].key) == SMALL


def test_any_segment_is_known_by_content_and_opens_the_whole(segments: Path, tmp_path: Path) -> None:
    second = segments.with_name("case7.E02")
    for path, expected in ((segments, "ewf"), (second, "ewf_segment")):
        data = path.read_bytes()
        assert looks_like_image(data[:4096], len(data), lambda *_: b"") == expected
    assert len(listing(second)[0]) == 3
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    paths = {}
    for number, path in ImageReader(segments).segments.items():
        paths[number] = Path(shutil.copy(path, elsewhere / f"copy-{number:04d}"))
    with ImageReader(paths[1], segments=paths) as reader:
        assert len(list(reader.files())) == 3
    _, alone = listing(paths[1])
    assert "missing" in alone.detail


def test_progress_is_told(segments: Path) -> None:
    beats: list[int] = []
    with ImageReader(segments, on_progress=lambda: beats.append(1)) as reader:
        list(reader.files())
    assert beats


def test_ranges() -> None:
    ranges = Ranges()
    for start, end in ((512, 1024), (2048, 4096), (1024, 1536), (8192, 8704)):
        ranges.add(start, end)
    assert str(ranges) == "1-2, 4-7, 16"
    assert ranges.first(0, 512) is None
    assert ranges.first(0, 513) == ranges.ranges[0]
    ranges.add(0, 9000)
    assert [(known.start, known.end) for known in ranges.ranges] == [(0, 9000)]
