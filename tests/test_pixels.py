"""Frames come out upright, with square pixels, in the colours that were drawn."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detect.types import UInt8Array
from tests.looking import look, refused
from tests.recipes import numbered, write_video

SIZE = (120, 160)


def difference(one: UInt8Array, other: UInt8Array) -> float:
    """Mean absolute difference in grey levels."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def unsharp_difference(one: UInt8Array, other: UInt8Array) -> float:
    """The same away from edges, where chroma subsampling and codecs put their differences."""
    centre = (slice(3 * SIZE[0] // 8 + 8, 5 * SIZE[0] // 8 - 8), slice(8, SIZE[1] // 3 - 8))
    return difference(one[centre], other[centre])


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_display_matrix_is_obeyed(rotation: int, hflip: bool, tmp_path: Path) -> None:  # a parameter
    upright = numbered(1234, SIZE)
    stored = upright[:, ::-1] if hflip else upright  # the matrix turns first, then mirrors
    stored = np.rot90(stored, -rotation // 90)
    clip = write_video(tmp_path / "clip.mp4", frames=[np.ascontiguousarray(stored)] * 3, rotation=rotation, hflip=hflip)
    result = look(clip)
    assert result.numbers == [1234] * 3
    assert difference(result.frames[0].pixels, upright) < 3
    if not hflip:
        assert result.stream.facts.rotation_degrees == -rotation % 360


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    for sar, shape in ((Fraction(4, 3), (120, 213, 3)), (Fraction(2, 3), (180, 160, 3)), (Fraction(1), (120, 160, 3))):
        result = look(write_video(tmp_path / "clip.mp4", num_frames=3, size=SIZE, sar=sar))
        assert result.frames[0].pixels.shape == shape
        assert result.numbers == [0, 1, 2]


def test_stretched_pixels_count_for_the_limit(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=3, size=SIZE, sar=Fraction(4))
    assert refused(clip, limits={"max_pixels": 4 * 120 * 160 - 1}).reason == "pixels"
    assert look(clip, limits={"max_pixels": 4 * 120 * 160}).frames[0].pixels.shape == (120, 640, 3)


def test_an_absurd_pixel_shape_is_not_believed(tmp_path: Path) -> None:
    result = look(write_video(tmp_path / "clip.mkv", num_frames=3, size=SIZE, sar=Fraction(100)))
    assert result.frames[0].pixels.shape == (120, 160, 3)


@pytest.mark.parametrize(
    "options",
    [
        {"matrix": "bt709"}, {"matrix": "bt601"}, {"matrix": "bt2020"}, {"full_range": True},
        {"full_range": True, "matrix": "bt709"}, {"pix_fmt": "yuv422p"}, {"pix_fmt": "yuv444p"},
        {"pix_fmt": "yuv420p10le", "codec": "libx265"}, {"pix_fmt": "yuv444p10le", "codec": "libx265"},
        {"pix_fmt": "yuv422p10le", "codec": "prores_ks"}, {"codec": "libx264rgb"}, {"codec": "png", "pix_fmt": "rgba"},
        {"codec": "ffv1", "pix_fmt": "gbrp16le"}, {"codec": "ffv1", "pix_fmt": "yuv420p"},
    ],
    ids=lambda options: "-".join(str(value) for value in options.values()),
)  # fmt: skip
def test_colours_are_those_that_were_drawn(options: dict[str, Any], tmp_path: Path) -> None:
    suffix = ".mov" if options.get("codec") in ("prores_ks", "png") else ".mkv"
    result = look(write_video(tmp_path / f"clip{suffix}", num_frames=3, size=SIZE, **options))
    assert result.numbers == [0, 1, 2]
    assert unsharp_difference(result.frames[0].pixels, numbered(0, SIZE)) < 4


def test_an_unspecified_matrix_is_bt709_for_high_definition(tmp_path: Path) -> None:
    size = (720, 1280)
    clip = write_video(tmp_path / "clip.mkv", num_frames=1, size=size, matrix="bt709", codec="ffv1", pix_fmt="yuv444p")
    tagged = look(clip).frames[0].pixels
    raw = write_video(tmp_path / "raw.avi", num_frames=1, size=size, matrix="bt709", codec="ffvhuff", pix_fmt="yuv444p")
    assert difference(look(raw).frames[0].pixels, tagged) < 1


def test_odd_sizes(tmp_path: Path) -> None:
    for size, codec in (((241, 321), "ffv1"), ((119, 157), "png")):
        suffix = ".mov" if codec == "png" else ".mkv"
        pix_fmt = "rgb24" if codec == "png" else "yuv420p"
        result = look(write_video(tmp_path / f"clip{suffix}", num_frames=3, size=size, codec=codec, pix_fmt=pix_fmt))
        assert result.frames[0].pixels.shape == (*size, 3)
        assert result.numbers == [0, 1, 2]


def test_interlaced_frames_show_one_instant(tmp_path: Path) -> None:
    white, black = np.full((*SIZE, 3), 235, np.uint8), np.full((*SIZE, 3), 16, np.uint8)
    woven = white.copy()
    woven[1::2] = black[1::2]
    options = {"x264-params": "tff=1", "flags": "+ildct+ilme"}
    clip = write_video(tmp_path / "clip.mp4", frames=[woven] * 4, options=options, pix_fmt="yuv420p")
    result = look(clip)
    assert any("interlaced" in note for note in result.media.provenance.notes)
    pixels = result.frames[1].pixels
    assert pixels.shape == (*SIZE, 3)
    assert pixels.min() > 225, "the bottom field, all black, is not seen"


@pytest.mark.parametrize("transfer", [16, 18])
def test_high_dynamic_range_looks_like_its_twin(transfer: int, tmp_path: Path) -> None:
    twin = numbered(7, SIZE)
    light = (twin / 255.0) ** 2.4 @ np.array(
        [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]  # ITU-R BT.2087, equation 2
    ).T
    signal = perceptual_quantizer(light * 203) if transfer == 16 else hybrid_log_gamma(light * 203)
    frames = [np.rint(signal * 255).astype(np.uint8)] * 2
    clip = write_video(
        tmp_path / "clip.mkv", frames=frames, codec="libx265", pix_fmt="yuv444p10le", matrix="bt2020", primaries=9,
        transfer=transfer, options={"x265-params": "log-level=none:lossless=1:pools=1:frame-threads=1"},
    )  # fmt: skip
    result = look(clip)
    assert result.numbers == [7, 7]
    assert difference(result.frames[0].pixels, twin) < 4
    assert any("203" in note for note in result.media.provenance.notes)


def perceptual_quantizer(light: Any) -> Any:
    """Signal in [0, 1] for cd/m2: ITU-R BT.2100-2, table 4, written the other way round than in the project."""
    y = np.clip(light, 0, None) / 10_000
    return ((0.8359375 + 18.8515625 * y**0.1593017578125) / (1 + 18.6875 * y**0.1593017578125)) ** 78.84375


def hybrid_log_gamma(light: Any) -> Any:
    """Signal in [0, 1] for cd/m2 on a display of 1,000 cd/m2: ITU-R BT.2100-2, table 5."""
    shown = np.clip(light, 0, None) / 1000
    luminance = shown @ np.array([0.2627, 0.6780, 0.0593])
    scene = shown * np.maximum(luminance, 1e-9)[..., None] ** (1 / 1.2 - 1)
    log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), log)
