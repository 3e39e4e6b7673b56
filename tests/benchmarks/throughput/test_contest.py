"""Baselines score with the same classifier, look at what they say, and stand beside this program round by round."""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import pytest
import torch

from benchmarks.throughput.contestants import (
    AS_MANY_FRAMES,
    EVERY_FRAME,
    OUR_FACES,
    OUR_SOUND,
    OURS,
    PLAIN_VOICE,
    entry,
)
from benchmarks.throughput.document import Document
from benchmarks.throughput.plain_faces import PlainFaces, every_frame
from benchmarks.throughput.plain_voice import whole_sound
from benchmarks.throughput.samples import ratios
from benchmarks.throughput.threads import torch_threads
from detect.config import Config, Sampling
from detect.engine import LocalEngine
from detect.errors import ConfigError
from service import demo
from tests.benchmarks.throughput.conftest import NUM_FRAMES
from tests.portraits import FACE_BOX, photograph
from tests.recipes import write_wav

pytestmark = pytest.mark.filterwarnings("ignore:'.*' is deprecated and slated for removal:DeprecationWarning")
"""Of modules of Python's own library that librosa's reader of last resort imports."""

PARITY = 1e-4
"""Sums on another number of threads have other last digits."""


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    return LocalEngine(Config())


@pytest.fixture(scope="module")
def plain() -> PlainFaces:
    return every_frame("cpu")


def test_a_crop_has_the_logit_that_this_program_gives_it(engine: LocalEngine, plain: PlainFaces) -> None:
    frame = photograph()
    crops = [plain.crop(frame, np.array(FACE_BOX, float) + shift) for shift in (0, 6)]
    expected = engine.score_crops(engine.face_specs[0].name, crops)
    assert [plain.score(crop) for crop in crops] == pytest.approx(list(expected), abs=PARITY)
    assert expected[0] != pytest.approx(expected[1], abs=PARITY)


def test_a_window_has_the_logit_that_this_program_gives_it(engine: LocalEngine, sound: Path) -> None:
    voice = whole_sound("cpu")
    samples, _ = librosa.load(sound, sr=16_000)
    window = samples[:20_000]
    expected = engine.score_windows(engine.voice_specs[0].name, [window])
    assert voice.score(window) == pytest.approx(float(expected[0]), abs=PARITY)


def test_a_face_is_found_where_it_is_and_cut_out_square(plain: PlainFaces) -> None:
    frame = photograph()
    boxes = plain.find(frame)
    assert len(boxes) == 1
    assert boxes[0] == pytest.approx(FACE_BOX, abs=20)
    assert plain.find(np.full_like(frame, 127)) == []
    side = plain.crop(frame, boxes[0]).shape
    assert side == plain.crop(frame, boxes[0] - 180).shape
    assert side[0] == side[1]


def test_windows_hold_all_of_the_sound(tmp_path: Path) -> None:
    voice = whole_sound("cpu")
    samples = np.arange(150_000, dtype=np.float32)
    assert np.array_equal(np.concatenate(list(voice.windows(samples))), samples)
    silence = write_wav(tmp_path / "silence.wav", np.zeros(64_601, np.float32))
    assert voice.run(silence) == {"voice windows scored": 2}


def test_what_opencv_cannot_read_is_said(plain: PlainFaces, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no recording")
    with pytest.raises(ConfigError, match="OpenCV cannot read"):
        plain.run(tmp_path / "text.mp4")


def test_programs_stand_side_by_side(measured: Document) -> None:
    faces, voices = measured.contests
    assert [row.name for row in faces.rows] == [OUR_FACES, EVERY_FRAME, AS_MANY_FRAMES]
    assert [row.name for row in voices.rows] == [OUR_SOUND, OURS, PLAIN_VOICE]
    for part in measured.contests:
        for row in part.rows:
            assert len(row.seconds) == 1
            assert ratios(row.seconds, part.rows[0].seconds)[0] > 0


def test_each_says_what_it_looked_at(measured: Document) -> None:
    ours, every, as_many = (row.facts for row in measured.contests[0].rows)
    assert every["frames decoded"] == every["frames looked at"] == as_many["frames decoded"] == NUM_FRAMES
    assert ours["frames looked at"] == as_many["frames looked at"] == Sampling().min_frames
    assert every["faces found"] == every["faces scored"] >= NUM_FRAMES - 2
    assert ours["faces scored"] >= Sampling().min_frames - 2
    assert ours["voice windows scored"] == 0
    assert measured.contests[1].rows[2].facts == {"voice windows scored": 1, "threads of torch": 1}


def test_the_sound_branch_alone_scores_what_a_whole_examination_scores(tmp_path: Path) -> None:
    recording = write_wav(tmp_path / "demo.wav", demo._speech().astype(np.float32), 24_000)
    counts = []
    for name in (OUR_SOUND, OURS):
        contestant = entry(name)("cpu")
        counts.append(contestant.run(recording)["voice windows scored"])
        contestant.close()
    assert counts[0] == counts[1] >= 3


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
