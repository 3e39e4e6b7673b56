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
from detect.config import Config, Scoring
from detect.decode import LocalDecoder
from detect.engine import LocalEngine
from detect.version import VERSION
from pipelines.sandbox import Sandbox

COMPACT = Scoring(face_models=("meso4.df",), voice_models=("aasist-l.asvspoof2019",))
"""The smallest checkpoint of each modality."""

COMMAND = "python -m benchmarks throughput"


def measure(recording: Path | None, repeats: int, long: bool, out: Path) -> None:
    """Print and write `throughput.md`.

    Args:
        recording: What to scan; None makes a clip.
        repeats: Runs of each thing; the median counts.
        long: Also compare the memory of a 2-hour and a 2-minute recording.
        out: Where the results go.
    """
    with tempfile.TemporaryDirectory() as folder:
        clip = recording if recording is not None else short_clip(Path(folder) / "clip.mp4")
        lines = [f"# Time and memory\n\nMade by `{COMMAND}{' --long' if long else ''}` with unmask {VERSION} on "
                 f"{os.cpu_count()} CPU cores.\n", *_times(clip, repeats), *_memory([clip], "this recording")]  # fmt: skip
        if long:
            lines += _long(Path(folder))
    text = "\n".join(lines) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    (out / "throughput.md").write_text(text, encoding="utf-8")
    print(text)


def _times(clip: Path, repeats: int) -> list[str]:
    config = Config(scoring=COMPACT)
    engine, local = LocalEngine(config), LocalDecoder()
    media = local.survey(clip, config)
    video = next(stream for stream in media.streams if stream.plan is not None)
    assert video.plan is not None  # noqa: S101 - chosen for having one

    def decode_sampled() -> None:
        for _ in local.frames(clip, media, video.facts.index, config, num_threads=0):
            pass

    seconds: dict[str, list[float]] = {}
    with Sandbox() as sandbox:
        analyzer = Analyzer(config, engine=engine, decoder=sandbox)
        report = analyzer.examine(clip)
        for _ in range(repeats):
            _timed(seconds, "decoding alone: every frame, no conversion", lambda: _decode_all(clip))
            _timed(seconds, f"decoding the samples: {len(video.plan.targets)} frames to RGB", decode_sampled)
            _timed(seconds, "the whole examination", lambda: analyzer.examine(clip))
    stages: dict[str, list[float]] = {}
    with Sandbox() as sandbox:
        analyzer = Analyzer(config, engine=engine, decoder=sandbox)
        for _ in range(repeats):
            for stage, spent in analyzer.examine(clip).run.seconds.items():
                stages.setdefault(stage, []).append(spent)
    base = statistics.median(seconds["decoding alone: every frame, no conversion"])
    facts = video.facts
    lines = [
        f"{report.body.recording.container}, {facts.codec} {facts.width_px} x {facts.height_px}, "
        f"{facts.num_packets} frames, {float(media.duration or 0):.1f} s; decoder mode `{video.plan.decoder}`, "
        f"{len(report.body.tracks)} face tracks, {sum(voice.speech_seconds for voice in report.body.voices):.1f} s of speech; "
        f"checkpoints {', '.join(model.name for model in report.body.models)}; median of {repeats}.",
        "",
        "| | seconds | x decoding alone |",
        "|---|--:|--:|",
    ]
    lines += [f"| {name} | {statistics.median(values):.2f} | {statistics.median(values) / base:.2f} |"
              for name, values in seconds.items()]  # fmt: skip
    lines += [f"| stage: {name} | {statistics.median(values):.2f} | {statistics.median(values) / base:.2f} |"
              for name, values in sorted(stages.items()) if name != "total"]  # fmt: skip
    return [*lines, "", "Stages of the two branches run at the same time: they do not add up to the whole.", ""]


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


def _memory(clips: list[Path], name: str) -> list[str]:
    peaks = [_peak_bytes(clip) for clip in clips]
    return [f"Peak memory of examining {name}: {peaks[0] / 1e6:.0f} MB, all processes together.", ""]


def _long(folder: Path) -> list[str]:
    short, long = long_clip(folder / "two-minutes.mp4", 120), long_clip(folder / "two-hours.mp4", 7200)
    peaks = {}
    for name, clip in (("2 minutes", short), ("2 hours", long)):
        start = time.perf_counter()
        peaks[name] = _peak_bytes(clip)
        print(f"{name}: {peaks[name] / 1e6:.0f} MB, {time.perf_counter() - start:.0f} s", file=sys.stderr)
    ratio = peaks["2 hours"] / peaks["2 minutes"]
    return [f"Peak memory of a recording of 2 minutes: {peaks['2 minutes'] / 1e6:.0f} MB; of 2 hours: "
            f"{peaks['2 hours'] / 1e6:.0f} MB; ratio {ratio:.2f}.", ""]  # fmt: skip


_CHILD = """
import json, sys
from benchmarks.throughput import COMPACT
from detect.analyze import Analyzer
from detect.config import Config
from detect.engine import LocalEngine
from pipelines.sandbox import Sandbox
config = Config(scoring=COMPACT)
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
    if process.returncode != 0 or outcome["examination"] != "complete":
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
