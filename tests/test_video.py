"""The right frames at the right times, and what is said where something is lost."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from detect.config import Config
from detect.errors import LimitExceeded, UnreadableMedia
from detect.media import survey
from detect.types import CaveatKind, DefectKind
from detect.video import read_frames
from tests.damage import patch, remux
from tests.looking import look, surveyed
from tests.recipes import Pixels, cut, flip_bytes, numbered, read_number, tone, write_video

SIZE = (120, 160)


# ------------------------------------------------------------------------------------------- containers and codecs


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", "libx264"), (".mp4", "libx265"), (".mp4", "mpeg4"), (".mp4", "libsvtav1"), (".mp4", "libx264rgb"),
        (".mov", "prores_ks"), (".mov", "mjpeg"), (".mov", "qtrle"), (".mkv", "libx264"), (".mkv", "ffv1"),
        (".mkv", "libvpx-vp9"), (".webm", "libvpx"), (".webm", "libvpx-vp9"), (".webm", "libsvtav1"),
        (".avi", "mpeg4"), (".avi", "mjpeg"), (".avi", "huffyuv"), (".mpg", "mpeg1video"), (".mpg", "mpeg2video"),
        (".ts", "libx264"), (".ts", "mpeg2video"), (".ts", "libx265"), (".3gp", "h263"), (".3gp", "mpeg4"),
        (".flv", "flv"), (".wmv", "wmv2"), (".mxf", "mpeg2video"),
    ],
)  # fmt: skip
def test_every_frame_is_the_one_and_at_its_time(suffix: str, codec: str, tmp_path: Path) -> None:
    size = (144, 176) if codec == "h263" else SIZE
    pix_fmt = "yuv422p" if codec == "huffyuv" else None
    fps = 25 if suffix == ".mxf" else 30
    clip = write_video(tmp_path / f"clip{suffix}", codec=codec, size=size, num_frames=24, fps=fps, pix_fmt=pix_fmt)
    result = look(clip)
    assert result.numbers == list(range(24))
    assert result.times == pytest.approx([number / fps for number in range(24)], abs=0.0006), "MKV rounds to 1 ms"
    assert float(result.plan.end) == pytest.approx(24 / fps, abs=0.002)
    assert (result.outcome.num_decoded, result.outcome.num_expected) == (24, 24)
    assert not result.defects
    assert not result.caveats


@pytest.mark.parametrize("num_threads", [0, 1, 3])
def test_threads_change_nothing(num_threads: int, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=90, size=SIZE)
    one, other = look(clip), look(clip, num_threads=num_threads)
    assert not other.repeated
    assert one.outcome == other.outcome
    assert all((a.pixels == b.pixels).all() for a, b in zip(one.frames, other.frames, strict=True))


def test_decoding_stops_behind_the_last_sample_and_converts_no_more(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=100, gop=100, size=SIZE)
    result = look(clip, sampling={"min_frames": 4, "decoder": "full"})
    assert result.numbers == [12, 37, 62, 87]
    assert result.outcome.num_decoded == result.outcome.num_expected == 88


@pytest.mark.parametrize(("decoder", "num_decoded"), [("keyframes", 10), ("nonref", 48), ("full", 143)])
def test_each_way_of_decoding_gives_what_was_planned(decoder: str, num_decoded: int, tmp_path: Path) -> None:
    options = {
        "x264-params": "keyint=15:min-keyint=15:scenecut=0:bframes=3:b-adapt=0:b-pyramid=none",
        "preset": "veryfast",
    }
    clip = write_video(tmp_path / "clip.mp4", num_frames=150, gop=15, b_frames=3, size=SIZE, options=options)
    result = look(clip, sampling={"min_frames": 10, "decoder": decoder})
    assert len(result.frames) == 10
    assert [frame.time for frame in result.frames] == list(result.plan.targets)
    assert result.times == pytest.approx([number / 30 for number in result.numbers if number is not None])
    assert result.outcome.num_decoded == result.outcome.num_expected
    assert abs(result.outcome.num_decoded - num_decoded) <= 3
    assert not result.defects


def test_hidden_pictures_are_not_missed(tmp_path: Path) -> None:
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "deadline": "good", "cpu-used": "5", "b": "200k"}
    clip = write_video(tmp_path / "vp9.webm", codec="libvpx-vp9", num_frames=60, gop=60, size=SIZE, options=options)
    result = look(clip)
    assert result.outcome.num_decoded == result.outcome.num_expected
    assert not result.defects
    shown = write_video(tmp_path / "shown.webm", codec="libvpx", num_frames=30, gop=30, size=SIZE)
    hidden = remux(
        shown, tmp_path / "hidden.mkv", change=lambda place, data: hide(data) if place in (7, 8, 20) else data
    )
    result = look(hidden)
    assert result.numbers == [number for number in range(30) if number not in (7, 8, 20)]
    assert result.stream.facts.num_packets == 30
    assert not result.defects


def hide(picture: bytes) -> bytes:
    """Clear a VP8 picture's show_frame bit (RFC 6386, 9.1)."""
    return bytes([picture[0] & 0xEF]) + picture[1:]


# ------------------------------------------------------------------------------------------------------------ times


def test_variable_frame_rate(tmp_path: Path) -> None:
    pts = [0, 10, 20, 500, 510, 520, 2000, 2500, 2510, 3000]
    for suffix in (".mp4", ".mkv"):
        clip = write_video(tmp_path / f"clip{suffix}", pts=pts, time_base=Fraction(1, 1000), size=SIZE)
        result = look(clip)
        assert result.numbers == list(range(10))
        assert result.times == pytest.approx([tick / 1000 for tick in pts], abs=0.001)


def test_an_edit_list_hides_what_it_hides(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", num_frames=30, gop=30, b_frames=0, size=SIZE)
    shown_from = 10 * 512  # ticks of 1/15360 s
    clip = patch(whole, tmp_path / "clip.mp4", b"elst", shown_from.to_bytes(4, "big"), offset=16)
    result = look(clip)
    assert result.numbers == list(range(10, 30))
    assert result.times == pytest.approx([number / 30 for number in range(20)])
    assert not result.defects


def test_sound_that_starts_later_keeps_its_distance(tmp_path: Path) -> None:
    sound = tone(1, 48_000)
    clip = write_video(
        tmp_path / "clip.mkv", num_frames=30, size=SIZE, audio=sound, audio_rate=48_000, audio_start=Fraction(2)
    )
    result = look(clip)
    assert result.times[0] == 0
    assert result.media.streams[1].facts.start_seconds == pytest.approx(2, abs=0.03)
    assert CaveatKind.AUDIO_OFFSET in result.caveats


def test_pictures_that_start_later_keep_their_distance(tmp_path: Path) -> None:
    sound = tone(3, 48_000)
    clip = write_video(
        tmp_path / "clip.mkv", pts=range(60, 90), size=SIZE, audio=sound, audio_rate=48_000, audio_codec="pcm_s16le"
    )
    result = look(clip)
    assert result.times[0] == pytest.approx(2, abs=0.001)
    assert result.media.duration == pytest.approx(3, abs=0.01)


def test_sound_priming_does_not_move_the_pictures(tmp_path: Path) -> None:
    for suffix in (".mp4", ".webm", ".mkv"):
        codec = "libvpx" if suffix == ".webm" else "libx264"
        clip = write_video(tmp_path / f"clip{suffix}", codec=codec, size=SIZE, audio=tone(1, 48_000), audio_rate=48_000)
        assert look(clip).times[0] == 0


def rewritten(tmp_path: Path, times: Any) -> Path:
    """A clip of 30 numbered pictures without reordering, its times rewritten from (position, pts)."""
    source = write_video(tmp_path / "source.mkv", codec="mjpeg", num_frames=30, size=SIZE)
    return remux(source, tmp_path / "clip.mkv", times)


def test_negative_times_start_at_zero(tmp_path: Path) -> None:
    source = write_video(tmp_path / "source.mp4", codec="mjpeg", num_frames=30, size=SIZE)
    options = {"avoid_negative_ts": "disabled"}
    clip = remux(source, tmp_path / "clip.nut.mkv", lambda _, pts: pts - 5000, container_options=options)
    result = look(clip)
    assert result.numbers == list(range(30))
    assert result.times[0] == 0
    assert result.times == sorted(result.times)


def test_a_few_repeated_times_are_said(tmp_path: Path) -> None:
    result = look(rewritten(tmp_path, lambda position, pts: 133 if position == 5 else 267 if position == 9 else pts))
    assert result.caveats == {CaveatKind.TIMESTAMPS_REPAIRED}
    assert result.times == sorted(result.times)
    assert len(result.frames) == 28


def test_one_time_for_all_is_replaced_by_counting(tmp_path: Path) -> None:
    result = look(rewritten(tmp_path, lambda position, _: position // 10 * 333))
    assert result.caveats == {CaveatKind.TIMESTAMPS_REPAIRED}
    assert result.numbers == list(range(30))
    assert result.times == pytest.approx([number / 30 for number in range(30)], rel=0.01)


def test_times_that_run_backwards_are_replaced_by_counting(tmp_path: Path) -> None:
    result = look(rewritten(tmp_path, lambda _, pts: 1000 - pts))
    assert result.caveats == {CaveatKind.TIMESTAMPS_REPAIRED}
    assert result.numbers == list(range(30))
    assert result.times == sorted(result.times)


def test_a_jump_of_24_hours_is_replaced_by_counting(tmp_path: Path) -> None:
    result = look(rewritten(tmp_path, lambda place, pts: pts + 86_400_000 * (place >= 15)))
    assert CaveatKind.TIMESTAMPS_REPAIRED in result.caveats
    assert result.numbers == list(range(30))
    assert result.times[-1] == pytest.approx(29 / 30, abs=0.1)
    assert result.plan.end < 2


def test_a_stream_without_any_times_is_counted(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.h264", num_frames=30, fps=25, size=SIZE, container_format="h264")
    result = look(clip)
    assert result.numbers == list(range(30))
    assert result.times == pytest.approx([number / 25 for number in range(30)])
    assert result.caveats == {CaveatKind.TIMESTAMPS_REPAIRED}


# ----------------------------------------------------------------------------------------------------------- damage


def test_a_cut_matroska_file_gives_what_is_there(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", num_frames=30, size=SIZE)
    result = look(cut(whole, tmp_path / "cut.mkv"))
    count = len(result.frames)
    assert 8 <= count <= 22
    assert result.numbers == list(range(count))
    assert result.defects[DefectKind.TRUNCATED]
    assert result.defects[DefectKind.FRAMES_MISSING] == 30 - count


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".mp4", "libx264"), (".mp4", "libx265"), (".avi", "mpeg4"), (".webm", "libvpx-vp9"), (".mpg", "mpeg2video")],
)
def test_flipped_bytes_are_counted_the_same_each_time(suffix: str, codec: str, tmp_path: Path) -> None:
    whole = write_video(tmp_path / f"whole{suffix}", codec=codec, num_frames=60, size=(240, 320))
    damaged = flip_bytes(whole, tmp_path / f"damaged{suffix}", 200)
    first, again = look(damaged), look(damaged, num_threads=4)
    assert first.defects.keys() & {DefectKind.DECODE_ERRORS, DefectKind.FRAMES_MISSING, DefectKind.GARBAGE_FRAMES}
    assert again.repeated, "several threads must give up: concealment depends on their order"
    assert again.outcome == first.outcome
    assert all((a.pixels == b.pixels).all() for a, b in zip(first.frames, again.frames, strict=True))
    assert first.times == sorted(first.times)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4", "libvpx", "libvpx-vp9", "mpeg2video"])
def test_nothing_before_the_first_key_frame_is_used(codec: str, tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mkv", codec=codec, num_frames=60, gop=30, b_frames=0, size=SIZE)
    result = look(remux(whole, tmp_path / "clip.mkv", keep=lambda position: position >= 10))
    assert result.numbers
    assert all(number is not None and number >= 30 for number in result.numbers)
    lost = (result.defects.get(DefectKind.GARBAGE_FRAMES) or 0) + (result.defects.get(DefectKind.FRAMES_MISSING) or 0)
    assert lost == 20


def test_a_change_of_size_is_followed(tmp_path: Path) -> None:
    parts = [
        write_video(tmp_path / f"{n}.ts", num_frames=15, gop=15, b_frames=0, size=s)
        for n, s in enumerate([SIZE, (240, 320)])
    ]
    clip = tmp_path / "clip.mkv"
    join(parts, clip)
    result = look(clip)
    assert {frame.pixels.shape for frame in result.frames} == {(120, 160, 3), (240, 320, 3)}
    assert result.numbers == [*range(15), *range(15)]
    assert CaveatKind.FORMAT_CHANGES in result.caveats


def test_a_frame_that_grows_beyond_the_limit_is_not_converted(tmp_path: Path) -> None:
    parts = [
        write_video(tmp_path / f"{n}.ts", num_frames=15, gop=15, b_frames=0, size=s)
        for n, s in enumerate([SIZE, (240, 320)])
    ]
    clip = tmp_path / "clip.mkv"
    join(parts, clip)
    result = look(clip, limits={"max_pixels": 30_000})
    assert result.numbers == list(range(15))
    assert result.defects.keys() & {DefectKind.FRAMES_MISSING, DefectKind.DECODE_ERRORS}


def join(parts: list[Path], path: Path) -> None:
    """Put the packets of several clips behind one another."""
    with av.open(str(path), "w") as writer:
        target, number = None, 0
        for part in parts:
            with av.open(str(part)) as reader:
                source = reader.streams.video[0]
                target = target or writer.add_stream_from_template(source)
                for packet in reader.demux(source):
                    if packet.dts is not None:
                        packet.stream = target
                        packet.pts = packet.dts = number * 3000
                        writer.mux(packet)
                        number += 1


def test_a_stream_that_was_not_planned_for_is_refused(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=3, size=SIZE)
    media = surveyed(clip)
    with clip.open("rb") as file, pytest.raises(UnreadableMedia):
        list(read_frames(file, media, 5, Config(), num_threads=1))


def test_a_file_that_changed_between_is_refused(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=3, size=SIZE)
    media = surveyed(clip)
    clip.write_bytes(b"")
    with clip.open("rb") as file, pytest.raises(UnreadableMedia):
        list(read_frames(file, media, 0, Config(), num_threads=1))


def test_two_pictures_streams_are_both_read(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mkv"
    with av.open(str(clip), "w") as container:
        streams: list[Any] = [container.add_stream("mjpeg", rate=30) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = SIZE[1], SIZE[0], "yuvj420p"
        for number in range(10):
            for place, stream in enumerate(streams):
                frame = av.VideoFrame.from_ndarray(numbered(number + 100 * place, SIZE)).reformat(format="yuvj420p")
                frame.pts, frame.time_base = number, Fraction(1, 30)
                container.mux(stream.encode(frame))
    assert look(clip, 0).numbers == list(range(10))
    assert look(clip, 1).numbers == list(range(100, 110))


def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=60, size=SIZE)
    media = surveyed(clip)
    with clip.open("rb") as file:
        for _ in range(3):
            frames = read_frames(file, media, 0, Config(), num_threads=4)
            next(frames)
            frames.close()  # type: ignore[attr-defined]  # a generator, which the type does not promise


@pytest.mark.shared
def test_the_shared_recordings_are_read_without_complaint(shared: Path) -> None:
    recordings = sorted(p for p in (shared / "media").rglob("*.m*") if p.suffix in (".mp4", ".mpg"))[::6]
    assert recordings
    for path in recordings:
        result = look(path, num_threads=0)
        assert [frame.time for frame in result.frames] == list(result.plan.targets), path.name
        assert len(result.frames) == 32
        assert not result.defects, path.name
        assert not result.caveats, path.name


def test_memory_is_a_limit(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=3, size=SIZE)
    damaged = patch(clip, tmp_path / "damaged.mp4", b"stts", b"\xff\xff\xff\xff", offset=8)
    with damaged.open("rb") as file, pytest.raises((LimitExceeded, UnreadableMedia)):
        survey(file, Config())


def test_the_bar_code_itself() -> None:
    picture: Pixels = numbered(2730)
    assert read_number(picture) == 2730
    assert read_number(picture[::-1]) is None
    assert read_number(np.full_like(picture, 128)) is None
