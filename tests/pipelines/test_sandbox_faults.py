"""Whatever a child does, the caller gets an `InputError`, in time, and the next recording is decoded."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from detect.config import Config, Limits
from detect.decoded import VideoOutcome
from detect.errors import DecoderCrashed, DecoderTimeout, InputError, LimitExceeded
from detect.types import Frame
from pipelines.sandbox import Sandbox
from tests.pipelines.processes import children_of, resident_bytes
from tests.pipelines.synthetic import synthetic_media

Evidence = Callable[[str], Path]


def test_a_crash_is_tried_twice_and_named(sandbox: Sandbox, evidence: Evidence, brief: Config) -> None:
    with pytest.raises(DecoderCrashed) as caught:
        sandbox.survey(evidence("FAULT segfault"), brief)
    assert caught.value.reason == "signal 11"
    assert "attempt 2 of 2" in caught.value.message


def test_a_crash_after_answers_is_not_repeated(sandbox: Sandbox, evidence: Evidence, brief: Config) -> None:
    frames = sandbox.frames(evidence("FAULT segfault_after_two"), synthetic_media(9), 0, brief, num_threads=1)
    assert isinstance(next(frames), Frame)
    assert isinstance(next(frames), Frame)
    with pytest.raises(DecoderCrashed, match="attempt 1 of 2, after 2 answers"):
        next(frames)


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        ("abort", DecoderCrashed, "signal 6"),
        ("leave", DecoderCrashed, "exit 7"),
        ("silence", DecoderCrashed, "exit 0"),
        ("raise", DecoderCrashed, "exception"),
        ("memory", LimitExceeded, "memory"),
        ("memory_in_pieces", LimitExceeded, "memory"),
        ("garbage", DecoderCrashed, "protocol"),
        ("close_and_stay", DecoderCrashed, "protocol"),
        ("hang", DecoderTimeout, "deadline"),
        ("sleep", DecoderTimeout, "deadline"),
        ("trickle", DecoderTimeout, "deadline"),
    ],
)
def test_each_fault_has_its_name(
    sandbox: Sandbox, evidence: Evidence, brief: Config, fault: str, error: type[InputError], reason: str
) -> None:
    began = time.monotonic()
    with pytest.raises(error) as caught:
        sandbox.survey(evidence(f"FAULT {fault}"), brief)
    assert caught.value.reason == reason
    assert time.monotonic() - began < 8  # the deadline is one second; a child that hides is given two to die
    assert sandbox.survey(evidence("SYNTHETIC 2 16 16"), brief) == synthetic_media(2)


def test_the_kernel_ends_a_child_that_nobody_waits_for(
    sandbox: Sandbox, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processor time has a limit of its own, here brought down to one second, below the deadline of ten."""
    monkeypatch.setattr("pipelines.sandbox._CPU_GRACE_SECONDS", 1 - 10 * (os.cpu_count() or 1))
    limits = Limits(deadline_floor_seconds=10, deadline_seconds_per_megabyte=0.0)
    with pytest.raises(DecoderTimeout) as caught:
        sandbox.survey(evidence("FAULT hang"), Config(limits=limits))
    assert caught.value.reason == "processor_time"


def test_waiting_takes_no_processor_time(sandbox: Sandbox, evidence: Evidence, brief: Config) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    with pytest.raises(DecoderTimeout):
        sandbox.survey(evidence("FAULT sleep"), brief)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.3


def test_memory_of_the_host_stays_bounded(sandbox: Sandbox, evidence: Evidence) -> None:
    limits = Limits(decoder_memory_bytes=2**27, deadline_floor_seconds=30)
    sandbox.facts()
    zygote = sandbox._zygote._process.pid
    start, highest = resident_bytes(zygote), 0
    with ThreadPoolExecutor() as pool:
        job = pool.submit(sandbox.survey, evidence("FAULT memory_in_pieces"), Config(limits=limits))
        while not job.done():
            highest = max([highest, *map(resident_bytes, children_of(zygote))])
            time.sleep(0.002)
        assert isinstance(job.exception(), LimitExceeded)
    assert 2**26 < highest < start + 2**27  # it did fill memory, and not beyond its share


def test_neighbours_are_untouched(sandbox: Sandbox, evidence: Evidence, brief: Config) -> None:
    """Eight jobs at once, every second one broken: the others return what they hold."""
    lines = ["FAULT segfault", "SYNTHETIC 40 64 64", "FAULT hang", "SYNTHETIC 30 64 64"] * 2
    # The hanging ones take two cores until their deadline; the others must come to their turn before it.
    limits = brief.limits.model_copy(update={"deadline_floor_seconds": 5.0})
    brief = brief.model_copy(update={"limits": limits})

    def decode(line: str) -> list[Frame | VideoOutcome] | InputError:
        try:
            return list(sandbox.frames(evidence(line), synthetic_media(40), 0, brief, num_threads=1))
        except InputError as error:
            return error

    with ThreadPoolExecutor(len(lines)) as pool:
        results = list(pool.map(decode, lines))
    for line, result in zip(lines, results, strict=True):
        if line == "FAULT segfault":
            assert isinstance(result, DecoderCrashed)
        elif line == "FAULT hang":
            assert isinstance(result, DecoderTimeout)
        else:
            assert isinstance(result, list)
            *frames, outcome = result
            assert outcome == VideoOutcome(num_decoded=len(frames), num_expected=len(frames))
            assert [int(f.pixels[5, 5, 1]) for f in frames if isinstance(f, Frame)] == list(range(len(frames)))


def test_a_slow_consumer_does_not_cost_the_child_its_life(sandbox: Sandbox, evidence: Evidence, brief: Config) -> None:
    """The child waits, blocked by what it has sent and nobody has read, for longer than its deadline."""
    frames = sandbox.frames(evidence("SYNTHETIC 5 400 400"), synthetic_media(5), 0, brief, num_threads=1)
    next(frames)
    time.sleep(1.3)
    assert len(list(frames)) == 5


def test_a_missing_file_is_the_callers_to_handle(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sandbox.survey(tmp_path / "absent.mp4", Config())
