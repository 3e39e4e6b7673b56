"""Recordings to measure on, made from the demonstration recording."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.stream import Stream
from av.video.stream import VideoStream

from detect.errors import ConfigError

_FPS = 30
_SECONDS = 10
_GRAIN_STEPS = 4
"""Steps of 8 bits that film grain of a phone camera indoors moves a pixel: without grain H.264 skips most blocks, and
decoding would be faster than on any real recording."""
_NUM_GRAINS = 8


def _demo(folder: Path) -> Path:
    """The demonstration recording, made by the program itself."""
    path = folder / "demo.mp4"
    if not path.exists():
        subprocess.run([sys.executable, "-m", "service.cli", "demo", str(path)], check=True, capture_output=True)
    return path


def short_clip(path: Path) -> Path:
    """10 s of 1080p30 H.264 with one face and speech, as a phone would have recorded it.

    Args:
        path: Where it is written; other files are left beside it.
    """
    random = np.random.default_rng(0)
    grains = random.integers(-_GRAIN_STEPS, _GRAIN_STEPS + 1, (_NUM_GRAINS, 1080, 1920, 1), dtype=np.int16)
    with av.open(str(_demo(path.parent))) as source, av.open(str(path), "w") as sink:
        video_in, audio_in = source.streams.video[0], source.streams.audio[0]
        video = sink.add_stream("libx264", rate=_FPS, options={"crf": "21", "preset": "veryfast"})
        assert isinstance(video, VideoStream)  # noqa: S101 - narrows the type
        video.width, video.height, video.pix_fmt, video.time_base = 1920, 1080, "yuv420p", Fraction(1, _FPS)
        audio = sink.add_stream_from_template(audio_in)
        number = 0
        for frame in source.decode(video_in):
            # The demonstration has fewer frames a second: each is shown again until the next is due.
            while (
                number < _FPS * _SECONDS
                and (frame.time or 0) + 1 / float(video_in.average_rate or _FPS) > number / _FPS
            ):
                picture = frame.reformat(1920, 1080, "rgb24").to_ndarray() + grains[number % _NUM_GRAINS]
                grainy = av.VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), format="rgb24")
                grainy.pts, grainy.time_base = number, Fraction(1, _FPS)
                sink.mux(video.encode(grainy))
                number += 1
        sink.mux(video.encode(None))
        source.seek(0)
        for packet in source.demux(audio_in):
            if packet.dts is not None:
                packet.stream = audio
                sink.mux(packet)
    return path


def long_clip(path: Path, seconds: int) -> Path:
    """The demonstration recording again and again, without encoding anew.

    Args:
        path: Where it is written; other files are left beside it.
        seconds: Length, to within one repetition.
    """
    demo = _demo(path.parent)
    with av.open(str(path), "w") as sink:
        streams: dict[int, Stream] = {}
        offset = Fraction(0)
        while offset < seconds:
            begin = end = Fraction(0)
            with av.open(str(demo)) as source:
                for stream in (*source.streams.video, *source.streams.audio):
                    if stream.index not in streams:
                        streams[stream.index] = sink.add_stream_from_template(stream)
                for packet in source.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    # Priming sound has times before zero: repetitions must not overlap in any stream.
                    begin = min(begin, packet.dts * packet.time_base)
                    end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
                    shift = int(offset / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream_index]
                    sink.mux(packet)
            offset += end - begin
    return path


def cut_clip(source: Path, path: Path, seconds: float) -> Path:
    """The beginning of a recording, without encoding anew; every picture before the end is there.

    Args:
        source: A recording with video.
        path: Where it is written; its suffix names the container.
        seconds: Least length. It ends where, in the order of decoding, all pictures shown before have come.

    Raises:
        ConfigError: there is no video in it, or one that the container of `path` cannot hold.
    """
    with av.open(str(source)) as recording, av.open(str(path), "w") as sink:
        if not recording.streams.video:
            raise ConfigError(f"{source} has no video")
        video = recording.streams.video[0]
        end = _end(recording, video, seconds)
        inputs: list[Stream] = [video, *recording.streams.audio[:1]]
        try:
            outputs = {stream.index: sink.add_stream_from_template(stream) for stream in inputs}
        except ValueError as error:
            raise ConfigError(f"{source} cannot be cut without encoding anew: {error}") from error
        recording.seek(0)
        for packet in recording.demux(inputs):
            if packet.dts is None or packet.pts is None or packet.pts * packet.time_base >= end:
                continue
            packet.stream = outputs[packet.stream_index]
            sink.mux(packet)
    return path


def _end(recording: av.container.InputContainer, video: VideoStream, seconds: float) -> Fraction:
    """Seconds on the container's clock before which a prefix of the packets shows every picture."""
    times = [packet.pts * packet.time_base for packet in recording.demux(video) if packet.pts is not None]
    first_after = list(accumulate(reversed(times), min))[::-1]
    last_before = accumulate(times, max)
    for last, following in zip(last_before, first_after[1:], strict=False):
        if last < following and following - min(times) >= seconds:
            return following
    return max(times) + 1  # shorter than asked for: the whole


def write_sound(source: Path, path: Path, *, least_seconds: float = 0.0) -> Path | None:
    """The sound of a recording as 16-bit WAV at its own rate, as one would extract it; None where it has none.

    Args:
        source: A recording.
        path: Where it is written.
        least_seconds: It is repeated until it lasts as long.

    Raises:
        ConfigError: its sound track is empty.
    """
    with av.open(str(source)) as recording:
        if not recording.streams.audio:
            return None
        first = recording.streams.audio[0]
        rate, layout = first.rate, first.layout
    with av.open(str(path), "w") as sink:
        sound = sink.add_stream("pcm_s16le", rate=rate)
        assert isinstance(sound, AudioStream)  # noqa: S101 - narrows the type
        sound.layout = layout
        num_samples = 0
        while num_samples <= least_seconds * rate:
            before = num_samples
            with av.open(str(source)) as recording:
                for frame in recording.decode(recording.streams.audio[0]):
                    frame.pts = None
                    num_samples += frame.samples
                    sink.mux(sound.encode(frame))
            if num_samples == before:
                raise ConfigError(f"{source} has a sound track without a single sample")
        sink.mux(sound.encode(None))
    return path
