"""The programs that are compared, by name, and how one is opened: in this process and in fresh ones the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol

Facts = Mapping[str, int]
"""What a run gave: `frames decoded`, `faces found`, `windows scored`, ..."""


class Contestant(Protocol):
    """A program that has loaded its models."""

    def run(self, recording: Path) -> Facts:
        """Examine one recording."""
        ...

    def close(self) -> None:
        """End what it started."""
        ...


OURS, OUR_FACES, OUR_SOUND = "unmask", "unmask, voices switched off", "unmask: decode, find speech, score"
EVERY_FRAME = "OpenCV, MTCNN on every frame"
AS_MANY_FRAMES = "OpenCV, MTCNN on as many frames as unmask looks at"
PLAIN_VOICE = "librosa"

_ENTRIES = {
    OURS: ("benchmarks.throughput.ours", "whole"),
    OUR_FACES: ("benchmarks.throughput.ours", "faces"),
    OUR_SOUND: ("benchmarks.throughput.ours", "sound"),
    EVERY_FRAME: ("benchmarks.throughput.plain_faces", "every_frame"),
    AS_MANY_FRAMES: ("benchmarks.throughput.plain_faces", "as_many_frames"),
    PLAIN_VOICE: ("benchmarks.throughput.plain_voice", "whole_sound"),
}
"""Module and function of each. A name is resolved when it is asked for: what a program imports is part of its time and
memory, and of no other's."""


def entry(name: str) -> Callable[[str], Contestant]:
    """Import a program; what is returned opens it on a device: `cpu`, `cuda` or `cuda:N`."""
    module, function = _ENTRIES[name]
    found: Callable[[str], Contestant] = getattr(import_module(module), function)
    return found
