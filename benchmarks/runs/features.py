"""Shortcut features that only decoding gives: how loud a recording is, and how long it is silent at its ends.

Measured on some trials only: a baseline is as good with two thousand as with all.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.runs.finder import by_archive, read_members, unpacked
from benchmarks.shortcuts import silences
from benchmarks.trials import Trial
from detect.config import Config
from detect.decode import Decoder
from detect.errors import InputError
from detect.types import Float32Array, Waveform

MOST = 2_000
"""Trials that are decoded for it: the standard error of a baseline's AUC is then about .01 (Hanley and McNeil 1982)."""
_LONGEST_SECONDS = 60.0
"""Of a recording's sound: longer ones end before their trailing silence, which is then not told."""


def measure(
    root: Path,
    trials: Sequence[Trial],
    decoder: Decoder,
    *,
    workers: int,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> dict[str, dict[str, str]]:
    """Features by trial, as text; trials that cannot be decoded, or have no sound, have none.

    Args:
        root: The data set's folder.
        trials: Those that were examined; more than `MOST` are thinned out in an order that their ids alone decide.
        decoder: Turns bytes into sound.
        workers: Files that are decoded at the same time.
        tell: Told how many are done, and of how many.
    """
    order = sorted(trials, key=lambda trial: hashlib.sha256(trial.id.encode()).digest())[:MOST]
    found: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        files = list(_files(root, order, Path(folder)))
        results = pool.map(lambda item: (item[0], of_sound(item[1], decoder)), files)
        for done, (name, features) in enumerate(results, 1):
            if features:
                found[name] = features
            tell(done, len(files))
    return found


def of_sound(path: Path, decoder: Decoder) -> dict[str, str]:
    """Loudness and silences of the first audio stream; empty where there is none that can be decoded."""
    config = Config()
    blocks: list[Float32Array] = []
    seconds, voice = 0.0, None
    try:
        media = decoder.survey(path, config)
        stream = next((one.facts.index for one in media.streams if one.facts.kind == "audio"), None)
        if stream is None:
            return {}
        for part in decoder.audio(path, media, stream, config):
            if not isinstance(part, Waveform):
                continue
            voice = part.channel if not blocks else voice
            if part.channel != voice:
                continue  # of several voices the first
            blocks.append(part.samples)
            seconds += len(part.samples) / part.rate
            if seconds > _LONGEST_SECONDS:
                break
    except InputError:
        return {}
    if not blocks or not (samples := np.concatenate(blocks)).size:
        return {}
    leading, trailing = silences(samples)
    power = float(np.mean(samples.astype(np.float64) ** 2))
    found = {"leading_silence_seconds": f"{leading:.3f}"}
    if seconds <= _LONGEST_SECONDS:
        found["trailing_silence_seconds"] = f"{trailing:.3f}"
    # Digital silence has no level; leaving it out keeps it from being the quietest of numbers.
    return found | ({"loudness_db": f"{10 * math.log10(power):.2f}"} if power > 0 else {})


def _files(root: Path, trials: Sequence[Trial], folder: Path) -> Iterator[tuple[str, Path]]:
    plain, archives = by_archive(trials)
    yield from ((trial.id, root / trial.path) for trial in plain)
    for archive, members in archives.items():
        yield from _copies(root / archive, members, folder)


def _copies(archive: Path, members: Mapping[str, Trial], folder: Path) -> Iterator[tuple[str, Path]]:
    if (beside := unpacked(archive)) is not None:
        yield from ((trial.id, beside / member) for member, trial in members.items())
    elif archive.is_file():
        for member, chunks in read_members(archive, members.keys()):
            with tempfile.NamedTemporaryFile(dir=folder, suffix=Path(member).suffix, delete=False) as copy:
                copy.writelines(chunks)
            yield members[member].id, Path(copy.name)
