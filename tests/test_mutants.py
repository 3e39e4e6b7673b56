"""Good files damaged at random: whatever happens, one report, one closed state, in time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus.bench import Bench, open_bench
from tests.corpus.checks import check_report
from tests.corpus.meter import Meter
from tests.corpus.pictures import TWIN as STILL_TWIN
from tests.corpus.video import TWIN

FUZZ_SECONDS = 60
"""The suite's budget: what is not reached in it is not tried."""
NUM_MUTANTS = 25
DEADLINE_SECONDS = 10.0
"""Of one decoding job."""

SEEDS = (
    TWIN,
    "case11_mp4_and_zip.mp4",
    "case14_flipped_vp9.webm",
    "case16_pixel_format_change.ts",
    "case19_vfr.mkv",
    "case33_two_sounds.mp4",
    "case32_second_channel.wav",
    "case34_sound_only.mp4",
    "case37_cmyk.jpg",
    STILL_TWIN,
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with open_bench(tmp_path_factory.mktemp("corpus")) as bench:
        yield bench


def _mutant(data: bytes, other: bytes, chooser: random.Random) -> bytes:
    """One to three kinds of damage: bytes flipped, the end cut, a piece of another file spliced in, a piece doubled."""
    for _ in range(chooser.randint(1, 3)):
        place = chooser.randrange(len(data))
        length = chooser.randint(1, 4_000)
        match chooser.choice(("flip", "cut", "splice", "double", "zero")):
            case "flip":
                damaged = bytearray(data)
                for _ in range(chooser.choice((1, 8, 200))):
                    damaged[chooser.randrange(len(data))] ^= 1 << chooser.randrange(8)
                data = bytes(damaged)
            case "cut":
                data = data[: max(64, place)]
            case "splice":
                start = chooser.randrange(len(other))
                data = data[:place] + other[start : start + length] + data[place:]
            case "double":
                data = data[: place + length] + data[place:]
            case "zero":
                data = data[:place] + bytes(len(data[place : place + length])) + data[place + length :]
    return data


def test_mutants_end_in_one_closed_state_each(bench: Bench, tmp_path: Path) -> None:
    chooser = random.Random(20)  # noqa: S311  # repeatable damage, not secrecy
    seeds = [bench.path(name).read_bytes() for name in SEEDS]
    analyzer = bench.analyzer({"limits.deadline_floor_seconds": DEADLINE_SECONDS, "exhibits.per_track": 0})
    began, num_done = time.monotonic(), 0
    for number in range(NUM_MUTANTS):
        path = tmp_path / f"mutant{number}.mp4"
        path.write_bytes(_mutant(seeds[number % len(seeds)], chooser.choice(seeds), chooser))
        with Meter() as meter:
            report = analyzer.examine(path)
        check_report(report)
        # A deadline for each job: the survey, and every stream at most twice.
        assert meter.seconds < 6 * DEADLINE_SECONDS
        assert meter.megabytes < 2_000
        num_done += 1
        if time.monotonic() - began > FUZZ_SECONDS:
            break
    assert num_done > NUM_MUTANTS // 3
