"""This program and what a user would write instead, run in turn on the same bytes in one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.throughput.contestants import (
    AS_MANY_FRAMES,
    EVERY_FRAME,
    OUR_FACES,
    OUR_SOUND,
    OURS,
    PLAIN_VOICE,
    Contestant,
    Facts,
    entry,
)
from benchmarks.throughput.document import Contest, Entry
from benchmarks.throughput.samples import alternate
from benchmarks.throughput.threads import torch_threads
from detect.config import Sampling

_OURS = (OURS, OUR_FACES, OUR_SOUND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Who is compared on what."""

    title: str
    names: Sequence[str]
    """This program first."""
    recording: Path
    about: str


def faces(recording: Path, seconds: float) -> Match:
    """Faces of the beginning of a recording."""
    sampling = Sampling()
    about = (
        f"The first {seconds:g} s of the clip for all, its sound included: looking at every frame takes longer with "
        f"each second, while unmask looks at {sampling.min_frames} frames of a short recording, and at one every "
        f"{sampling.max_interval_seconds:g} s of a long one. unmask decodes in its sandbox, follows faces, searches "
        "the sound for speech and makes its report with heat maps; the others read with `cv2.VideoCapture`, find faces "
        "with facenet-pytorch's `MTCNN` on frames of full size, and score each crop by itself with the same "
        "classifier."
    )
    names = (OUR_FACES, EVERY_FRAME, AS_MANY_FRAMES)
    return Match(title="Faces", names=names, recording=recording, about=about)


def voices(recording: Path) -> Match:
    """The sound of a recording, as a WAV file."""
    about = (
        "The sound of the clip as a WAV file for all, again and again until it lasts a minute. unmask decodes in its "
        f"sandbox, searches for speech and scores that; `{OURS}` is the same with digest, container and report, its "
        "spectrogram included. The other calls `librosa.load` at 16 kHz and scores all windows, speech or not, one by "
        "one with the same classifier."
    )
    return Match(title="Voices", names=(OUR_SOUND, OURS, PLAIN_VOICE), recording=recording, about=about)


def compete(match: Match, device: str, rounds: int, threads: int) -> Contest:
    """Run the programs of a match in turn, models loaded before; none of the rounds is the first.

    Args:
        match: Who, on what.
        device: Where the models run.
        rounds: Runs of each.
        threads: Of torch, for the others.
    """
    with ExitStack() as stack:
        works: dict[str, Callable[[], Facts]] = {}
        for name in match.names:
            contestant = entry(name)(device)
            stack.callback(contestant.close)
            # This program gives each computation one thread, whoever else runs in its process: results stay the same.
            own = name in _OURS
            works[name] = partial(_run, contestant, match.recording, None if own else threads)
        for name, work in works.items():
            if name != EVERY_FRAME:  # as the one with fewer frames, and many times as long: that one wakes it up too
                work()
        seconds, facts = alternate(works, rounds)
    rows = tuple(Entry(name=name, seconds=seconds[name], facts=dict(facts[name])) for name in works)
    about = f"{match.about} Where nobody says otherwise torch works with {threads} threads here; so do the others."
    return Contest(title=match.title, device=device, about=about, rows=rows)


def _run(contestant: Contestant, recording: Path, threads: int | None) -> Facts:
    with torch_threads(threads) if threads is not None else nullcontext():
        return contestant.run(recording)
