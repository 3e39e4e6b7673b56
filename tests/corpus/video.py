"""Cases 14 to 26: damaged streams, impossible sizes, twins of one clip, wrong clocks, unknown codecs, odd faces."""

from __future__ import annotations

import io
from contextlib import ExitStack
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image, ImageDraw

from tests.corpus.audio import voice
from tests.corpus.scene import (
    FPS,
    NUM_FRAMES,
    SIZE,
    Recipe,
    background,
    encode,
    face_clip,
    packets_of,
    picture,
    pictures,
    portrait,
    write,
    write_clip,
)
from tests.corpus.surgery import (
    Packet,
    Track,
    find_boxes,
    flip,
    join_units,
    matroska,
    sequence_parameters,
    split_units,
    unit_type,
)
from tests.recipes import Pixels, write_video

_FRAME = 1000 // FPS
"""Milliseconds."""

# ---------------------------------------------------------------------------------- 14, 15, 16: damage and change


def _flipped_mp4(path: Path) -> None:
    clip = face_clip()
    start, size = find_boxes(clip, b"mdat")[0]
    path.write_bytes(flip(clip, 400, start + 16, start + size))


def _flipped(suffix: str, codec: str, path: Path) -> None:
    clip = face_clip(suffix, codec)
    path.write_bytes(flip(clip, 400, len(clip) // 5, len(clip) * 9 // 10))


def _avc(packets: list[tuple[bytes, bool]], private: bytes, path: Path) -> None:
    blocks = [Packet(time=place * _FRAME, data=data, key=key) for place, (data, key) in enumerate(packets)]
    path.write_bytes(matroska([Track(codec="V_MPEG4/ISO/AVC", private=private, size=SIZE)], blocks))


def _without_first_key(gop: int, path: Path) -> None:
    private, packets = packets_of(face_clip(gop=gop))
    _avc(packets[1:], private, path)


def _without_parameters(path: Path) -> None:
    """Two streams in a row with different entropy coding; the second one's parameter sets are gone."""
    before = split_units(face_clip(".h264"))
    after = split_units(
        encode(".h264", frames=pictures(), options={"preset": "faster", "profile": "high", "b-pyramid": "0"})
    )
    path.write_bytes(join_units([*before, *(unit for unit in after if unit_type(unit) not in (7, 8))]))


def _transport_stream(parts: list[dict[str, Any]], path: Path) -> None:
    """Clips one behind the other in one transport stream, each with its own size or pixel format."""
    with ExitStack() as stack:
        clips = [stack.enter_context(av.open(io.BytesIO(encode(".ts", **part)), "r")) for part in parts]
        target = stack.enter_context(av.open(str(path), "w", format="mpegts"))
        stream = target.add_stream_from_template(clips[0].streams.video[0])
        time = 0
        for clip in clips:
            for packet in clip.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    packet.pts = packet.dts = time
                    target.mux(packet)
                    time += 90_000 // FPS


def _resolution_change(path: Path) -> None:
    large = [picture(number, (2160, 4096)) for number in range(5)]
    options = {"preset": "ultrafast", "crf": "32"}
    _transport_stream([{"frames": pictures(15)}, {"frames": large, "options": options}], path)


def _pixel_format_change(path: Path) -> None:
    _transport_stream([{"frames": pictures(15)}, {"frames": pictures(15), "pix_fmt": "yuv444p"}], path)


# --------------------------------------------------------------------------------------------------- 17: sizes


@cache
def _jpeg(number: int, size: tuple[int, int] = SIZE) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture(number, size)).save(file, "JPEG", quality=85)
    return file.getvalue()


def _claiming(jpeg: bytes, height: int, width: int) -> bytes:
    """The same JPEG with another size in its frame header (ITU-T T.81, B.2.2)."""
    place = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:place] + height.to_bytes(2) + width.to_bytes(2) + jpeg[place + 4 :]


def _motion_jpeg(jpegs: list[bytes], size: tuple[int, int], path: Path, times: list[int] | None = None) -> None:
    stamps = times if times is not None else [place * _FRAME for place in range(len(jpegs))]
    blocks = [Packet(time=time, data=data) for time, data in zip(stamps, jpegs, strict=True)]
    path.write_bytes(matroska([Track(codec="V_MJPEG", size=size)], blocks))


def _huge_motion_jpeg(side: int, path: Path) -> None:
    _motion_jpeg([_claiming(_jpeg(0), side, side)] * 5, (side, side), path)


def _suddenly_huge(path: Path) -> None:
    jpegs = [_jpeg(number) for number in range(NUM_FRAMES)]
    jpegs[15:20] = [_claiming(jpeg, 16_384, 16_384) for jpeg in jpegs[15:20]]
    _motion_jpeg(jpegs, SIZE, path)


def _huge_h264(side: int, path: Path) -> None:
    units = split_units(face_clip(".h264"))
    path.write_bytes(join_units([sequence_parameters(side, side), *(unit for unit in units if unit_type(unit) != 7)]))


def _lossless(size: tuple[int, int], path: Path) -> None:
    write_video(path, codec="ffv1", frames=[background(size)] * 5, pix_fmt="bgr0")


# ------------------------------------------------------------------------------------ 18: the same clip, otherwise

_FEW = 12
"""Frames where more would only take time: three times the fewest that give a score."""

TWIN = "case18_twin.mp4"
"""8 bits, 4:2:0, upright, progressive: what the others of case 18 must look like."""


def _twin(path: Path, codec: str = "libx264", **options: Any) -> None:
    write_clip(path, **{"codec": codec, "frames": pictures(_FEW), **options})


def _perceptual_quantizer(pixels: Pixels) -> Pixels:
    """An sRGB picture as BT.2020 PQ with its white at 203 cd/m2 (ITU-R BT.2408), (H, W, 3) uint8."""
    coded = pixels / 255.0
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    # BT.709 to BT.2020 primaries: ITU-R BT.2087, Annex 1.
    wide = linear @ np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]).T
    power = (wide.clip(0, 1) * 203 / 10_000) ** (2610 / 16_384)  # constants: SMPTE ST 2084
    signal = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    quantised: Pixels = (signal * 255).round().astype(np.uint8)
    return quantised


def _high_dynamic_range(path: Path) -> None:
    frames = [_perceptual_quantizer(pixels) for pixels in pictures(_FEW)]
    _twin(path, "libx265", frames=frames, pix_fmt="yuv420p10le", matrix="bt2020", primaries=9, transfer=16)


def _interlaced(path: Path) -> None:
    """Odd and even lines from two pictures, half a frame apart."""
    frames = pictures(_FEW + 1)
    woven = [frame.copy() for frame in frames[:-1]]
    for place, frame in enumerate(woven):
        frame[1::2] = frames[place + 1][1::2]
    _twin(path, frames=woven, options={"flags": "+ildct+ilme"})


def _rotated(degrees: int, path: Path) -> None:
    stored = [np.ascontiguousarray(np.rot90(frame, -degrees // 90)) for frame in pictures(_FEW)]
    _twin(path, frames=stored, rotation=degrees)


def _mirrored(path: Path) -> None:
    _twin(path, frames=[np.ascontiguousarray(frame[:, ::-1]) for frame in pictures(_FEW)], hflip=True)


def _anamorphic(path: Path) -> None:
    """Pixels a fifteenth wider than high, as in PAL television (ITU-R BT.601)."""
    height, width = SIZE
    squeezed = [cv2.resize(frame, (width * 15 // 16, height), interpolation=cv2.INTER_AREA) for frame in pictures(_FEW)]
    _twin(path, frames=squeezed, sar=Fraction(16, 15))


def _odd_width(path: Path) -> None:
    wider = [np.pad(frame, ((0, 1), (0, 1), (0, 0)), mode="edge") for frame in pictures(_FEW)]
    _twin(path, frames=wider, pix_fmt="yuv444p")


# ---------------------------------------------------------------------------------------------- 19: clocks that lie


def _times(times: list[int], path: Path) -> None:
    _motion_jpeg([_jpeg(number) for number in range(len(times))], SIZE, path, times)


NUM_TIMES = 20
_REGULAR = [place * _FRAME for place in range(NUM_TIMES)]
_TIMES = {
    "vfr": [place * _FRAME + (200 * (place // 7)) + place % 3 * 9 for place in range(NUM_TIMES)],
    "negative": [time - 400 for time in _REGULAR],
    "duplicate": [time // 200 * 200 for time in _REGULAR],
    "backwards": [time + (-120 if place % 6 == 5 else 0) for place, time in enumerate(_REGULAR)],
    "jump_24h": [time + (86_400_000 if place >= 10 else 0) for place, time in enumerate(_REGULAR)],
}


# ----------------------------------------------------------------------------------------------- 20: no decoder


def _renamed_codec(name: bytes, clip: bytes) -> bytes:
    """An MP4 whose sample description names a codec for which FFmpeg has no decoder."""
    start, size = find_boxes(clip, b"stsd")[0]
    entry = clip[start : start + size].replace(b"avc1", name).replace(b"avcC", b"zzzC")
    return clip[:start] + entry + clip[start + size :]


# --------------------------------------------------------------------------------------------- 25: long and large


def _day_long(path: Path) -> None:
    """24 h at one frame a second: one group of pictures, over and over."""
    size = (64, 96)
    private, group = packets_of(
        encode(".mp4", frames=[np.full((*size, 3), 90, np.uint8)] * 250, gop=250, options={"crf": "40"})
    )
    blocks = (group[place % 250] for place in range(86_400))
    packets = [Packet(time=1000 * place, data=data, key=key) for place, (data, key) in enumerate(blocks)]
    path.write_bytes(matroska([Track(codec="V_MPEG4/ISO/AVC", private=private, size=size)], packets))


def _eight_k(path: Path) -> None:
    frames = [picture(number, (4320, 7680)) for number in (0, 2)]
    _twin(path, frames=[frames[place // 2] for place in range(4)], options={"crf": "36"})


# ------------------------------------------------------------------------------------------------ 26: odd subjects


def _crowd(path: Path) -> None:
    """200 faces, ten rows of twenty, each about 50 px high."""
    side, pitch = 176, 160
    frames = []
    for number in range(5):
        pixels = background((10 * pitch + 16, 20 * pitch + 16)).copy()
        face = portrait(side)[:pitch, 8 : 8 + pitch]
        for row in range(10):
            for column in range(20):
                top, left = row * pitch + number % 4, column * pitch + 2 * (number % 5)
                pixels[top : top + pitch, left : left + pitch] = face
        frames.append(pixels)
    _twin(path, frames=frames)


def _cartoon(path: Path) -> None:
    frames = []
    for number in range(_FEW):
        image = Image.fromarray(background(SIZE))
        draw = ImageDraw.Draw(image)
        x, y = 90 + number, 50
        draw.ellipse((x, y, x + 120, y + 140), fill=(250, 214, 60), outline=(0, 0, 0), width=4)
        for eye in (30, 75):
            draw.ellipse((x + eye, y + 40, x + eye + 16, y + 62), fill=(0, 0, 0))
        draw.arc((x + 30, y + 60, x + 90, y + 115), 20, 160, fill=(160, 20, 20), width=5)
        frames.append(np.asarray(image))
    _twin(path, frames=frames)


VIDEO: dict[str, Recipe] = {
    "case14_flipped_h264.mp4": _flipped_mp4,
    "case14_flipped_mpeg4.avi": partial(_flipped, ".avi", "mpeg4"),
    "case14_flipped_vp9.webm": partial(_flipped, ".webm", "libvpx-vp9"),
    "case15_first_not_key.mkv": partial(_without_first_key, 15),
    "case15_no_key_at_all.mkv": partial(_without_first_key, 300),
    "case15_parameters_missing.h264": _without_parameters,
    "case16_resolution_change.ts": _resolution_change,
    "case16_pixel_format_change.ts": _pixel_format_change,
    "case16_suddenly_huge.mkv": _suddenly_huge,
    "case17_12000x12000_mjpeg.mkv": partial(_huge_motion_jpeg, 12_000),
    "case17_16384x16384_mjpeg.mkv": partial(_huge_motion_jpeg, 16_384),
    "case17_12000x12000.h264": partial(_huge_h264, 12_000),
    "case17_16384x16384.h264": partial(_huge_h264, 16_384),
    "case17_1x1.mkv": partial(_lossless, (1, 1)),
    "case17_3x100000.mkv": partial(_lossless, (100_000, 3)),
    TWIN: _twin,
    "case18_10bit.mp4": partial(_twin, pix_fmt="yuv420p10le"),
    "case18_422.mp4": partial(_twin, pix_fmt="yuv422p"),
    "case18_444.mp4": partial(_twin, pix_fmt="yuv444p"),
    "case18_hevc_10bit.mp4": partial(_twin, codec="libx265", pix_fmt="yuv420p10le"),
    "case18_hdr_pq.mp4": _high_dynamic_range,
    "case18_full_range.mp4": partial(_twin, full_range=True),
    "case18_interlaced.mp4": _interlaced,
    "case18_rotated_90.mp4": partial(_rotated, 90),
    "case18_rotated_180.mp4": partial(_rotated, 180),
    "case18_rotated_270.mp4": partial(_rotated, 270),
    "case18_mirrored.mp4": _mirrored,
    "case18_anamorphic.mp4": _anamorphic,
    "case18_odd_width.mp4": _odd_width,
    **{f"case19_{name}.mkv": partial(_times, times) for name, times in _TIMES.items()},
    "case19_no_times.h264": write(partial(face_clip, ".h264")),
    "case19_no_times.mjpeg": write(lambda: b"".join(_jpeg(number) for number in range(NUM_FRAMES))),
    "case20_evc.mp4": write(lambda: _renamed_codec(b"evc1", face_clip())),
    "case20_unknown_codec.mp4": write(lambda: _renamed_codec(b"zz9z", face_clip())),
    "case20_evc_with_sound.mp4": write(
        lambda: _renamed_codec(b"evc1", encode(".mp4", frames=pictures(), audio=voice(5.0)))
    ),
    "case25_day_long.mkv": _day_long,
    "case25_8k.mp4": _eight_k,
    "case26_no_faces.mp4": lambda path: _twin(path, frames=[background(SIZE)] * _FEW),
    "case26_200_faces.mp4": _crowd,
    "case26_face_12px.mp4": lambda path: _twin(path, frames=pictures(_FEW, share=0.16)),
    "case26_cartoon.mp4": _cartoon,
    "case26_print_of_a_face.mp4": lambda path: _twin(path, frames=[picture(3)] * _FEW),
}
