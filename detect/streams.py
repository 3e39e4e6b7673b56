"""One stream of a container: what its header claims, whether it can be examined, and if not, why."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from av.audio.stream import AudioStream
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from detect.config import Limits
from detect.errors import InputError, LimitExceeded, UnreadableMedia, UnsupportedMedia
from detect.packets import Packets
from detect.pixels import squared
from detect.provenance import clean
from detect.report import StreamFacts

MAX_RATE_HZ = 768_000
"""The highest PCM rate in use (768 kHz converters); beyond it a header is damaged."""

_FFMPEG_CHANNELS = 512
"""FF_SANE_NB_CHANNELS (libavcodec/internal.h); a WAV header that claims more reaches us as 0."""

_MAX_ASPECT = 8
"""Sample aspect ratios in use lie between 1:2 and 2.2:1 (ITU-T H.264, table E-1, ends at 160:99)."""


def objection(stream: Stream, limits: Limits, description: str, complaints: list[str]) -> InputError | None:
    """Why a picture or sound stream cannot be examined; None where it can.

    Args:
        stream: As opened.
        limits: What is refused.
        description: FFmpeg's own line on it, which says what PyAV does not pass on.
        complaints: What FFmpeg said while it probed.
    """
    if stream.codec_context is None:
        detail = f"this build has no decoder for the codec of stream {stream.index}: {clean(description)}"
        return UnsupportedMedia("codec", detail)
    if isinstance(stream, VideoStream):
        refused = next((line for line in complaints if "Picture size" in line), None)
        if refused is not None and not stream.codec_context.width:
            return LimitExceeded("pixels", f"stream {stream.index} was not probed: {clean(refused)}")
        return _too_large(stream, stream.codec_context.width, stream.codec_context.height, limits)
    if isinstance(stream, AudioStream):
        return _bad_sound(stream, limits)
    return None


def _too_large(stream: VideoStream, width: int, height: int, limits: Limits) -> InputError | None:
    if width <= 0 or height <= 0:
        detail = f"stream {stream.index} has no picture size: its first pictures cannot be decoded"
        return UnreadableMedia("damaged", detail)
    return size_objection(f"stream {stream.index}", *squared(width, height, aspect(stream)), limits)


def size_objection(what: str, width: int, height: int, limits: Limits) -> LimitExceeded | None:
    """Why a picture is too large to be decoded, or too small to show anything; None where it is neither.

    Args:
        what: Names it in the message.
        width: Pixels, square ones.
        height: Pixels.
        limits: What is refused.
    """
    size = f"{what} is {width} x {height} px"
    if width * height > limits.max_pixels or max(width, height) > limits.max_side_px:
        most = f"{limits.max_pixels} pixels, {limits.max_side_px} px a side"
        return LimitExceeded("pixels", f"{size}; at most {most} are decoded")
    if min(width, height) < limits.min_side_px:
        return LimitExceeded("pixels", f"{size}; under {limits.min_side_px} px there is nothing to examine")
    return None


def _bad_sound(stream: AudioStream, limits: Limits) -> InputError | None:
    context = stream.codec_context
    rate, channels = context.sample_rate, context.channels
    if not 0 < rate <= MAX_RATE_HZ:
        return UnreadableMedia("sample_rate", f"stream {stream.index} declares {rate} samples a second")
    if channels > limits.max_channels:
        return LimitExceeded(
            "channels", f"stream {stream.index} has {channels} channels; at most {limits.max_channels}"
        )
    if channels <= 0 and context.codec.canonical_name.startswith("pcm_"):
        detail = f"stream {stream.index} declares no channels, or more than the {_FFMPEG_CHANNELS} that FFmpeg takes"
        return LimitExceeded("channels", detail)
    if channels <= 0:
        return UnreadableMedia("damaged", f"stream {stream.index} has no channels: its first packets cannot be decoded")
    return None


def is_attached_picture(stream: Stream) -> bool:
    """Whether a video stream is a cover or thumbnail, not a recording."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def aspect(stream: VideoStream) -> Fraction:
    """Width to height of one stored pixel; 1 where it is not declared or not credible."""
    declared = _rational(lambda: stream.sample_aspect_ratio)
    if declared is None or declared <= 0 or not Fraction(1, _MAX_ASPECT) <= declared <= _MAX_ASPECT:
        return Fraction(1)
    return declared


def rate(stream: VideoStream) -> Fraction | None:
    """Average frames a second as the header claims."""
    return _rational(lambda: stream.average_rate)


def facts(
    stream: Stream,
    packets: Packets,
    start: Fraction | None,
    end: Fraction | None,
    clockwise_degrees: int | None,
    why_not: str | None,
) -> StreamFacts:
    """Gather what goes into the report on one stream.

    Args:
        stream: As opened.
        packets: As read through.
        start: Of its presentation, seconds.
        end: Of its presentation, seconds.
        clockwise_degrees: How a player turns the picture.
        why_not: Why it is not examined; None where it is.
    """
    unit = stream.time_base
    basic = StreamFacts(
        index=stream.index,
        kind=stream.type,
        codec=codec_name(stream),
        profile=stream.profile,
        time_base=None if unit is None else str(unit),
        declared_seconds=None if unit is None or stream.duration is None else _seconds(stream.duration * unit),
        declared_frames=stream.frames or None,
        num_packets=packets.count,
        start_seconds=None if start is None else _seconds(start),
        end_seconds=None if end is None else _seconds(end),
        language=(stream.language or "")[:32] or None,
        examined=why_not is None,
        not_examined_because=why_not,
    )
    if stream.codec_context is None:
        return basic
    if isinstance(stream, VideoStream):
        context = stream.codec_context
        declared = _rational(lambda: stream.sample_aspect_ratio)
        average = rate(stream)
        return basic.model_copy(
            update={
                "width_px": context.width,
                "height_px": context.height,
                "pixel_format": context.pix_fmt,
                "sample_aspect_ratio": None if not declared else f"{declared.numerator}:{declared.denominator}",
                "rotation_degrees": clockwise_degrees,
                "average_rate": None if average is None else str(average),
            }
        )
    if isinstance(stream, AudioStream):
        sound = stream.codec_context
        return basic.model_copy(
            update={"rate_hz": sound.sample_rate, "channels": sound.channels, "channel_layout": sound.layout.name}
        )
    return basic


def codec_name(stream: Stream) -> str | None:
    """FFmpeg's canonical name of the codec, whichever of its decoders is in use."""
    return None if stream.codec_context is None else stream.codec_context.codec.canonical_name


def _rational(read: Callable[[], Fraction | None]) -> Fraction | None:
    """A header's quotient; None where its denominator is zero."""
    try:
        return read()
    except ZeroDivisionError:
        return None


def _seconds(value: Fraction) -> float:
    return round(float(value), 6)
