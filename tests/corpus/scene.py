"""The pictures and clips that the hostile files are cut from: a face that moves over a background.

The face is `skimage.data.astronaut()` (NASA, public domain). Clips are made once a process and handed out as bytes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from skimage import data

from tests.recipes import Pixels, write_video

Recipe = Callable[[Path], object]
"""Writes one file to the path that it is given."""

FPS = 25
NUM_FRAMES = 30
SIZE = (240, 320)
"""(height, width) of the clips."""

_PORTRAIT = (slice(0, 280), slice(80, 360))
"""Head and shoulders in the 512 x 512 photograph; the face takes a third of its height."""


@cache
def portrait(side: int) -> Pixels:
    """Head and shoulders, (side, side, 3) uint8 RGB."""
    photograph = np.ascontiguousarray(data.astronaut()[_PORTRAIT])  # type: ignore[no-untyped-call]  # scikit-image has no types
    shrinks = side < photograph.shape[0]
    pixels = cv2.resize(photograph, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return pixels.astype(np.uint8)


@cache
def background(size: tuple[int, int]) -> Pixels:
    """A soft ramp of colours with nothing in it, (height, width, 3) uint8 RGB."""
    height, width = size
    across = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    pixels = np.empty((height, width, 3), np.uint8)  # filled by channel: an 8K picture in floats takes half a gigabyte
    pixels[..., 0] = 90 + 60 * across
    pixels[..., 1] = 110 + 40 * down
    pixels[..., 2] = 150 - 50 * across * down
    return pixels


def picture(number: int = 0, size: tuple[int, int] = SIZE, *, share: float = 0.9) -> Pixels:
    """The face on the background; it has moved to another place in picture `number`.

    Args:
        number: Of the picture in its clip.
        size: (height, width).
        share: Side of the portrait as a share of the height.
    """
    pixels = background(size).copy()
    height, width = size
    side = max(8, int(height * share))
    room_x, room_y = width - side, height - side
    left = int(room_x * (0.5 + 0.45 * np.sin(number / 9)))
    top = int(room_y * (0.5 + 0.45 * np.cos(number / 7)))
    pixels[top : top + side, left : left + side] = portrait(side)
    return pixels


def pictures(num_frames: int = NUM_FRAMES, size: tuple[int, int] = SIZE, *, share: float = 0.9) -> list[Pixels]:
    """Pictures of a clip, upright."""
    return [picture(number, size, share=share) for number in range(num_frames)]


def encode(suffix: str, **options: Any) -> bytes:
    """A clip as the bytes of its file; `options` are those of `tests.recipes.write_video`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        write_clip(path, **options)
        return path.read_bytes()


def write_clip(path: Path, **options: Any) -> None:
    """A clip without B frames: its packets stand in the order of their times, and can be given others."""
    encoder = {"bf": "0", **options.pop("options", {})}
    write_video(path, **{"fps": FPS, "gop": 15, **options, "options": encoder})


@cache
def face_clip(suffix: str = ".mp4", codec: str = "libx264", gop: int = 15) -> bytes:
    """The clip that most cases damage: 30 frames, 1.2 s, one face of about 70 px."""
    bitexact = {"fflags": "+bitexact"}  # the Matroska muxer else writes a random identifier
    return encode(suffix, frames=pictures(), codec=codec, gop=gop, container_options=bitexact)


def packets_of(clip: bytes) -> tuple[bytes, list[tuple[bytes, bool]]]:
    """Codec configuration, and each packet of the first stream with whether it is a key frame."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        path.write_bytes(clip)
        with av.open(str(path)) as container:
            stream = container.streams[0]
            packets = [(bytes(packet), packet.is_keyframe) for packet in container.demux(stream) if packet.size]
            return bytes(stream.codec_context.extradata or b""), packets


def write(content: Callable[[], bytes]) -> Recipe:
    """A recipe from a function that returns the file's bytes."""
    return lambda path: path.write_bytes(content())
