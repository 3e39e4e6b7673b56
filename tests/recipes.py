"""Recordings made on the spot: every picture carries a number that can be read back from its pixels.

`numbered(n)` draws frame n with a bar code, `read_number` reads it back, `write_video` encodes a clip and returns its
path, `write_audio` a sound file, `write_picture` a still. `cut` and `flip_bytes` damage finished files;
`tests.damage` does the finer surgery. Nothing here needs anything but PyAV, Pillow and numpy.
"""

from __future__ import annotations

import random
import struct
import wave
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.container
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Samples = NDArray[np.float32]

NUM_BITS = 12
"""Frames 0 to 4095."""
_GREY = {0: 24, 1: 232}
"""Levels of the bar code's cells: inside the limited range, far apart."""

# ---------------------------------------------------------------------------------------------------- pictures


def numbered(number: int, size: tuple[int, int] = (240, 320)) -> Pixels:
    """Draw picture `number`: a bar code on top, below it three colour fields and a ramp that moves with the number.

    The upper row of the code holds the bits, highest first, the row under it their complements, so that grey, smeared
    or upside-down pictures are not misread. `size` is (height, width); from about 64 x 96 the code survives a codec.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    height, width = size
    pixels = np.empty((height, width, 3), np.uint8)
    ramp = (np.linspace(40, 200, width) + 3 * number) % 160 + 40
    pixels[:] = ramp.astype(np.uint8)[None, :, None]
    rows = height // 8
    edges = np.linspace(0, width, NUM_BITS + 1).round().astype(int)
    for bit in range(NUM_BITS):
        value = number >> (NUM_BITS - 1 - bit) & 1
        pixels[:rows, edges[bit] : edges[bit + 1]] = _GREY[value]
        pixels[rows : 2 * rows, edges[bit] : edges[bit + 1]] = _GREY[1 - value]
    third = width // 3
    for place, colour in enumerate(((200, 48, 48), (48, 180, 60), (56, 72, 200))):
        pixels[3 * rows : 5 * rows, place * third : (place + 1) * third] = colour
    return pixels


def read_number(pixels: NDArray[Any]) -> int | None:
    """Read the bar code of an upright picture of any size; None where there is none, or a damaged one."""
    height, width = pixels.shape[:2]
    rows = height / 8
    number = 0
    for bit in range(NUM_BITS):
        centre = int((bit + 0.5) * width / NUM_BITS)
        cells = [int(pixels[int((row + 0.5) * rows), centre].astype(int).mean()) for row in (0, 1)]
        if abs(cells[0] - cells[1]) < 80:
            return None
        number = number << 1 | int(cells[0] > cells[1])
    return number


def write_picture(path: Path, pixels: Pixels | None = None, **options: Any) -> Path:
    """Save a still picture in the format of `path`'s suffix; `options` go to Pillow (`exif`, `icc_profile`, ...)."""
    Image.fromarray(numbered(1) if pixels is None else pixels).save(path, **options)
    return path


def exif_oriented(orientation: int) -> Image.Exif:
    """EXIF with an orientation tag, 1 to 8."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def stored_for(orientation: int, upright: Pixels) -> Pixels:
    """Turn upright pixels into what a camera stores with EXIF `orientation`."""
    undo: dict[int, Callable[[Pixels], Pixels]] = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }
    return np.ascontiguousarray(undo[orientation](upright))


# ------------------------------------------------------------------------------------------------------- sound


def tone(seconds: float, rate: int = 16_000, hertz: float = 220.0, amplitude: float = 0.3) -> Samples:
    """A sine, (n,) float32."""
    time = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def noise(seconds: float, rate: int = 16_000, amplitude: float = 0.1, seed: int = 0) -> Samples:
    """White noise, (n,) float32, the same for the same seed."""
    count = round(seconds * rate)
    return (amplitude * np.random.default_rng(seed).standard_normal(count)).clip(-1, 1).astype(np.float32)


def write_wav(path: Path, samples: NDArray[np.float32], rate: int = 16_000) -> Path:
    """16-bit PCM WAV. `samples` is (n,) or (channels, n), in [-1, 1]."""
    channels = np.atleast_2d(samples)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((channels.T.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
    return path


def write_float_wav(path: Path, samples: NDArray[np.float32], rate: int = 16_000) -> Path:
    """32-bit float WAV, so that NaN, infinities and values beyond 1 stay as they are. `samples` is (n,) or (c, n)."""
    channels = np.atleast_2d(samples)
    count = channels.shape[0]
    data = channels.T.astype("<f4").tobytes()
    header = struct.pack("<HHIIHH", 3, count, rate, rate * 4 * count, 4 * count, 32)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


def write_audio(
    path: Path,
    samples: NDArray[np.float32],
    rate: int = 16_000,
    *,
    codec: str | None = None,
    container_format: str | None = None,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Encode sound with PyAV. `samples` is (n,) or (channels, n); the codec follows the suffix unless it is named."""
    codecs = {
        ".mp3": "libmp3lame",
        ".flac": "flac",
        ".m4a": "aac",
        ".aac": "aac",
        ".mp4": "aac",
        ".ogg": "flac",
        ".opus": "libopus",
        ".mka": "flac",
        ".amr": "libopencore_amrnb",
        ".wav": "pcm_s16le",
        ".w64": "pcm_s16le",
        ".wma": "wmav2",
    }
    with av.open(str(path), "w", format=container_format) as container:
        container.metadata.update(metadata or {})
        stream = _add_sound(container, codec or codecs[path.suffix], samples, rate, options)
        container.mux(_sound_packets(stream, samples, rate, Fraction(0)))
    return path


def _add_sound(
    container: Any, codec: str, samples: NDArray[np.float32], rate: int, options: dict[str, str] | None = None
) -> Any:
    layouts = {1: "mono", 2: "stereo", 4: "quad", 6: "5.1", 8: "7.1"}
    count = np.atleast_2d(samples).shape[0]
    stream = container.add_stream(codec, rate=rate, options=options)
    stream.layout = layouts.get(count, f"{count}c")
    if codec.startswith("wma"):
        stream.bit_rate = 64_000
    return stream


def _sound_packets(stream: Any, samples: NDArray[np.float32], rate: int, start: Fraction) -> list[Any]:
    channels = np.ascontiguousarray(np.atleast_2d(samples).astype(np.float32))
    formats = {f.name for f in stream.codec.audio_formats or ()}
    frame = av.AudioFrame.from_ndarray(channels, format="fltp", layout=stream.layout.name)
    frame.sample_rate = rate
    frame.pts = round(start * rate)
    frame.time_base = Fraction(1, rate)
    wanted = next((f for f in ("fltp", "s16", "s16p", "s32", "flt") if f in formats), "fltp")
    stream.format = wanted
    resampler = av.AudioResampler(format=wanted, layout=stream.layout.name, rate=rate)
    packets: list[Any] = []
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        packets += stream.encode(piece)
    return [*packets, *stream.encode(None)]


# ------------------------------------------------------------------------------------------------------- video


def write_video(
    path: Path,
    *,
    codec: str = "libx264",
    num_frames: int = 30,
    fps: int | Fraction = 30,
    size: tuple[int, int] = (240, 320),
    frames: Iterable[Pixels] | None = None,
    pix_fmt: str | None = None,
    gop: int = 12,
    b_frames: int | None = None,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    rotation: int = 0,
    hflip: bool = False,
    vflip: bool = False,
    sar: Fraction | None = None,
    matrix: str | None = None,
    full_range: bool = False,
    primaries: int | None = None,
    transfer: int | None = None,
    audio: NDArray[np.float32] | Sequence[NDArray[np.float32]] | None = None,
    audio_rate: int = 16_000,
    audio_codec: str | None = None,
    audio_start: Fraction = Fraction(0),
    container_format: str | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Encode a clip. By default 30 numbered pictures of 320 x 240 at 30 frames/s, H.264, key frame every 12.

    Args:
        path: Where to; the suffix names the container unless `container_format` does.
        codec: FFmpeg's name of the encoder.
        num_frames: How many numbered pictures; ignored where `frames` or `pts` are given.
        fps: Frames per second.
        size: (height, width) of the numbered pictures, as stored.
        frames: Other pictures, (H, W, 3) uint8 RGB, as stored; their size may change only in codecs that allow it.
        pix_fmt: Pixel format of the encoder; None takes 4:2:0 of 8 bits, or what the codec can do.
        gop: Pictures between key frames.
        b_frames: Bidirectional pictures in a row; None takes 2 for H.264 and leaves it to other encoders.
        pts: Presentation times in `time_base`, ascending: variable frame rate.
        time_base: Unit of `pts`; None is 1 / fps.
        rotation: Display matrix, degrees counter-clockwise that a player turns the picture by.
        hflip: The display matrix mirrors left and right.
        vflip: The display matrix mirrors top and bottom.
        sar: Sample aspect ratio, width to height of one pixel.
        matrix: Colour matrix, `bt709`, `bt601` or `bt2020`; None leaves it unspecified (and converts with BT.601).
        full_range: 0-255 instead of 16-235.
        primaries: Colour primaries, FFmpeg's number.
        transfer: Transfer characteristic, FFmpeg's number (16 is PQ, 18 HLG). The pictures are not transformed.
        audio: One sound track, or a list of them, each (n,) or (channels, n).
        audio_rate: Hz.
        audio_codec: None takes what suits the container.
        audio_start: Presentation time of the first sample, seconds.
        container_format: FFmpeg's name of the muxer.
        options: Encoder options.
        container_options: Muxer options.
        metadata: Container tags.
    """
    times = list(range(num_frames)) if pts is None else list(pts)
    pictures = list(frames) if frames is not None else [numbered(number, size) for number in range(len(times))]
    if pts is None:
        times = list(range(len(pictures)))
    height, width = pictures[0].shape[:2]
    tracks = [] if audio is None else [audio] if isinstance(audio, np.ndarray) else list(audio)
    with av.open(str(path), "w", format=container_format, container_options=container_options or {}) as container:
        container.metadata.update(metadata or {})
        stream: Any = container.add_stream(codec, rate=Fraction(fps), options=_encoder_options(codec, options))
        stream.width, stream.height = width, height
        stream.pix_fmt = pix_fmt or _default_format(codec)
        stream.codec_context.gop_size = gop
        if b_frames is not None or codec == "libx264":
            stream.codec_context.max_b_frames = 2 if b_frames is None else b_frames
        if time_base is not None:
            stream.codec_context.time_base = time_base
        if sar is not None:
            stream.codec_context.sample_aspect_ratio = sar
        if rotation or hflip or vflip:
            stream.set_display_rotation(rotation, hflip=hflip, vflip=vflip)
        colour = {"bt709": 1, "bt601": 6, "bt2020": 9}
        if matrix is not None:
            stream.codec_context.colorspace = colour[matrix]
        stream.codec_context.color_range = 2 if full_range else 1
        if primaries is not None:
            stream.codec_context.color_primaries = primaries
        if transfer is not None:
            stream.codec_context.color_trc = transfer
        sound = audio_codec or _default_sound(path.suffix)
        sound_streams = [_add_sound(container, sound, track, audio_rate) for track in tracks]
        packets: list[Any] = []
        for picture, time in zip(pictures, times, strict=False):
            packets += stream.encode(
                _encodable(picture, stream.pix_fmt, time, time_base or 1 / Fraction(fps), matrix, full_range)
            )
        packets += stream.encode(None)
        for sound_stream, track in zip(sound_streams, tracks, strict=True):
            packets += _sound_packets(sound_stream, track, audio_rate, audio_start)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            container.mux(packet)
    return path


def _encodable(picture: Pixels, pix_fmt: str, time: int, unit: Fraction, matrix: str | None, full_range: bool) -> Any:
    source = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    space = {"bt709": "ITU709", "bt601": "ITU601", "bt2020": "BT2020", None: "ITU601"}[matrix]
    frame = source
    if not pix_fmt.startswith(("rgb", "bgr", "gbr")):
        frame = source.reformat(
            format=pix_fmt, dst_colorspace=space, dst_color_range="JPEG" if full_range else "MPEG",
            src_color_range="JPEG", interpolation="BICUBIC",
        )  # fmt: skip
        if matrix is None:
            frame.colorspace = 2
    elif pix_fmt != "rgb24":
        frame = source.reformat(format=pix_fmt)
    frame.pts, frame.time_base = time, unit
    return frame


def _encoder_options(codec: str, options: dict[str, str] | None) -> dict[str, str]:
    quick = {
        "libx264": {"preset": "ultrafast", "crf": "18", "threads": "1"},
        "libx265": {"preset": "ultrafast", "crf": "18", "x265-params": "log-level=none:pools=1:frame-threads=1"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "2M"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "2M"},
        "libsvtav1": {"preset": "12", "crf": "25"},
        "mpeg4": {"qscale": "3", "b": "3M"},
        "mpeg2video": {"b": "4M"},
        "mpeg1video": {"b": "4M"},
        "mjpeg": {"qmin": "2", "qmax": "4"},
    }
    return {**quick.get(codec, {}), **(options or {})}


def _default_format(codec: str) -> str:
    formats = {
        "mjpeg": "yuvj420p", "prores_ks": "yuv422p10le", "dnxhd": "yuv422p", "rawvideo": "yuv420p",
        "png": "rgb24", "qtrle": "rgb24", "libx264rgb": "rgb24", "ffvhuff": "yuv420p",
    }  # fmt: skip
    return formats.get(codec, "yuv420p")


def _default_sound(suffix: str) -> str:
    return {
        ".webm": "libopus", ".avi": "libmp3lame", ".mpg": "mp2", ".ts": "mp2", ".mkv": "flac", ".ogv": "flac",
    }.get(suffix, "aac")  # fmt: skip


# ------------------------------------------------------------------------------------------------------ damage


def cut(source: Path, path: Path, fraction: float = 0.5) -> Path:
    """Keep the first part of a file."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    return path


def flip_bytes(
    source: Path, path: Path, count: int = 400, *, start: float = 0.2, end: float = 0.8, seed: int = 0
) -> Path:
    """Invert `count` bytes at places between two fractions of the file, the same for the same seed."""
    data = bytearray(source.read_bytes())
    chooser = random.Random(seed)  # noqa: S311  # repeatable damage, not secrecy
    for place in chooser.sample(range(int(len(data) * start), int(len(data) * end)), count):
        data[place] ^= 0xFF
    path.write_bytes(data)
    return path
