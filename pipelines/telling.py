"""How far an examination is, told by whoever does it through a small file: for a person who waits, for nothing else.

A file, because worker and reader are different processes and may be on different hosts; they share the folder of the
evidence already. It says nothing once the examination has ended, and nothing rests on it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

Progress = Callable[[str, float], None]
"""As `detect.analyze.Progress`, which brings torch along: whoever reads has no need of it."""

_SECONDS = 0.3
"""Between two words: a person sees no more, and a disk need not write more."""


@contextmanager
def telling(folder: Path | None, seq: int) -> Iterator[Progress | None]:
    """Leave word of an item's examination while the block runs.

    Yields:
        What `Analyzer.examine` takes as `progress`; None without a folder.
    """
    if folder is None:
        yield None
        return
    path, part = _path(folder, seq), folder / f".{seq}.part"
    lock, fractions, next_word = threading.Lock(), dict[str, float](), 0.0

    def tell(branch: str, fraction: float) -> None:
        nonlocal next_word
        with lock:
            fractions[branch] = round(max(fraction, fractions.get(branch, 0.0)), 3)
            now = time.monotonic()
            if now < next_word and fraction < 1:
                return
            next_word = now + _SECONDS
            with suppress(OSError):  # a full disk ends no examination
                part.write_text(json.dumps(fractions), encoding="utf-8")
                part.replace(path)

    try:
        yield tell
    finally:
        for leftover in (path, part):
            with suppress(OSError):
                leftover.unlink()


def how_far(folder: Path, seq: int) -> Mapping[str, float]:
    """Branch (`identify`, `video 0`, `audio 1`, ...) to the fraction that is done; empty where nothing is known."""
    try:
        fractions = json.loads(_path(folder, seq).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(branch): float(fraction) for branch, fraction in fractions.items()}


def _path(folder: Path, seq: int) -> Path:
    return folder / f"{seq}.json"
