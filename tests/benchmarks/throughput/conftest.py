"""A second and a half of a face in gentle motion, with noise for sound, and what all parts measure on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.clips import cut_clip, write_sound
from benchmarks.machine import this_machine
from benchmarks.throughput import batches, contest, stages
from benchmarks.throughput.document import Document
from tests.portraits import Pixels, grainy, photograph
from tests.recipes import noise, write_video

NUM_FRAMES, FPS = 36, 24


def _pictures() -> Iterator[Pixels]:
    picture = photograph()[:240, 64:384]
    for number in range(NUM_FRAMES):
        yield grainy(np.roll(picture, number // 4, axis=1), number)


@pytest.fixture(scope="package")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    return write_video(path, frames=_pictures(), fps=FPS, audio=noise(NUM_FRAMES / FPS, 24_000), audio_rate=24_000)


@pytest.fixture(scope="package")
def sound(clip: Path) -> Path:
    path = write_sound(clip, clip.with_suffix(".wav"))
    assert path is not None
    return path


@pytest.fixture(scope="package")
def measured(clip: Path, sound: Path) -> Document:
    """One round of all that runs in this process."""
    return Document(
        tool="unmask",
        command="test",
        repeats=1,
        machine=this_machine("cpu"),
        load_average=0.5,
        stages=(stages.measure(clip, "cpu", 1),),
        batches=batches.measure(["cpu"], 1, 1, sizes=(1, 2)),
        contests=tuple(
            contest.compete(match, "cpu", 1, 1)
            for match in (
                contest.faces(clip, cut_clip(clip, clip.with_name("trial.mp4"), 0.1), 1.5),
                contest.voices(sound),
            )
        ),
    )
