"""What happens to a face on its way through the world: encoded again, made smaller, blurred, with noise.

Pure functions from a crop to a crop of the same shape, the same for the same generator. They tell nothing of the label,
so that they can be used on both classes: to measure robustness, to validate, to calibrate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext

from detect.types import UInt8Array

JPEG_QUALITY = 50
"""Heavy compression by a messenger or a thumbnail; the tables of libjpeg at half of its scale."""
BLUR_SIGMA = 1.5
"""Pixels of a crop of 224: about a lens out of focus, more than demosaicing leaves and less than hides the eyes."""
_BLUR_SIDE_PX = 224
"""Side that `BLUR_SIGMA` speaks of, a DFDC crop; other crops are blurred in proportion."""
NOISE_SIGMA = 255 * 10 ** (-30 / 20)
"""Levels of 8 bits: a peak signal-to-noise ratio of 30 dB, sensor noise of a phone indoors at night."""
CRF_LIGHT, CRF_HEAVY = 28, 40
"""Constant rate factors, x264's own default being 23; 40 is the c40 of FaceForensics++ (Roessler et al., ICCV 2019)."""
_CLIP_FRAMES = 3
"""Frames of the clip a crop is encoded as: one key frame and two predicted ones, the last of which is taken."""
_CLIP_SHAKE_PX = 2
"""Pixels by which the earlier frames are off: without movement the predicted frames would copy the key frame."""


def h264(crop: UInt8Array, random: np.random.Generator, *, crf: int) -> UInt8Array:
    """The crop as a predicted frame of a short H.264 clip.

    Args:
        crop: (H, W, 3) RGB.
        random: Draws the movement of the frames before it.
        crf: Constant rate factor of x264, 0 to 51, larger is worse.

    Returns:
        (H, W, 3) RGB.
    """
    height, width = crop.shape[:2]
    # 4:2:0 needs even sides; the border is repeated and cut off again.
    even = np.pad(crop, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)  # noqa: S101 - narrows the type
    encoder.width, encoder.height, encoder.pix_fmt = even.shape[1], even.shape[0], "yuv420p"
    encoder.time_base, encoder.thread_count = Fraction(1, 25), 1
    encoder.options = {"crf": str(crf), "preset": "veryfast", "bf": "0", "tune": "zerolatency"}
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)  # noqa: S101 - narrows the type
    decoder.thread_count = 1
    packets = []
    for number in range(_CLIP_FRAMES):
        still = number == _CLIP_FRAMES - 1
        frame = av.VideoFrame.from_ndarray(even if still else _shaken(even, random), format="rgb24")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoded = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    return np.ascontiguousarray(decoded[-1].to_ndarray(format="rgb24")[:height, :width])


def _shaken(crop: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """The crop moved by a pixel or two, its border repeated."""
    right, down = (int(step) for step in random.integers(-_CLIP_SHAKE_PX, _CLIP_SHAKE_PX + 1, 2))
    pad = _CLIP_SHAKE_PX
    wide = np.pad(crop, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    height, width = crop.shape[:2]
    return np.ascontiguousarray(wide[pad + down : pad + down + height, pad + right : pad + right + width])


def half_size(crop: UInt8Array, random: np.random.Generator) -> UInt8Array:  # noqa: ARG001 - one signature for all
    """Made half as large, and enlarged again as the program enlarges a small face."""
    height, width = crop.shape[:2]
    small = cv2.resize(crop, (max(width // 2, 1), max(height // 2, 1)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def jpeg(crop: UInt8Array, random: np.random.Generator, *, quality: int = JPEG_QUALITY) -> UInt8Array:  # noqa: ARG001
    """Encoded as JPEG and decoded."""
    written, data = cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise ValueError(f"a crop of shape {crop.shape} cannot be written as JPEG")
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1])


def blur(crop: UInt8Array, random: np.random.Generator) -> UInt8Array:  # noqa: ARG001 - one signature for all
    """Out of focus: a Gaussian, in proportion to the crop's side."""
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), BLUR_SIGMA * max(crop.shape[:2]) / _BLUR_SIDE_PX))


def noise(crop: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Independent Gaussian noise on every value."""
    noisy = crop + random.normal(0.0, NOISE_SIGMA, crop.shape)
    return np.asarray(noisy.round().clip(0, 255), np.uint8)


LAUNDERINGS: Mapping[str, Callable[[UInt8Array, np.random.Generator], UInt8Array]] = {
    "h264_crf28": partial(h264, crf=CRF_LIGHT),
    "h264_crf40": partial(h264, crf=CRF_HEAVY),
    "half_size": half_size,
    "jpeg_50": jpeg,
    "blur": blur,
    "noise": noise,
}
"""By name; each takes (H, W, 3) uint8 RGB and a generator, and gives another such crop."""
