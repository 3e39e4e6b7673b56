"""The pictures of a video as a stream: upright frames with their times, changed one by one, coded, sent with losses."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext

from benchmarks.robustness.pictures import Apply, Change
from detect.errors import ConfigError, UnsupportedMedia
from detect.pixels import Converter
from detect.streams import aspect
from detect.types import UInt8Array

Frames = Iterator[tuple[Fraction, UInt8Array]]
"""Presentation time in seconds and (H, W, 3) uint8 RGB, upright with square pixels."""
Step = Callable[[Frames, np.random.Generator], Frames]
"""Something done to the pictures of one stream, as they come."""

TIME_BASE = Fraction(1, 60_000)
"""Unit of times handed to encoders: MPEG-4 part 2 counts in at most 65,535 parts of a second."""
_HD_LINES = 577
"""From here on colours are coded by BT.709, below by BT.601, as players assume where nothing is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoCodec:
    """One way of coding pictures."""

    encoder: str
    """FFmpeg's name."""
    options: tuple[tuple[str, str], ...]
    """Of the encoder, in FFmpeg's words."""
    pixel_format: str = "yuv420p"

    @property
    def full_range(self) -> bool:
        """Whether values go from 0 to 255."""
        return self.pixel_format.startswith("yuvj")


def x264(**options: str) -> VideoCodec:
    """H.264 by x264, so that the same pictures give the same bytes everywhere.

    One thread is not enough for that: of 40 runs on noise 180 pixels wide, two differed; with its functions that are
    the same on every processor, none of 500, in a tenth more time.
    """
    given = {"preset": "veryfast", "threads": "1", "x264-params": "cpu-independent=1", **options}
    return VideoCodec(encoder="libx264", options=tuple(given.items()))


CARRIER = x264(crf="17")
"""For pictures after a change that is no codec: FFmpeg's guide to H.264 calls 17 or 18 nearly lossless to the eye."""


def frames_of(path: Path, index: int) -> Frames:
    """All frames of one stream, decoded on one thread.

    Raises:
        ConfigError: it cannot be decoded.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams[index]
            assert isinstance(stream, av.VideoStream)  # noqa: S101 - narrows the type
            stream.codec_context.thread_count = 1
            convert = Converter(aspect(stream))
            step = 1 / Fraction(stream.average_rate or 25)
            after = Fraction(0)
            for frame in container.decode(stream):
                time = after if frame.pts is None else frame.pts * (frame.time_base or Fraction(0))
                yield time, convert.upright(frame)
                after = time + step
    except (av.error.FFmpegError, UnsupportedMedia) as error:
        raise ConfigError(f"the pictures of {path.name} cannot be decoded: {error}") from error


def each(change: Change) -> Step:
    """A step that changes every picture; it is prepared anew where their size changes."""

    def step(frames: Frames, random: np.random.Generator) -> Frames:
        prepared: dict[tuple[int, int], Apply] = {}
        for time, pixels in frames:
            size = (pixels.shape[0], pixels.shape[1])
            if size not in prepared:
                prepared[size] = change(size, random)
            yield time, prepared[size](pixels)

    return step


def every(number: int) -> Step:
    """A step that keeps one picture of so many; the others' time goes to the one before them."""
    return lambda frames, _random: itertools.islice(frames, 0, None, number)


def open_encoder(context: VideoCodecContext, codec: VideoCodec, pixels: UInt8Array, rate: Fraction) -> None:
    """Set an encoder to pictures like this one; odd sides lose a row or column, which 4:2:0 has no place for."""
    context.width, context.height = pixels.shape[1] // 2 * 2, pixels.shape[0] // 2 * 2
    if not context.width or not context.height:
        raise ConfigError("a picture of one row or column cannot be coded")
    context.pix_fmt, context.time_base, context.framerate = codec.pixel_format, TIME_BASE, rate
    context.options = dict(codec.options)
    context.colorspace = 1 if context.height >= _HD_LINES else 5
    context.color_range = 2 if codec.full_range else 1


def encoded(context: VideoCodecContext, frames: Frames) -> Iterator[av.Packet[Any]]:
    """Packets of the pictures; one of another size is made as large as the first."""
    space = "ITU709" if context.colorspace == 1 else "ITU601"
    latest = -1
    for time, pixels in frames:
        height, width = pixels.shape[:2]
        if (width // 2 * 2, height // 2 * 2) != (context.width, context.height):
            resized = cv2.resize(pixels, (context.width, context.height), interpolation=cv2.INTER_AREA)
            fitting = np.asarray(resized, np.uint8)
        else:
            fitting = pixels[: context.height, : context.width]
        given = av.VideoFrame.from_ndarray(np.ascontiguousarray(fitting), format="rgb24")
        frame = given.reformat(
            format=context.pix_fmt,
            src_color_range="JPEG",
            dst_color_range="JPEG" if context.color_range == 2 else "MPEG",
            dst_colorspace=space,
            interpolation="BICUBIC",
        )
        latest = max(round(time / TIME_BASE), latest + 1)
        frame.pts, frame.time_base = latest, TIME_BASE
        frame.colorspace, frame.color_range = context.colorspace, context.color_range
        yield from context.encode(frame)
    yield from context.encode(None)


def again(codec: VideoCodec) -> Step:
    """A step that codes the pictures and decodes them."""
    return lossy(codec, share=0.0)


_RATE = Fraction(30)
"""Frames a second that rate control is told between two steps, where nothing else is known."""


def lossy(codec: VideoCodec, *, share: float) -> Step:
    """A step that codes the pictures, loses packets on the way, each independently, and decodes what arrives.

    Key frames arrive, as a sender repeats them on request (RFC 4585, section 6.3.1); for a picture that does not come
    the one before it is shown again, and those predicted from it are decoded as they are, with the errors that brings.

    Args:
        codec: Has to show pictures in the order in which it codes them, if packets are lost.
        share: Of packets lost, in [0, 1].
    """

    def step(frames: Frames, random: np.random.Generator) -> Frames:
        first = next(frames, None)
        if first is None:
            return
        context = av.CodecContext.create(codec.encoder, "w")
        assert isinstance(context, VideoCodecContext)  # noqa: S101 - narrows the type
        open_encoder(context, codec, first[1], _RATE)
        decoder = av.CodecContext.create(context.codec.canonical_name, "r")
        assert isinstance(decoder, VideoCodecContext)  # noqa: S101 - narrows the type
        decoder.thread_count = 1
        convert = Converter(Fraction(1))
        times: list[Fraction] = []
        shown: UInt8Array | None = None
        waiting = 0

        def noting(frames: Frames) -> Frames:
            for time, pixels in frames:
                times.append(time)
                yield time, pixels

        def decoded() -> Iterator[av.VideoFrame]:
            for packet in encoded(context, noting(itertools.chain([first], frames))):
                if packet.is_keyframe or random.random() >= share:
                    yield from decoder.decode(packet)
            yield from decoder.decode(None)

        for frame in decoded():
            pixels = convert.upright(frame)
            # Times come from the list: those handed to the encoder are rounded.
            at = (frame.pts or 0) * TIME_BASE
            while waiting < len(times) and times[waiting] < at - TIME_BASE:
                yield times[waiting], pixels if shown is None else shown
                waiting += 1
            if waiting < len(times):
                yield times[waiting], pixels
                waiting += 1
            shown = pixels
        if shown is not None:
            for time in times[waiting:]:
                yield time, shown

    return step
