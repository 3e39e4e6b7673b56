"""What becomes of a file: every recording that can be examined is, and nothing else costs more than its first bytes."""

from __future__ import annotations

import random
from pathlib import Path

import av
import pytest

from detect.container import FORMATS
from pipelines.evidence.signatures import HEAD_BYTES, Nature, nature
from tests.recipes import noise, write_audio, write_picture, write_video


def _nature(data: bytes, name: bytes = b"x") -> Nature:
    return nature(data[:HEAD_BYTES], name, len(data), lambda at, count: data[at : at + count])


def _remuxed(path: Path, format_: str, codec: str, *, sound: bool) -> bytes | None:
    """A short recording of a format; None where this build cannot write it."""
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    try:
        with av.open(str(path), "w", format=format_) as out:
            stream = out.add_stream(codec, rate=48_000 if sound else 25)
            if sound:
                stream.layout = "mono"  # type: ignore[union-attr]
                frame = av.AudioFrame.from_ndarray(
                    (noise(1.0, 48_000) * 20_000).astype("<i2").reshape(1, -1), format="s16", layout="mono"
                )
                frame.sample_rate, frame.pts = 48_000, 0
                resampler = av.AudioResampler(stream.format.name, "mono", stream.rate)  # type: ignore[union-attr]
                frames = resampler.resample(frame)
            else:
                stream.width, stream.height, stream.pix_fmt = 352, 288, pixels  # type: ignore[union-attr]
                frames = [av.VideoFrame(352, 288, pixels) for _ in range(5)]
                for index, picture in enumerate(frames):
                    picture.pts = index
            for each in (*frames, None):
                out.mux(stream.encode(each))  # type: ignore[union-attr]
    except (av.error.FFmpegError, ValueError):
        return None
    return path.read_bytes()


MUXERS = [
    ("wav", "pcm_s16le", True), ("mp3", "libmp3lame", True), ("flac", "flac", True),
    ("ogg", "flac", True), ("ogg", "libopus", True), ("adts", "aac", True), ("ac3", "ac3", True),
    ("eac3", "eac3", True), ("aiff", "pcm_s16be", True), ("au", "pcm_s16be", True), ("caf", "pcm_s16le", True),
    ("wv", "wavpack", True), ("w64", "pcm_s16le", True), ("mp2", "mp2", True),
    ("matroska", "flac", True), ("ipod", "aac", True),
    ("mp4", "mpeg4", False), ("mov", "mjpeg", False), ("matroska", "mpeg4", False), ("webm", "libvpx", False),
    ("avi", "mpeg4", False), ("flv", "flv", False), ("mpegts", "mpeg2video", False), ("mpeg", "mpeg1video", False),
    ("vob", "mpeg2video", False), ("ivf", "libvpx", False), ("h264", "libx264", False), ("hevc", "libx265", False),
    ("mpeg2video", "mpeg2video", False), ("mpeg1video", "mpeg1video", False), ("m4v", "mpeg4", False),
    ("mxf", "mpeg2video", False), ("obu", "libsvtav1", False), ("asf", "wmv2", False),
    ("mpegts", "libx264", False),
]  # fmt: skip


@pytest.mark.parametrize(("format_", "codec", "sound"), MUXERS)
def test_recordings_are_known_by_their_first_bytes(tmp_path: Path, format_: str, codec: str, sound: bool) -> None:
    data = _remuxed(tmp_path / "recording", format_, codec, sound=sound)
    if not data:
        pytest.skip(f"this build of FFmpeg writes no {format_} with {codec}")
    assert _nature(data).fate == "recording"


def test_a_recording_cut_anywhere_near_its_start_keeps_what_it_is(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4")
    sound = write_audio(tmp_path / "a.mp3", noise(1.0))
    for path in (video, sound):
        data = path.read_bytes()
        assert {_nature(data[:length]).fate for length in (64, 1000, 4096, 5000)} == {"recording"}


@pytest.mark.parametrize("head", [b"#!AMR\n\x04", b"#!AMR-WB\n\x04", b"\x1f\x07\x00\x3f", b"\x1f\x07\x00\xbf"])
def test_recordings_that_ffmpeg_does_not_write(head: bytes) -> None:
    """AMR (RFC 4867, section 5) and DV (SMPTE 314M, header block)."""
    assert _nature(head + bytes(1000)).fate == "recording"


def test_pictures_are_recordings(tmp_path: Path) -> None:
    for suffix in ("png", "jpg", "gif", "webp", "tiff"):
        assert _nature(write_picture(tmp_path / f"a.{suffix}").read_bytes()).fate == "recording"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\3\4" + bytes(30), "zip"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(30), "7z"),
        (b"\x1f\x8b\x08" + bytes(30), "gz"),
        (b"BZh9" + bytes(30), "bz2"),
        (b"\xfd7zXZ\0" + bytes(30), "xz"),
        (b"\x28\xb5\x2f\xfd" + bytes(30), "zst"),
        (b"Rar!\x1a\x07\x01\0" + bytes(30), "rar"),
        (b"EVF\x09\x0d\x0a\xff\0\1\1\0\0\0" + bytes(4096), "image"),
    ],
)
def test_containers(data: bytes, kind: str) -> None:
    assert _nature(data, b"x.mp4")[:2] == ("container", kind)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"some text\n", "not_media:text"),
        (b"%PDF-1.7\n\xff\xff", "not_media:foreign"),
        (b"SQLite format 3\0" + bytes(100), "not_media:foreign"),
        (b"MZ\x90\0" + bytes(100), "not_media:program"),
        (b"\x7fELF\2" + bytes(100), "not_media:program"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100), "format"),
        (b"\1\2\3\4" * 1000, "not_media:other"),
        (bytes(4096), "not_media:other"),
    ],
)
def test_what_is_no_recording(data: bytes, reason: str) -> None:
    assert _nature(data).reason == reason


def test_random_bytes_are_hardly_ever_taken_for_a_recording() -> None:
    chooser = random.Random(0)  # noqa: S311
    taken = [kind.fate for kind in (_nature(chooser.randbytes(4096)) for _ in range(3000)) if kind.fate != "none"]
    assert len(taken) <= 3


def test_every_format_that_is_examined_was_tried() -> None:
    tried = {format_ for format_, _, _ in MUXERS} | {"amr", "amrnb", "amrwb", "dv", "aac", "mpegvideo"}
    assert set(FORMATS.split(",")) <= tried
