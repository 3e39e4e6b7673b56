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
from detect.report import StreamFacts

MAX_RATE_HZ = 768_000
"""The highest PCM rate in use (768 kHz converters); beyond it a header is damaged."""

_ENCRYPTED_TAGS = frozenset({"encv", "enca", "drmi", "drms"})
"""Sample entries of protected streams: ISO/IEC 14496-12, section 8.12; `drmi` and `drms` are Apple's."""

_MAX_ASPECT = 8
"""Sample aspect ratios in use lie between 1:2 and 2.2:1 (ITU-T H.264, table E-1, ends at 160:99)."""


def objection(stream: Stream, limits: Limits) -> InputError | None:
    """Why a picture or sound stream cannot be examined; None where it can."""
    if stream.codec_context is None:
        return UnsupportedMedia(
            "codec", f"this build has no decoder for the codec of stream {stream.index}{_tag(stream)}"
        )
    tag = _tag(stream).strip(" '")
    if tag in _ENCRYPTED_TAGS:
        return UnsupportedMedia("encrypted", f"stream {stream.index} is encrypted ({tag})")
    if isinstance(stream, VideoStream):
        return _too_large(stream.index, stream.codec_context.width, stream.codec_context.height, limits)
    if isinstance(stream, AudioStream):
        return _bad_sound(stream, limits)
    return None


def _too_large(index: int, width: int, height: int, limits: Limits) -> InputError | None:
    if width <= 0 or height <= 0:
        return UnreadableMedia("damaged", f"stream {index} has no picture size: its first pictures cannot be decoded")
    size = f"stream {index} is {width} x {height} px"
    if width * height > limits.max_pixels or max(width, height) > limits.max_side_px:
        most = f"{limits.max_pixels} pixels, {limits.max_side_px} px a side"
        return LimitExceeded("pixels", f"{size}; at most {most} are decoded")
    if min(width, height) < limits.min_side_px:
        return LimitExceeded("pixels", f"{size}; under {limits.min_side_px} px there is nothing to examine")
    return None


def check_size(index: int, width: int, height: int, limits: Limits) -> None:
    """Refuse a picture by its size.

    Raises:
        LimitExceeded: `pixels`: too large to decode, or too small to show anything.
        UnreadableMedia: it has no size.
    """
    error = _too_large(index, width, height, limits)
    if error is not None:
        raise error


def _bad_sound(stream: AudioStream, limits: Limits) -> InputError | None:
    context = stream.codec_context
    rate, channels = context.sample_rate, context.channels
    if not 0 < rate <= MAX_RATE_HZ:
        return UnreadableMedia("sample_rate", f"stream {stream.index} declares {rate} samples a second")
    if channels > limits.max_channels:
        return LimitExceeded(
            "channels", f"stream {stream.index} has {channels} channels; at most {limits.max_channels}"
        )
    if channels <= 0:
        return UnreadableMedia("damaged", f"stream {stream.index} declares no channels")
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
    stream: Stream, packets: Packets, zero: Fraction, clockwise_degrees: int | None, why_not: str | None
) -> StreamFacts:
    """Gather what goes into the report on one stream.

    Args:
        stream: As opened.
        packets: As read through.
        zero: Start of the recording's presentation on the container's clock, seconds.
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
        start_seconds=None if unit is None or packets.first is None else _seconds(packets.first * unit - zero),
        end_seconds=None if unit is None or packets.last is None else _seconds(packets.last * unit - zero),
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


def _tag(stream: Stream) -> str:
    try:
        tag = stream.codec_context.codec_tag if stream.codec_context is not None else ""
    except UnicodeDecodeError:  # four bytes, not always letters
        return ""
    return f" '{tag}'" if tag.isprintable() and tag.strip() else ""


def _rational(read: Callable[[], Fraction | None]) -> Fraction | None:
    """A header's quotient; None where its denominator is zero."""
    try:
        return read()
    except ZeroDivisionError:
        return None


def _seconds(value: Fraction) -> float:
    return round(float(value), 6)
