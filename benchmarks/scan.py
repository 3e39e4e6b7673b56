"""What a scan costs beside the examinations in it: queue and sandbox an item, workers, and a million tiny files."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
from PIL import Image

from benchmarks.clips import short_clip
from benchmarks.tables import table
from detect.analyze import Analyzer
from detect.config import Config
from detect.engine import LocalEngine
from detect.version import VERSION
from pipelines.dispatcher import Policy, Standing
from pipelines.evidence.options import Options
from pipelines.job import Request, run_job
from service.render import render_html

_NUM_TINY = 120
_NUM_CLIPS = 8
_FREE_BOX = b"\0\0\0\x10free"
"""An MP4 box that every reader skips (ISO/IEC 14496-12, 8.1.2): equal clips with bytes of their own."""


def measure(out: Path) -> None:
    """Overhead an item, and throughput with workers, as ratios within this run; filed as `scan.md`."""
    with TemporaryDirectory(prefix="unmask-scan-") as place:
        tiny, clips = Path(place) / "tiny", Path(place) / "clips"
        _make_tiny(tiny, _NUM_TINY)
        _make_clips(clips, _NUM_CLIPS)
        rows = [*_compare("tiny picture", tiny, Path(place)), *_compare("10 s clip, 1080p30", clips, Path(place))]
    about = (
        f"{_NUM_TINY} pictures of 64 x 48 without a face, and {_NUM_CLIPS} clips with a face and speech. One at a "
        "time: the median time from end to end; two workers: all the time by the number. Starting and loading are left "
        "out. *In the process* decodes without a child and writes nothing."
    )
    lines = [
        "# Scanning many",
        "",
        f"Made by `python -m benchmarks scan` with unmask {VERSION} on {os.cpu_count()} CPU cores.",
        "",
        about,
        "",
        *table(["", "ms an item", "more than in the process, ms", "items a second against in the process"], rows),
    ]
    text = "\n".join(lines)
    (out / "scan.md").write_text(text, encoding="utf-8")
    print(text)


def _make_tiny(folder: Path, number: int) -> None:
    folder.mkdir()
    noise = np.random.default_rng(3)
    for index in range(number):
        pixels = noise.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:04d}.png")


def _make_clips(folder: Path, number: int) -> None:
    folder.mkdir()
    with TemporaryDirectory() as place:
        content = short_clip(Path(place) / "clip.mp4").read_bytes()
    for index in range(number):
        (folder / f"{index:04d}.mp4").write_bytes(content + _FREE_BOX + index.to_bytes(8, "big"))


def _compare(name: str, evidence: Path, place: Path) -> list[list[str]]:
    alone = _in_process(sorted(evidence.iterdir()))
    rows = [[f"{name}: in the process", f"{alone * 1000:.1f}", "", "1.00"]]
    ways: list[tuple[str, Literal["local", "ray"], int]] = [
        ("local engine", "local", 1),
        ("Ray, 1 worker", "ray", 1),
        ("Ray, 2 workers", "ray", 2),
    ]
    for way, engine, workers in ways:
        seconds = _scan(evidence, place / f"{evidence.name}-{engine}-{workers}", engine, workers)
        more = f"{(seconds - alone) * 1000:.1f}" if workers == 1 else ""
        rows.append([f"{name}: {way}", f"{seconds * 1000:.1f}", more, f"{alone / seconds:.2f}"])
    return rows


Engine = Literal["local", "ray"]


def _in_process(files: Sequence[Path]) -> float:
    """Median seconds of an examination with decoding in this process, the first left out."""
    config = Config()
    analyzer = Analyzer(config, engine=LocalEngine(config))
    seconds = []
    for file in files:
        began = time.monotonic()
        analyzer.examine(file)
        seconds.append(time.monotonic() - began)
    return statistics.median(seconds[1:])


def _scan(evidence: Path, out: Path, engine: Engine, workers: int) -> float:
    """Seconds an item."""
    ends = item_ends(evidence, out, engine, workers)
    steps = np.diff(ends)
    return float(statistics.median(steps)) if workers == 1 else float((ends[-1] - ends[0]) / (len(ends) - 1))


def item_ends(evidence: Path, out: Path, engine: Engine, workers: int) -> list[float]:
    """When each recording of a scan ended, as its run log says: seconds, in order.

    Args:
        evidence: Folder to scan.
        out: Folder of the results.
        engine: Who examines.
        workers: How many at a time.
    """
    request = Request(
        roots=(evidence,),
        out=out,
        config=Config(),
        options=Options(),
        engine=engine,
        workers=workers,
        render=render_html,
    )
    with run_job(request, tell=lambda _standing: None, stop=threading.Event(), prepare=lambda: None):
        pass
    lines = map(json.loads, (out / "run.jsonl").read_text().splitlines())
    return sorted(datetime.fromisoformat(line["at"]).timestamp() for line in lines if line["event"] == "item")


def measure_scale(number: int, out: Path) -> None:
    """List, resume and cancel `number` tiny files; filed as `scale.md`."""
    with TemporaryDirectory(prefix="unmask-scale-") as place:
        evidence = Path(place) / "evidence"
        _make_many(evidence, number)
        listed = _phase(evidence, Path(place) / "out", "list")
        resumed = _phase(evidence, Path(place) / "out", "resume")
        cancelled = _phase(evidence, Path(place) / "other", "cancel")
        shutil.rmtree(evidence)
    rows = [
        ["listed, in the ledger", f"{listed['seconds']:.1f}", f"{listed['mib']:.0f}"],
        ["resumed: until it knows what is left", f"{resumed['seconds']:.2f}", f"{resumed['mib']:.0f}"],
        ["cancelled half-way: from the signal to the end", f"{cancelled['seconds']:.2f}", f"{cancelled['mib']:.0f}"],
    ]
    lines = [
        "# A million tiny files",
        "",
        f"Made by `python -m benchmarks scale --items {number}` with unmask {VERSION} on {os.cpu_count()} CPU cores.",
        "",
        f"{number:,} text files of 12 bytes in folders of 1,000; the local engine, for none of them is a recording.",
        "",
        *table(["", "seconds", "peak memory of all processes, MiB"], rows),
    ]
    text = "\n".join(lines)
    (out / "scale.md").write_text(text, encoding="utf-8")
    print(text)


def _make_many(folder: Path, number: int) -> None:
    for start in range(0, number, 1000):
        inner = folder / f"{start // 1000:05d}"
        inner.mkdir(parents=True)
        for index in range(start, min(start + 1000, number)):
            (inner / f"{index}.txt").write_text("nothing here")


def _phase(evidence: Path, out: Path, phase: str) -> dict[str, float]:
    """One run in a process of its own, so that its peak memory is its own."""
    command = [sys.executable, "-m", "benchmarks.scan", str(evidence), str(out), phase]
    done = subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parent.parent)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def _run_phase(evidence: Path, out: Path, phase: str) -> None:
    request = Request(
        roots=(evidence,),
        out=out,
        config=Config(),
        options=Options(),
        engine="local",
        resume=phase == "resume",
        policy=Policy(grace_seconds=0.1),
    )
    stop, stopped = threading.Event(), [0.0]
    peaks = {os.getpid(): 0}

    def tell(standing: Standing) -> None:
        for process in (os.getpid(), *_children()):
            peaks[process] = max(peaks.get(process, 0), _peak_kib(process))
        if phase == "cancel" and not stop.is_set() and standing.seconds > 3 and standing.counts.found:
            stopped[0] = time.monotonic()
            stop.set()

    began = time.monotonic()
    with run_job(request, tell=tell, stop=stop, prepare=lambda: None):
        ended = time.monotonic()
    peaks[os.getpid()] = _peak_kib(os.getpid())
    print(json.dumps({"seconds": ended - (stopped[0] or began), "mib": sum(peaks.values()) / 1024}))


def _children() -> list[int]:
    """Of this process, whichever thread started them."""
    found = []
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found += [int(process) for process in (thread / "children").read_text().split()]
    return found


def _peak_kib(process: int) -> int:
    """Peak resident memory. `getrusage` would count what the parent had before the program was started."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    _run_phase(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
