"""Recordings a minute through a whole scan, on the local engine and with 1, 2, 4, ... media workers of Ray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.scan import Engine, item_ends
from benchmarks.throughput.document import Crew, Workers

_FREE_BOX = b"\0\0\0\x10free"
"""An MP4 box that every reader skips (ISO/IEC 14496-12, 8.1.2): equal clips with bytes of their own."""
_EACH = 3
"""Recordings for each worker, beside the first of each, which pays for loading."""

Crewing = tuple[Engine, int]
"""An engine and how many workers."""


def crews(num_cpus: int) -> list[Crewing]:
    """The local engine; Ray with one worker, twice as many, and so on up to one a CPU."""
    counts = [2**power for power in range(num_cpus.bit_length()) if 2**power < num_cpus]
    return [("local", 1), *(("ray", count) for count in [*counts, num_cpus])]


def measure(recording: Path, crews: Sequence[Crewing], rounds: int, seconds: float) -> Workers:
    """Recordings a minute, of the times at which items end.

    Args:
        recording: An MP4 file, copied as often as needed.
        crews: Engine and number of workers; what the first does is what the others are measured against.
        rounds: Scans of each kind, kinds in turn.
        seconds: Length of the recording; only told.
    """
    rates: dict[Crewing, list[float]] = {crew: [] for crew in crews}
    for _ in range(rounds):
        for engine, workers in crews:
            with TemporaryDirectory(prefix="unmask-workers-") as place:
                rates[engine, workers].append(_rate(recording, Path(place), engine, workers))
    about = (
        f"Scans of copies of the first {seconds:g} s of the clip, {_EACH + 1} for each worker, on the CPU: listing, "
        "sandbox, models, reports and their pages. The first recording of each worker, with starting and loading "
        "before it, is left out. One examination already uses more than one core: pictures and sound side by side, "
        "decoders with threads."
    )
    rows = tuple(
        Crew(
            way="local engine" if engine == "local" else "Ray",
            workers=workers,
            num_recordings=_num_copies(workers),
            per_minute=tuple(rates[engine, workers]),
        )
        for engine, workers in crews
    )
    return Workers(about=about, rows=rows)


def _num_copies(workers: int) -> int:
    return (_EACH + 1) * workers


def _rate(recording: Path, place: Path, engine: Engine, workers: int) -> float:
    evidence, out = place / "evidence", place / "out"
    evidence.mkdir()
    content = recording.read_bytes()
    for index in range(_num_copies(workers)):
        (evidence / f"{index:04d}.mp4").write_bytes(content + _FREE_BOX + index.to_bytes(8, "big"))
    ends = item_ends(evidence, out, engine, workers)
    if len(ends) != _num_copies(workers):
        raise RuntimeError(f"of {_num_copies(workers)} recordings {len(ends)} ended")
    return 60 * (len(ends) - workers) / (ends[-1] - ends[workers - 1])
