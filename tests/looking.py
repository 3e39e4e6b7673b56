"""Surveys a file and reads the frames of its pictures, the way an examination does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detect.config import Config
from detect.decoded import Media, SamplingPlan, Stream, VideoOutcome
from detect.errors import InputError
from detect.media import survey
from detect.types import CaveatKind, DefectKind, Frame
from detect.video import read_frames
from tests.recipes import read_number


@dataclass
class Look:
    """What came out."""

    media: Media
    stream: Stream
    frames: list[Frame]
    outcome: VideoOutcome
    repeated: bool
    """Whether several threads gave up in favour of one."""

    @property
    def plan(self) -> SamplingPlan:
        assert self.stream.plan is not None
        return self.stream.plan

    @property
    def numbers(self) -> list[int | None]:
        """Bar codes of the frames."""
        return [read_number(frame.pixels) for frame in self.frames]

    @property
    def times(self) -> list[float]:
        """Seconds."""
        return [float(frame.time) for frame in self.frames]

    @property
    def defects(self) -> dict[DefectKind, int | None]:
        """All damage, by kind."""
        return {entry.kind: entry.count for entry in (*self.media.defects, *self.outcome.defects)}

    @property
    def caveats(self) -> set[CaveatKind]:
        """All that a reader should know."""
        return {entry.kind for entry in (*self.media.caveats, *self.outcome.caveats)}


def surveyed(path: Path, **sections: dict[str, Any]) -> Media:
    """Survey a file; `sections` are settings, as in `sampling={"min_frames": 8}`."""
    with path.open("rb") as file:
        return survey(file, Config.model_validate(sections))


def refused(path: Path, **sections: dict[str, Any]) -> InputError:
    """The error by which a file is refused, when it is surveyed or when its first pictures are read."""
    try:
        media = surveyed(path, **sections)
        if any(stream.plan is not None for stream in media.streams):
            look(path)
    except InputError as error:
        return error
    raise AssertionError(f"{path.name} was not refused")


def look(path: Path, stream: int | None = None, *, num_threads: int = 1, **sections: dict[str, Any]) -> Look:
    """Survey a file and read the planned frames of one stream, by default the first that has a plan."""
    config = Config.model_validate(sections)
    with path.open("rb") as file:
        media = survey(file, config)
        chosen = next(s for s in media.streams if s.plan is not None and stream in (None, s.facts.index))
        repeated = False
        while True:
            *frames, outcome = list(read_frames(file, media, chosen.facts.index, config, num_threads=num_threads))
            assert isinstance(outcome, VideoOutcome)
            if not outcome.repeat_on_one_thread:
                break
            assert num_threads != 1
            num_threads, repeated = 1, True
    kept = [frame for frame in frames if isinstance(frame, Frame)]
    assert len(kept) == len(frames)
    return Look(media, chosen, kept, outcome, repeated)
