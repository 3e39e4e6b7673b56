"""This program and what a user would write instead, run in turn on the same bytes in one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
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
_TRIALS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Who is compared on what."""

    title: str
    names: Sequence[str]
    """This program first."""
    recording: Path
    trial: Path
    """What the others choose their number of threads on."""
    about: str


def faces(recording: Path, trial: Path, seconds: float) -> Match:
    """Faces of the beginning of a recording, and of a still shorter one."""
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
    return Match(title="Faces", names=names, recording=recording, trial=trial, about=about)


def voices(recording: Path) -> Match:
    """The sound of a recording, as a WAV file."""
    about = (
        "The sound of the clip as a WAV file for all, again and again until it lasts a minute. unmask decodes in its "
        f"sandbox, searches for speech and scores that; `{OURS}` is the same with digest, container and report, its "
        "spectrogram included. The other calls `librosa.load` at 16 kHz and scores all windows, speech or not, one by "
        "one with the same classifier."
    )
    return Match(
        title="Voices", names=(OUR_SOUND, OURS, PLAIN_VOICE), recording=recording, trial=recording, about=about
    )


def compete(match: Match, device: str, rounds: int, threads: int) -> Contest:
    """Run the programs of a match in turn, models loaded before; none of the rounds is the first.

    Args:
        match: Who, on what.
        device: Where the models run.
        rounds: Runs of each.
        threads: What torch takes where nobody says how many.
    """
    with ExitStack() as stack:
        works: dict[str, Callable[[], Facts]] = {}
        for name in match.names:
            contestant = entry(name)(device)
            stack.callback(contestant.close)
            if name in _OURS:
                contestant.run(match.recording)
                works[name] = partial(contestant.run, match.recording)
            else:
                chosen = _faster(contestant, match.trial, threads)
                works[name] = partial(_with_threads, contestant, match.recording, chosen)
        seconds, facts = alternate(works, rounds)
    rows = tuple(Entry(name=name, seconds=seconds[name], facts=dict(facts[name])) for name in works)
    about = (
        f"{match.about} unmask gives each computation of torch one thread, and computes several side by side; each of "
        f"the others has one thread or {threads}, as torch comes here, whichever was faster in a trial before."
    )
    return Contest(title=match.title, device=device, about=about, rows=rows)


def _faster(contestant: Contestant, trial: Path, threads: int) -> int:
    """The number of threads, one or as torch comes, with which a program is faster: two runs of each, after one more.

    Threads that wait for each other are slow on small networks, and very slow where other programs want the CPUs.
    """
    contestant.run(trial)
    works = {str(count): partial(_with_threads, contestant, trial, count) for count in (1, threads)}
    seconds, _ = alternate(works, _TRIALS)
    return int(min(works, key=lambda count: min(seconds[count])))


def _with_threads(contestant: Contestant, recording: Path, threads: int) -> Facts:
    with torch_threads(threads):
        return {**contestant.run(recording), "threads of torch": threads}
