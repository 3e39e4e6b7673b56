"""Pictures come out upright, in sRGB, and bounded; what they carry is shown safely."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from detect.errors import InputError, LimitExceeded, UnreadableMedia, UnsupportedMedia
from detect.types import CaveatKind, DefectKind, Reason
from tests.damage import jpeg_with_html, picture_animation
from tests.looking import look, refused, surveyed
from tests.recipes import cut, exif_oriented, flip_bytes, numbered, stored_for, write_picture, write_video

SIZE = (96, 160)


def shown(path: Path) -> Any:
    """Pixels of a still picture."""
    frames = look(path).frames
    assert len(frames) == 1
    assert frames[0].time == 0
    return frames[0].pixels


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".gif"])
def test_each_format_is_read(suffix: str, tmp_path: Path) -> None:
    result = look(write_picture(tmp_path / f"picture{suffix}", numbered(77)))
    assert result.numbers == [77]
    assert result.media.kind == "image"
    assert result.plan.decoder == "picture"
    assert result.media.duration is None
    assert not result.defects
    assert not result.caveats


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "picture.png", numbered(5))
    assert look(path.rename(tmp_path / "movie.mp4")).numbers == [5]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_every_orientation_is_upright(orientation: int, suffix: str, tmp_path: Path) -> None:
    upright = numbered(1234, SIZE)
    options = {} if suffix == ".tiff" else {"quality": 95}
    path = tmp_path / f"picture{suffix}"
    write_picture(path, stored_for(orientation, upright), exif=exif_oriented(orientation), **options)
    result = look(path)
    assert result.numbers == [1234]
    assert result.frames[0].pixels.shape == upright.shape
    assert np.abs(result.frames[0].pixels.astype(int) - upright).mean() < 4
    assert result.stream.facts.rotation_degrees == {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(orientation, 0)


@pytest.mark.parametrize("mode", ["CMYK", "L", "1", "P", "LA", "RGBA", "PA", "YCbCr", "F", "I", "I;16"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    drawn = Image.fromarray(numbered(99))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(drawn.convert("L")).astype(np.uint16) * 257)
    elif mode in ("F", "I"):
        image = drawn.convert("L").convert(mode)
    else:
        source = drawn.convert("P") if mode == "PA" else drawn
        image = source.convert(mode, dither=Image.Dither.NONE)
    suffix = ".png" if mode in ("1", "P", "LA", "RGBA", "I;16") else ".tiff"
    path = tmp_path / f"picture{suffix}"
    image.save(path)
    result = look(path)
    assert result.numbers == [99]
    pixels = result.frames[0].pixels
    assert pixels.max() > 220
    assert pixels.min() < 40
    if mode == "I;16":
        assert np.abs(pixels[..., 0].astype(int) - np.asarray(drawn.convert("L"))).max() <= 1


def test_16_bits_a_colour_keep_their_upper_eight(tmp_path: Path) -> None:
    drawn = numbered(3, SIZE).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in drawn)
    header = struct.pack(">IIBBBBB", SIZE[1], SIZE[0], 16, 2, 0, 0, 0)
    path = tmp_path / "picture.png"
    path.write_bytes(png(("IHDR", header), ("IDAT", zlib.compress(rows)), ("IEND", b"")))
    assert (shown(path) == numbered(3, SIZE)).all()


def png(*chunks: tuple[str, bytes]) -> bytes:
    """A PNG file of these chunks."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, data in chunks:
        body = name.encode() + data
        parts.append(struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body)))
    return b"".join(parts)


def test_transparent_parts_lie_on_mid_grey(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, :32] = (200, 10, 10, 255)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    assert tuple(shown(path)[10, 50]) == (128, 128, 128)
    assert tuple(shown(path)[10, 10]) == (200, 10, 10)
    palette = Image.fromarray(pixels[..., :3]).convert("P", palette=Image.Palette.ADAPTIVE, colors=2)
    palette.save(path, transparency=palette.getpixel((50, 10)))
    assert tuple(shown(path)[10, 50]) == (128, 128, 128)


def test_an_embedded_profile_is_applied(tmp_path: Path) -> None:
    lab = ImageCms.createProfile("LAB")
    assert lab is not None
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")
    red = np.full((64, 64, 3), (230, 30, 30), np.uint8)
    path = write_picture(tmp_path / "picture.png", red, icc_profile=swapped)
    assert np.abs(shown(path)[5, 5].astype(int) - (30, 30, 230)).max() < 12
    assert look(path).media.provenance.notes == ["Its embedded colour profile was applied."]


def test_a_profile_that_is_none_is_left_aside_and_said(tmp_path: Path) -> None:
    result = look(write_picture(tmp_path / "picture.png", numbered(4), icc_profile=b"no profile at all"))
    assert result.numbers == [4]
    assert result.caveats == {CaveatKind.METADATA_INCONSISTENT}


# ------------------------------------------------------------------------------------------------------- animations


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_is_sampled_by_time(suffix: str, tmp_path: Path) -> None:
    durations = [100] * 10 + [2000] + [100] * 9
    path = picture_animation(tmp_path / f"picture{suffix}", 20, milliseconds=durations)
    result = look(path)
    assert result.numbers == list(range(20))
    assert result.times == pytest.approx([sum(durations[:number]) / 1000 for number in range(20)])
    assert result.media.duration == Fraction(sum(durations), 1000)
    few = look(path, sampling={"min_frames": 4})
    assert 10 in few.numbers, "the picture that stands for more than half of the time"


def test_frames_without_a_duration_get_that_of_browsers(tmp_path: Path) -> None:
    result = look(picture_animation(tmp_path / "picture.gif", 5, milliseconds=0))
    assert result.times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_frames_beyond_the_limit_are_named(suffix: str, tmp_path: Path) -> None:
    path = picture_animation(tmp_path / f"picture{suffix}", 30)
    result = look(path, limits={"max_animation_frames": 10})
    assert result.numbers == list(range(10))
    assert [entry.reason for entry in result.media.abstentions] == [Reason.STREAMS_BEYOND_LIMIT]
    assert "10 to 29" in result.media.abstentions[0].detail


def test_a_cut_animation_keeps_what_came_before(tmp_path: Path) -> None:
    whole = picture_animation(tmp_path / "whole.gif", 20)
    data = bytearray(whole.read_bytes())
    place = len(data) * 3 // 4
    data[place:] = bytes(len(data) - place)
    damaged = tmp_path / "damaged.gif"
    damaged.write_bytes(data)
    result = look(damaged)
    assert result.numbers[:5] == [0, 1, 2, 3, 4]
    assert len(result.frames) < 20


def test_several_pages_are_said(tmp_path: Path) -> None:
    first, *rest = [Image.fromarray(numbered(number)) for number in range(3)]
    path = tmp_path / "picture.tiff"
    first.save(path, save_all=True, append_images=rest)
    result = look(path)
    assert result.numbers == [0]
    assert CaveatKind.SPARSELY_SAMPLED in result.caveats


# ----------------------------------------------------------------------------------------------- damage and limits


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".gif"])
@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.9])
def test_a_cut_picture_is_unreadable(suffix: str, fraction: float, tmp_path: Path) -> None:
    whole = write_picture(tmp_path / f"whole{suffix}", numbered(1))
    error = refused(cut(whole, tmp_path / "cut", fraction))
    assert isinstance(error, UnreadableMedia)


def test_garbage_behind_a_signature_is_unreadable(tmp_path: Path) -> None:
    for signature in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"RIFF\x10\0\0\0WEBP"):
        path = tmp_path / "picture"
        path.write_bytes(signature + np.random.default_rng(0).bytes(2000))
        error = refused(path)
        assert isinstance(error, UnreadableMedia | LimitExceeded)
        assert str(tmp_path) not in str(error), "a message must not tell where files lie"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".gif"])
def test_flipped_bytes_never_raise_anything_foreign(suffix: str, tmp_path: Path) -> None:
    whole = write_picture(tmp_path / f"whole{suffix}", numbered(1, SIZE))
    for seed in range(25):
        damaged = flip_bytes(whole, tmp_path / "damaged", 3, start=0.0, end=1.0, seed=seed)
        try:
            look(damaged)
        except InputError:
            continue


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    row = b"\0" + bytes(30_000 // 8)
    packed = zlib.compressobj(9)
    data = b"".join([packed.compress(row * 300) for _ in range(100)]) + packed.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    path.write_bytes(png(("IHDR", header), ("IDAT", data), ("IEND", b"")))
    error = refused(path)
    assert isinstance(error, LimitExceeded)
    assert error.reason == "pixels"


def test_sizes_outside_the_limits_are_refused(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "picture.png", numbered(1))
    for limits in ({"max_pixels": 320 * 240 - 1}, {"max_side_px": 319}, {"min_side_px": 241}):
        error = refused(path, limits=limits)
        assert isinstance(error, LimitExceeded)
        assert error.reason == "pixels"


def test_heif_and_avif_are_named_not_opened(tmp_path: Path) -> None:
    for brand, name in ((b"heic", "HEIC"), (b"avif", "AVIF"), (b"mif1", "HEIF")):
        path = tmp_path / "picture.jpg"
        path.write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1miaf" + bytes(500))
        error = refused(path)
        assert isinstance(error, UnsupportedMedia)
        assert error.reason == "codec"
        assert name in error.message


# -------------------------------------------------------------------------------------------------- what they carry


def test_exif_and_xmp_are_shown_safely(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "<script>alert(1)</script> =cmd|' /C calc'!A0"
    exif[0x0131] = "ab\x00cd\u202egnp.exe"
    exif[0x8298] = "x" * 1_000_000
    xmp = b"<x:xmpmeta><script/>\xff\xfe\x00 \xe2\x80\xae</x:xmpmeta>"
    path = tmp_path / "picture.png"
    write_picture(path, numbered(1), exif=exif)
    jpeg = write_picture(tmp_path / "picture.jpg", numbered(1), xmp=xmp)
    provenance = surveyed(path).provenance
    for text in (*provenance.exif.values(), surveyed(jpeg).provenance.xmp or ""):
        assert not set(text) & set("\x00\u202e\ufffe")
        assert len(text) < 5000
    assert "<script>" in provenance.exif["ImageDescription"], "escaping for a page is left to what writes the page"
    assert "1000000" in provenance.exif["Copyright"]
    assert "\\xff\\xfe\\x00" in (surveyed(jpeg).provenance.xmp or "")


def test_the_position_is_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x0110] = "Camera 1"
    provenance = surveyed(write_picture(tmp_path / "picture.jpg", exif=exif)).provenance
    assert provenance.exif["Model"] == "Camera 1"
    assert provenance.exif["GPSLatitudeRef"] == "N"


def test_c2pa_is_found_and_not_believed(tmp_path: Path) -> None:
    plain = write_picture(tmp_path / "plain.png")
    assert surveyed(plain).provenance.c2pa == "absent"
    whole = plain.read_bytes()
    chunk = b"caBX" + b"\0\0\0\x10jumb" + b"c2pa"
    signed = tmp_path / "signed.png"
    signed.write_bytes(
        whole[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + whole[33:]
    )
    found = surveyed(signed).provenance.c2pa
    assert found is not None
    assert "not verified" in found
    jpeg = write_picture(tmp_path / "plain.jpg").read_bytes()
    body = b"JP\x02\x11\0\0\0\x01\0\0\0\x60jumb\0\0\0\x1ejumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\x03c2pa\0"
    segment = b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body
    signed.write_bytes(jpeg[:2] + segment + jpeg[2:])
    assert "APP11" in (surveyed(signed).provenance.c2pa or "")
    remote = write_picture(tmp_path / "remote.jpg", xmp=b'<rdf dcterms:provenance="https://example.org/m.c2pa"/>')
    assert "not fetched" in (surveyed(remote).provenance.c2pa or "")


def test_what_follows_a_picture_is_said(tmp_path: Path) -> None:
    assert look(jpeg_with_html(tmp_path / "page.jpg")).caveats == {CaveatKind.POLYGLOT}
    still = write_picture(tmp_path / "still.jpg")
    clip = write_video(tmp_path / "clip.mp4", num_frames=2, size=SIZE)
    both = tmp_path / "both.jpg"
    for more, word in ((clip.read_bytes(), "recording"), (still.read_bytes(), "another JPEG"), (zipped(), "ZIP")):
        both.write_bytes(still.read_bytes() + more)
        media = surveyed(both)
        assert any(word in entry.detail for entry in media.caveats)
        assert {entry.kind for entry in media.caveats} == {CaveatKind.POLYGLOT}
    assert not surveyed(still).caveats


def zipped() -> bytes:
    import zipfile  # noqa: PLC0415  # used here alone

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


def test_markup_inside_a_comment_is_no_second_nature(tmp_path: Path) -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "<html><script>alert(1)</script></html>")
    assert not surveyed(write_picture(tmp_path / "picture.png", numbered(1), pnginfo=words)).caveats


def test_nothing_is_lost_where_nothing_is_wrong(tmp_path: Path) -> None:
    result = look(write_picture(tmp_path / "picture.jpg"))
    assert DefectKind.FRAMES_MISSING not in result.defects
    assert (result.outcome.num_decoded, result.outcome.num_expected) == (1, 1)
