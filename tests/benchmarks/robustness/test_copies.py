"""Copies of a data set's files, and the containers and streams that whole videos come in."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.robustness.copies import launder_trials
from benchmarks.robustness.launderings import laundering
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from tests.benchmarks.robustness.sources import perceived, picture, speechlike, utterance
from tests.recipes import write_video


def _trial(path: str, unit: Unit = Unit.UTTERANCE) -> Trial:
    return Trial(id=path, path=path, unit=unit, labels=labels_of(voice="bonafide"), group="one", split="all")


def test_every_trial_is_accounted_for(tmp_path: Path) -> None:
    root = tmp_path / "set"
    (root / "a").mkdir(parents=True)
    (root / "b").mkdir()
    original = perceived(utterance(root / "a" / "x.wav"))
    with zipfile.ZipFile(root / "more.zip", "w") as archive:
        archive.write(root / "a" / "x.wav", "inner/x.wav")
    (root / "b" / "x.wav").write_bytes(b"RIFF and then nothing")
    picture(root / "face.png")
    paths = ["a/x.wav", "more.zip!/inner/x.wav", "b/x.wav", "gone.wav", "more.zip!/gone.wav", "face.png"]
    trials = [_trial(path) for path in paths]
    copies = launder_trials(trials, root, laundering("white_10db"), tmp_path / "out")
    assert [trial.path for trial, _ in copies.made] == paths[:2]
    assert [trial.path for trial in copies.missing] == ["gone.wav", "more.zip!/gone.wav"]
    reasons = {trial.path: reason for trial, reason in copies.failed}
    assert reasons.keys() == {"b/x.wav", "face.png"}
    assert "does not apply to a picture" in reasons["face.png"]
    assert sorted((tmp_path / "out").iterdir()) == sorted(path for _, path in copies.made)
    heard = [perceived(path) for _, path in copies.made]
    assert not heard[0].same_as(heard[1]), "two trials of one content get noise of their own"
    assert not heard[0].same_as(original)
    assert (root / "a" / "x.wav").is_file(), "the data set stays as it is"
    again = launder_trials(trials[:1], root, laundering("white_10db"), tmp_path / "again")
    assert perceived(again.made[0][1]).same_as(heard[0])


def test_a_laundering_that_is_not_there_is_refused_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="av1 is not available"):
        launder_trials([_trial("a.wav")], tmp_path, laundering("av1"), tmp_path / "out")


def test_uneven_times_and_all_sounds_are_kept(tmp_path: Path) -> None:
    pts = [0, 40, 50, 200, 230, 400]
    sounds = [speechlike(0.5, 16_000), 0.5 * speechlike(0.5, 16_000)]
    clip = write_video(tmp_path / "clip.mp4", pts=pts, time_base=Fraction(1, 1000), size=(96, 128), audio=sounds)
    for name in ("h264_crf35", "frames_lost_5", "rerecorded_near", "opus_16k"):
        after = perceived(laundering(name).apply(clip, tmp_path / "out", seed=1))
        assert [round(time * 1000) for time in after.times] == pts, name
        assert len(after.sounds) == 2, name
        assert after.sounds[0].samples.std() > 1.5 * after.sounds[1].samples.std() or name.startswith("rerecorded")


def test_what_mp4_does_not_take_goes_into_matroska(tmp_path: Path) -> None:
    sound = speechlike(0.6, 16_000)
    clip = write_video(
        tmp_path / "clip.mkv",
        codec="ffv1",
        num_frames=15,
        fps=25,
        size=(96, 128),
        audio=sound,
        audio_codec="pcm_s16le",
    )
    pictures = laundering("h264_crf35").apply(clip, tmp_path / "out", seed=1)
    sounds = laundering("mp3_64k").apply(clip, tmp_path / "out", seed=1)
    both = laundering("messenger").apply(clip, tmp_path / "out", seed=1)
    assert [path.suffix for path in (pictures, sounds, both)] == [".mkv", ".mkv", ".mp4"]
    before = perceived(clip)
    assert np.array_equal(perceived(pictures).sounds[0].samples, before.sounds[0].samples)
    assert all(np.array_equal(a, b) for a, b in zip(perceived(sounds).frames, before.frames, strict=True))


def test_a_video_without_sound_is_no_copy_of_itself_after_a_laundering_of_sound(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4", num_frames=5, size=(96, 128))
    with pytest.raises(ConfigError, match="has no sound that could be changed"):
        laundering("opus_16k").apply(clip, tmp_path / "out", seed=1)
    both = perceived(laundering("rerecorded_near").apply(clip, tmp_path / "out", seed=1))
    assert len(both.frames) == 5
    assert both.sounds == []


def test_program_streams_without_whole_times_are_taken(tmp_path: Path) -> None:
    clip = write_video(
        tmp_path / "clip.mpg", codec="mpeg1video", num_frames=15, fps=25, size=(96, 128), audio=speechlike(0.6, 44_100),
        audio_rate=44_100,
    )  # fmt: skip
    before = perceived(clip)
    for name in ("h264_crf28", "white_10db", "messenger"):
        after = perceived(laundering(name).apply(clip, tmp_path / "out", seed=1))
        assert len(after.frames) == len(before.frames), name
        offsets = [(one.times[0] - one.sounds[0].start, one.times[-1] - one.times[0]) for one in (before, after)]
        assert abs(offsets[0][0] - offsets[1][0]) < Fraction(1, 25), f"{name}: pictures against sound"
        assert abs(offsets[0][1] - offsets[1][1]) < Fraction(1, 25), name


def test_odd_sides_lose_a_row_or_a_column_and_nothing_else(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mkv", codec="ffv1", pix_fmt="yuv444p", num_frames=5, fps=25, size=(97, 131))
    after = perceived(laundering("h264_crf17").apply(clip, tmp_path / "out", seed=1))
    assert after.frames[0].shape == (96, 130, 3)
    before = perceived(clip).frames[0][:96, :130].astype(float)
    assert np.abs(after.frames[0] - before).mean() < 6
