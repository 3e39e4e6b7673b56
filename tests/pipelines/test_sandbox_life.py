"""Children and zygote end when they should, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from detect.config import Config, Limits
from detect.decoded import Media
from detect.errors import DecoderCrashed, DeviceError
from pipelines.sandbox import Sandbox
from tests.conftest import ROOT
from tests.pipelines.conftest import FAULTY
from tests.pipelines.processes import alive, children_of, gone, until
from tests.pipelines.synthetic import synthetic_media

Evidence = Callable[[str], Path]


def measured(text: str) -> None:
    """Show a number that depends on the machine; nothing is asserted of it. Visible with `pytest -s`."""
    print(text)  # noqa: T201 - that is the point


def at_work(sandbox: Sandbox, count: int = 1, other_than: int = 0) -> list[int]:
    """Wait until this many jobs run, under another zygote than `other_than`; return their process ids."""
    found: list[int] = []

    def enough() -> bool:
        zygote = sandbox._zygote
        found[:] = children_of(zygote._process.pid) if zygote._facts and zygote._process.pid != other_than else []
        return len(found) == count

    assert until(enough, 30)
    return found


def test_a_hundred_jobs_leak_nothing(sandbox: Sandbox, evidence: Evidence, brief: Config) -> None:
    good, bad = evidence("SYNTHETIC 2 16 16"), evidence("FAULT leave")
    sandbox.survey(good, brief)
    zygote = sandbox._zygote._process.pid
    folders = [Path("/proc/self/fd"), Path(f"/proc/{zygote}/fd")]

    def opened() -> list[int]:
        return [len(list(folder.iterdir())) for folder in folders]

    before = opened()
    spent = []
    for job in range(100):
        began = time.monotonic()
        if job % 4:
            sandbox.survey(good, brief)
            spent.append(time.monotonic() - began)
        else:
            with pytest.raises(DecoderCrashed):
                sandbox.survey(bad, brief)
    measured(
        f"time of one job: median {1e3 * sorted(spent)[len(spent) // 2]:.1f} ms, longest {1e3 * max(spent):.1f} ms"
    )
    # A life line closes just after its status has been told: the last one may still be there, or the first one then.
    assert until(lambda: all(now <= then for now, then in zip(opened(), before, strict=True)), 2)
    assert children_of(zygote) == {}  # neither running nor zombies


def test_throughput(sandbox: Sandbox, evidence: Evidence) -> None:
    count, height, width = 60, 1080, 1920
    path = evidence(f"SYNTHETIC {count} {height} {width}")
    began = time.monotonic()
    answers = sum(1 for _ in sandbox.frames(path, synthetic_media(count), 0, Config(), num_threads=1))
    seconds = time.monotonic() - began
    measured(f"1080p: {count * height * width * 3 / seconds / 1e9:.2f} GB/s, {1e3 * seconds / count:.2f} ms a frame")
    assert answers == count + 1


def test_a_consumer_that_stops_early_ends_the_child(sandbox: Sandbox, evidence: Evidence) -> None:
    frames = sandbox.frames(evidence("SYNTHETIC 50 400 400"), synthetic_media(50), 0, Config(), num_threads=1)
    next(frames)
    zygote = sandbox._zygote._process.pid
    assert len(children_of(zygote)) == 1
    frames.close()  # type: ignore[attr-defined]  # a generator, as every iterator written with `yield`
    assert children_of(zygote) == {}


def test_closing_ends_everything(evidence: Evidence) -> None:
    with Sandbox(entry=FAULTY) as sandbox, ThreadPoolExecutor() as pool:
        job = pool.submit(sandbox.survey, evidence("FAULT sleep"), Config())
        (child,) = at_work(sandbox)
        zygote = sandbox._zygote._process.pid
        sandbox.close()
        assert not alive(zygote)
        assert not alive(child)
        assert isinstance(job.exception(10), DeviceError)
        with pytest.raises(DeviceError, match="closed"):
            sandbox.survey(evidence("SYNTHETIC 2 16 16"), Config())


def test_closing_at_once_does_not_wait_for_the_start() -> None:
    began = time.monotonic()
    Sandbox(entry=FAULTY).close()
    assert time.monotonic() - began < 1


def test_a_zygote_that_was_killed_is_replaced(evidence: Evidence, brief: Config) -> None:
    path = evidence("SYNTHETIC 2 16 16")
    with Sandbox(entry=FAULTY) as sandbox:
        sandbox.survey(path, brief)
        os.kill(sandbox._zygote._process.pid, signal.SIGKILL)
        assert isinstance(sandbox.survey(path, brief), Media)


def test_a_zygote_killed_during_a_job_takes_the_child_along(evidence: Evidence) -> None:
    limits = Limits(deadline_floor_seconds=20, deadline_seconds_per_megabyte=0)
    with Sandbox(entry=FAULTY) as sandbox, ThreadPoolExecutor() as pool:
        sandbox.facts()
        job = pool.submit(sandbox.survey, evidence("FAULT sleep"), Config(limits=limits))
        killed = 0
        for _ in range(2):  # both attempts
            children = at_work(sandbox, other_than=killed)
            killed = sandbox._zygote._process.pid
            time.sleep(0.1)  # past the first instructions, in which it asks to die with its parent
            os.kill(killed, signal.SIGKILL)
            assert gone(children, 5)
        error = job.exception(10)
        assert isinstance(error, DecoderCrashed)
        assert error.reason == "killed"


def test_an_entry_that_cannot_be_imported_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    with Sandbox(entry="tests.pipelines.absent") as sandbox, pytest.raises(DeviceError, match="standard error"):
        sandbox.facts()
    assert "ModuleNotFoundError" in capfd.readouterr().err


OWNER = """
import sys, threading
from pathlib import Path
from detect.config import Config, Limits
from pipelines.sandbox import Sandbox
sandbox = Sandbox(entry=sys.argv[1])
threads = [threading.Thread(target=sandbox.survey, args=(Path(p), Config()), daemon=True) for p in sys.argv[2:]]
sandbox.facts()
print(sandbox._zygote._process.pid, flush=True)
[t.start() for t in threads]
[t.join() for t in threads]
"""


def test_nothing_outlives_a_parent_that_was_killed(evidence: Evidence) -> None:
    paths = [str(evidence("FAULT hang")), str(evidence("FAULT sleep"))]
    owner = subprocess.Popen([sys.executable, "-c", OWNER, FAULTY, *paths], cwd=ROOT, stdout=subprocess.PIPE)
    with owner:
        assert owner.stdout is not None
        zygote = int(owner.stdout.readline())
        assert until(lambda: len(children_of(zygote)) == 2, 30)
        processes = [zygote, *children_of(zygote)]
        os.kill(owner.pid, signal.SIGKILL)
        began = time.monotonic()
        assert gone(processes, 5)
        measured(f"gone after {time.monotonic() - began:.3f} s")


def test_a_thread_that_made_the_sandbox_may_end(evidence: Evidence, brief: Config) -> None:
    """The kernel's death signal follows the thread that forked; the zygote must not depend on it."""
    with ThreadPoolExecutor(1) as pool:
        sandbox = pool.submit(lambda: Sandbox(entry=FAULTY)).result()
    with sandbox:
        first = sandbox._zygote
        sandbox.survey(evidence("SYNTHETIC 2 16 16"), brief)
        assert sandbox._zygote is first
