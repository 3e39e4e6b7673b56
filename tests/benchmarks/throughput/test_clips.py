"""A clip cut without encoding anew has every picture up to its end, and its sound can be taken out."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.clips import cut_clip, write_sound
from detect.errors import ConfigError
from tests.benchmarks.throughput.conftest import FPS, NUM_FRAMES
from tests.recipes import read_number, tone, write_video, write_wav


def numbers(path: Path) -> list[int | None]:
    """The numbers that the decoded pictures show."""
    with av.open(str(path)) as recording:
        return [read_number(frame.to_ndarray(format="rgb24")) for frame in recording.decode(video=0)]


@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("seconds", [0.1, 0.5, 0.77])
def test_it_begins_at_the_beginning_and_lacks_nothing(tmp_path: Path, b_frames: int, seconds: float) -> None:
    source = write_video(
        tmp_path / "source.mp4", num_frames=60, gop=250, b_frames=b_frames, audio=tone(2.0), audio_rate=16_000
    )
    found = numbers(cut_clip(source, tmp_path / "cut.mp4", seconds))
    assert found == list(range(len(found)))
    assert 30 * seconds <= len(found) <= 30 * seconds + 1 + b_frames + 1
    with av.open(str(tmp_path / "cut.mp4")) as recording:
        sound = sum(frame.samples for frame in recording.decode(audio=0)) / 16_000
    assert sound == pytest.approx(len(found) / 30, abs=0.15)


def test_a_shorter_recording_stays_whole(clip: Path, tmp_path: Path) -> None:
    assert len(numbers(cut_clip(clip, tmp_path / "cut.mp4", 60))) == NUM_FRAMES


def test_sound_alone_has_no_beginning_of_a_clip(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no video"):
        cut_clip(write_wav(tmp_path / "tone.wav", tone(1.0)), tmp_path / "cut.mp4", 1)


def test_what_the_container_cannot_hold_is_said(tmp_path: Path) -> None:
    source = write_video(tmp_path / "raw.avi", codec="rawvideo", num_frames=3)
    with pytest.raises(ConfigError, match="cannot be cut without encoding anew"):
        cut_clip(source, tmp_path / "cut.mp4", 1)


def test_sound_is_taken_out_at_its_own_rate(sound: Path, tmp_path: Path) -> None:
    with av.open(str(sound)) as recording:
        assert recording.streams.audio[0].rate == 24_000
        samples = np.concatenate([frame.to_ndarray()[0] for frame in recording.decode(audio=0)])
    assert len(samples) / 24_000 == pytest.approx(NUM_FRAMES / FPS, abs=0.1)
    assert samples.std() > 0
    longer = write_sound(sound, tmp_path / "longer.wav", least_seconds=4)
    assert longer is not None
    with av.open(str(longer)) as recording:
        repeated = np.concatenate([frame.to_ndarray()[0] for frame in recording.decode(audio=0)])
    assert np.array_equal(repeated, np.tile(samples, 3))
    silent = write_video(tmp_path / "silent.mp4", num_frames=3)
    assert write_sound(silent, tmp_path / "none.wav") is None
