"""Time and memory, side by side in one run: decoding alone, each stage, the whole.

Everything is measured in one process after the models are loaded, alternating between the things compared, so that a
change of the machine's speed during the run meets all of them. Memory is measured in fresh processes, as the highest
sum of proportional set sizes of the process and its children: shared pages count once.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av

from benchmarks.clips import long_clip, short_clip
from detect.analyze import Analyzer
from detect.config import Config
from detect.decode import LocalDecoder
from detect.engine import LocalEngine
from detect.version import VERSION
from pipelines.sandbox import Sandbox
from weights import load_manifest

COMMAND = "python -m benchmarks throughput"
MEMORY_COMMAND = "python -m benchmarks memory"

_BASE = "decoding alone: every frame, no conversion"


def measure(recording: Path | None, repeats: int, out: Path) -> None:
    """Print and write `throughput.md`.

    Args:
        recording: What to scan; None makes a clip.
        repeats: Runs of each thing; the median counts.
        out: Where the results go.
    """
    with tempfile.TemporaryDirectory() as folder:
        clip = recording if recording is not None else short_clip(Path(folder) / "clip.mp4")
        sections = [
            "# Time and memory",
            f"Made by `{COMMAND}` with unmask {VERSION} on {os.cpu_count()} CPU cores.",
            *_times(clip, repeats),
            f"Peak memory of this examination: {_peak_bytes(clip) / 1e6:.0f} MB, all processes together.",
        ]
    _write(sections, out / "throughput.md")


def measure_memory(out: Path) -> None:
    """Print and write `memory.md`: a 2-hour recording against a 2-minute one.

    Args:
        out: Where the results go.
    """
    with tempfile.TemporaryDirectory() as folder:
        defaults = load_manifest().defaults
        models = ", ".join((*defaults.face, *defaults.voice))
        about = (
            f"Made by `{MEMORY_COMMAND}` with unmask {VERSION} on {os.cpu_count()} CPU cores: the demonstration "
            f"recording again and again, checkpoints {models}."
        )
        sections = ["# Memory and length", about, _long(Path(folder))]
    _write(sections, out / "memory.md")


def _write(sections: list[str], path: Path) -> None:
    text = "\n\n".join(sections) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(text)


def _times(clip: Path, repeats: int) -> list[str]:
    config = Config()
    engine, local = LocalEngine(config), LocalDecoder()
    media = local.survey(clip, config)
    video = next(stream for stream in media.streams if stream.plan is not None)
    assert video.plan is not None  # noqa: S101 - chosen for having one
    seconds: dict[str, list[float]] = {}

    def decode_sampled() -> None:
        for _ in local.frames(clip, media, video.facts.index, config, num_threads=0):
            pass

    with Sandbox() as sandbox:
        analyzer = Analyzer(config, engine=engine, decoder=sandbox)
        body = analyzer.examine(clip).body  # the first run pays for everything that is loaded on first use
        for _ in range(repeats):
            _timed(seconds, _BASE, lambda: _decode_all(clip))
            _timed(seconds, "decoding the sampled frames to RGB", decode_sampled)
            for stage, spent in analyzer.examine(clip).run.seconds.items():
                name = "**the whole examination**" if stage == "total" else f"stage: {stage}"
                seconds.setdefault(name, []).append(spent)
    base = statistics.median(seconds[_BASE])
    facts, speech = video.facts, sum(voice.speech_seconds for voice in body.voices)
    about = (
        f"{body.recording.container}, {facts.codec} {facts.width_px} x {facts.height_px}, {facts.num_packets} frames, "
        f"{float(media.duration or 0):.1f} s; {len(video.plan.targets)} frames sampled, decoder mode "
        f"`{video.plan.decoder}`; {len(body.tracks)} face tracks, {speech:.1f} s of speech; checkpoints "
        f"{', '.join(model.name for model in body.models)}. Median of {repeats}, models loaded before."
    )
    rows = ["| | seconds | x decoding alone |", "|---|--:|--:|"]
    for name, values in seconds.items():
        median = statistics.median(values)
        rows.append(f"| {name} | {median:.2f} | {median / base:.2f} |")
    return [about, "\n".join(rows), "Stages of the two branches run at the same time and do not add up to the whole."]


def _timed(seconds: dict[str, list[float]], name: str, work: Callable[[], object]) -> None:
    start = time.perf_counter()
    work()
    seconds.setdefault(name, []).append(time.perf_counter() - start)


def _decode_all(clip: Path) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for _ in container.decode(stream):
            pass


def _long(folder: Path) -> str:
    peaks = {}
    for name, seconds in (("2 minutes", 120), ("2 hours", 7200)):
        clip = long_clip(folder / f"{seconds}.mp4", seconds)
        start = time.perf_counter()
        peaks[name] = _peak_bytes(clip)
        print(f"{name}: {peaks[name] / 1e6:.0f} MB in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    sizes = ", ".join(f"of {name}: {peak / 1e6:.0f} MB" for name, peak in peaks.items())
    return f"Peak memory of a recording {sizes}; ratio {peaks['2 hours'] / peaks['2 minutes']:.2f}."


_CHILD = """
import json, sys
from detect.analyze import Analyzer
from detect.config import Config
from detect.engine import LocalEngine
from pipelines.sandbox import Sandbox
config = Config()
with Sandbox() as sandbox:
    report = Analyzer(config, engine=LocalEngine(config), decoder=sandbox).examine(sys.argv[1])
    sys.stdin.readline()
print(json.dumps(report.body.outcome.model_dump(mode="json")))
"""


def _peak_bytes(clip: Path) -> int:
    """Highest proportional set size, in bytes, of one examination in a fresh process with its children."""
    process = subprocess.Popen([sys.executable, "-c", _CHILD, str(clip)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    peak, stop = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.05):
            peak = max(peak, sum(map(_proportional_bytes, _family(process.pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate(b"\n")
    stop.set()
    watcher.join()
    outcome = json.loads(output)
    # Seams between repetitions may cost some milliseconds of sound: partial, and the same work.
    if process.returncode != 0 or outcome["examination"] == "failed":
        raise RuntimeError(f"{clip} was not examined: {outcome}")
    return peak


def _family(pid: int) -> list[int]:
    """The process and all below it."""
    pids = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids += [one for child in task.read_text().split() for one in _family(int(child))]
        except OSError:
            continue  # the thread ended between listing and reading
    return pids


def _proportional_bytes(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0  # the process ended between listing and reading
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)
