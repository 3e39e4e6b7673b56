"""The demonstration recording is what it says: a moving picture of a face, and sound that passes for speech."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from detect.audio import read_audio
from detect.config import Config
from detect.errors import ConfigError
from detect.media import survey
from detect.speech import SpeechFinder
from detect.types import Waveform
from service import demo
from service.demo import TITLE, make_demo


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.mp4"
    make_demo(path)
    return path


def test_it_is_ten_seconds_of_hd_video_that_says_it_is_synthetic(recording: Path) -> None:
    with recording.open("rb") as file:
        media = survey(file, Config())
    picture, sound = (stream.facts for stream in media.streams)
    assert media.kind == "video"
    assert media.duration == pytest.approx(10, abs=0.1)
    assert (picture.codec, picture.width_px, picture.height_px) == ("h264", 1280, 720)
    assert (sound.codec, sound.channels) == ("aac", 1)
    assert media.provenance.container_tags["title"] == TITLE
    assert "Synthetic" in TITLE
    assert not media.defects
    assert not media.caveats
    assert recording.stat().st_size < 3_000_000


def test_its_sound_is_taken_for_speech(recording: Path) -> None:
    config = Config()
    finder = SpeechFinder("voice-1", config.speech, window_samples=64_600)
    with recording.open("rb") as file:
        for block in read_audio(file, survey(file, config), 1, config):
            if isinstance(block, Waveform):
                finder.push(block)
    _, summary = finder.finish()
    assert len(summary.utterances) == 3
    assert summary.speech_seconds > 5


def test_its_picture_moves_and_stays_a_picture(recording: Path) -> None:
    frames = []
    with av.open(str(recording), "r") as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 50 in (0, 2):
                frames.append(frame.to_ndarray(format="rgb24").astype(np.float32))
    assert number == 249
    steps = [float(np.abs(after - before).mean()) for before, after in zip(frames[::2], frames[1::2], strict=True)]
    assert min(steps) > 0.3
    assert max(steps) < 12
    assert all(40 < frame.mean() < 200 and frame.std() > 30 for frame in frames)


def test_the_recipe_is_repeatable(recording: Path, tmp_path: Path) -> None:
    make_demo(tmp_path / "again.mp4")
    assert (tmp_path / "again.mp4").read_bytes() == recording.read_bytes()


def test_without_the_portrait_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "_PACKAGE", "no_such_package")
    with pytest.raises(ConfigError, match="scikit-image"):
        make_demo(tmp_path / "demo.mp4")
