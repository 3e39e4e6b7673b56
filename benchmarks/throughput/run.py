"""One run of all parts, or of those asked for: the document, its page and its pictures."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clips import cut_clip, short_clip, write_sound
from benchmarks.machine import this_machine
from benchmarks.throughput import batches, cold, contest, memory, stages, workers
from benchmarks.throughput.contestants import AS_MANY_FRAMES, OURS, PLAIN_VOICE
from benchmarks.throughput.document import JSON, Document, write
from benchmarks.throughput.machine import devices
from benchmarks.throughput.pages import page
from benchmarks.throughput.plots import draw
from benchmarks.throughput.threads import default_threads
from detect.errors import ConfigError
from detect.version import VERSION

COMMAND = "python -m benchmarks throughput"
FEWER = 3
"""Runs of what takes long: fresh processes, scans, and a detector on every frame."""
CUT_SECONDS = 3.0
"""Of the clip that baselines and scans are given: MTCNN on each of its 90 frames takes half a minute on two cores."""
_TRIAL_SECONDS = 0.2
"""Of the clip on which a baseline's number of threads is chosen: some frames, again and again."""
_SOUND_SECONDS = 60.0
"""Of the sound that programs are compared on: opening a file is little beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Media:
    """What is measured on."""

    whole: Path
    beginning: Path
    """The first `CUT_SECONDS` of it."""
    trial: Path
    """The first `_TRIAL_SECONDS` of it."""
    sound: Path | None
    """Its sound, repeated."""


def measure(recording: Path | None, repeats: int, out: Path, *, only: Sequence[str] = ()) -> Document:
    """See `benchmarks.throughput.measure`.

    Raises:
        ConfigError: there is no such part, no run at all is asked for, or the recording has no video.
    """
    if unknown := sorted(set(only) - set(PARTS)):
        raise ConfigError(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if repeats < 1:
        raise ConfigError(f"{repeats} runs measure nothing")
    load_average = os.getloadavg()[0]
    parts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="unmask-throughput-") as folder:
        media = _media(recording, Path(folder))
        for name, part in PARTS.items():
            if not only or name in only:
                start = time.perf_counter()
                parts |= part(media, repeats)
                print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    document = Document(
        tool=f"unmask {VERSION}",
        command=COMMAND,
        repeats=repeats,
        machine=this_machine(devices()[-1]),
        load_average=load_average,
        **parts,
    )
    out.mkdir(parents=True, exist_ok=True)
    write(document, out / JSON)
    text = page(document, draw(document, out))
    (out / "throughput.md").write_text(text, encoding="utf-8")
    print(text)
    return document


def _media(recording: Path | None, folder: Path) -> _Media:
    whole = recording if recording is not None else short_clip(folder / "clip.mp4")
    return _Media(
        whole=whole,
        beginning=cut_clip(whole, folder / "beginning.mp4", CUT_SECONDS),
        trial=cut_clip(whole, folder / "trial.mp4", _TRIAL_SECONDS),
        sound=write_sound(whole, folder / "sound.wav", least_seconds=_SOUND_SECONDS),
    )


def _stages(media: _Media, repeats: int) -> dict[str, Any]:
    return {"stages": tuple(stages.measure(media.whole, device, repeats) for device in devices())}


def _contests(media: _Media, repeats: int) -> dict[str, Any]:
    matches = [contest.faces(media.beginning, media.trial, CUT_SECONDS)]
    if media.sound is not None:
        matches.append(contest.voices(media.sound))
    rounds, threads = min(repeats, FEWER), default_threads()
    parts = (contest.compete(match, device, rounds, threads) for device in devices() for match in matches)
    return {"contests": tuple(parts)}


def _batches(_media: _Media, repeats: int) -> dict[str, Any]:
    return {"batches": batches.measure(devices(), repeats, default_threads())}


def _workers(media: _Media, repeats: int) -> dict[str, Any]:
    rounds = min(repeats, FEWER)
    return {"workers": workers.measure(media.beginning, workers.crews(os.cpu_count() or 1), rounds, CUT_SECONDS)}


def _cold(media: _Media, repeats: int) -> dict[str, Any]:
    return {"cold": cold.measure(media.whole, min(repeats, FEWER))}


def _memory(media: _Media, repeats: int) -> dict[str, Any]:
    about = (
        "A fresh process each time, on the CPU, with all its children; pages that several share count once. The whole "
        "clip; of `librosa` the sound alone, a minute of it."
    )
    tasks = [(OURS, media.whole), (AS_MANY_FRAMES, media.whole)]
    if media.sound is not None:
        tasks.append((PLAIN_VOICE, media.sound))
    return {"memory": memory.measure(tasks, about, min(repeats, FEWER))}


PARTS: Mapping[str, Callable[[_Media, int], dict[str, Any]]] = {
    "stages": _stages,
    "baselines": _contests,
    "batches": _batches,
    "workers": _workers,
    "cold": _cold,
    "memory": _memory,
}
"""By name, in the order in which they are measured."""
