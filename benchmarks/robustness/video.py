"""Whole videos, written anew: every stream of pictures and of sound, at the times they had; changed or copied as asked.

Subtitles, data and cover pictures are left behind, as by the programs this stands for.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.codeccontext import VideoCodecContext

from benchmarks.robustness import sound as sounds
from benchmarks.robustness.film import Step as PictureStep
from benchmarks.robustness.film import VideoCodec, encoded, frames_of, open_encoder
from benchmarks.robustness.laundering import moving_pictures
from benchmarks.robustness.sound_codecs import SoundCodec
from detect.errors import ConfigError

Packets = Iterator["av.Packet[Any]"]

FLAC = SoundCodec(encoder="flac", container="matroska", max_channels=8)
"""Holds sound after a change, without loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remake:
    """What becomes of a video."""

    codec: VideoCodec | None = None
    """Of the pictures; None copies them as they are coded."""
    steps: Sequence[PictureStep] = ()
    """Done to the pictures before they are coded."""
    sound: sounds.Change | None = None
    """Done to the sound; None copies it as it is coded."""
    sound_codec: SoundCodec = FLAC
    """Of changed sound."""


_MP4_CODECS = frozenset(
    {"h264", "hevc", "mpeg4", "vp9", "av1", "mjpeg", "aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"}
)
"""What MP4 takes, among what recordings hold; FFmpeg's names."""


def _suffix(inside: InputContainer, remake: Remake) -> str:
    """MP4 where everything fits into it, Matroska for whatever else is copied.

    MP4 keeps times as they are; Matroska rounds them to milliseconds, and starts all streams later together where one
    begins before zero, as AAC does.
    """
    copied = [inside.streams[index] for index in moving_pictures(inside) if remake.codec is None]
    copied += inside.streams.audio if remake.sound is None else ()
    names = {stream.codec_context.codec.canonical_name for stream in copied if stream.codec_context is not None}
    return ".mp4" if names <= _MP4_CODECS else ".mkv"


def write_file(source: Path, target: Path, random: np.random.Generator, *, remake: Remake) -> Path:
    """Launder a video.

    Raises:
        ConfigError: it cannot be decoded, or what is copied does not fit into the new container.
    """
    with ExitStack() as stack:
        try:
            inside = stack.enter_context(av.open(str(source)))
            if remake.codec is None and not inside.streams.audio:
                raise ConfigError(f"{source.name} has no sound that could be changed")
            path = target.with_name(f"{target.name}{_suffix(inside, remake)}")
            # Bit-exact: Matroska would draw an identifier at random.
            outside = stack.enter_context(av.open(str(path), "w", options={"fflags": "bitexact"}))
            tracks = [
                _copied(source, outside, inside, index)
                if remake.codec is None
                else _pictures(source, outside, inside, index, remake, remake.codec, random)
                for index in moving_pictures(inside)
            ]
            for stream in inside.streams.audio:
                if remake.sound is None:
                    tracks.append(_copied(source, outside, inside, stream.index))
                else:
                    tracks.append(_sound(source, outside, stream.index, remake, remake.sound, random))
            for packet in heapq.merge(*tracks, key=_time):
                outside.mux(packet)
        except (av.error.FFmpegError, ValueError) as error:
            raise ConfigError(f"{source.name} cannot be written anew: {error}") from error
    return path


def _time(packet: av.Packet[Any]) -> Fraction:
    return (packet.dts or 0) * (packet.time_base or Fraction(0))


def _copied(source: Path, outside: OutputContainer, inside: InputContainer, index: int) -> Packets:
    """Packets of one stream as they are; a container of its own reads them, so that streams can be merged by time."""
    stream = outside.add_stream_from_template(inside.streams[index])

    def packets() -> Packets:
        with av.open(str(source)) as container:
            for packet in container.demux(container.streams[index]):
                if packet.dts is not None:
                    packet.stream = stream
                    yield packet

    return packets()


def _pictures(
    source: Path,
    outside: OutputContainer,
    inside: InputContainer,
    index: int,
    remake: Remake,
    codec: VideoCodec,
    random: np.random.Generator,
) -> Packets:
    frames = frames_of(source, index)
    for step in remake.steps:
        frames = step(frames, random)
    first = next(frames, None)
    if first is None:
        raise ConfigError(f"{source.name} has no picture in stream {index}")
    declared = inside.streams[index]
    assert isinstance(declared, av.VideoStream)  # noqa: S101 - narrows the type
    rate = Fraction(declared.average_rate or 25)
    stream = outside.add_stream(codec.encoder, rate=rate)
    assert isinstance(stream, av.VideoStream)  # noqa: S101 - narrows the type
    context = stream.codec_context
    assert isinstance(context, VideoCodecContext)  # noqa: S101 - narrows the type
    open_encoder(context, codec, first[1], rate)
    return _on(stream, encoded(context, itertools.chain([first], frames)))


def _sound(
    source: Path,
    outside: OutputContainer,
    index: int,
    remake: Remake,
    change: sounds.Change,
    random: np.random.Generator,
) -> Packets:
    changed, codec = change(sounds.read(source, index), random), remake.sound_codec
    if len(changed.samples) > codec.max_channels:
        changed = sounds.mono(changed)
    changed = sounds.resampled(changed, codec.rate_for(changed.rate_hz))
    layout = sounds.layout(len(changed.samples))
    stream = outside.add_stream(codec.encoder, rate=changed.rate_hz, layout=layout)
    assert isinstance(stream, av.AudioStream)  # noqa: S101 - narrows the type
    if codec.bit_rate is not None:
        stream.bit_rate = codec.bit_rate
    return iter(sounds.encode(stream, changed))


def _on(stream: av.VideoStream, packets: Iterable[av.Packet[Any]]) -> Packets:
    for packet in packets:
        packet.stream = stream
        yield packet
