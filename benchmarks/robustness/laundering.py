"""One way in which a file is changed before it is examined: what it is called, how strong it is, what it applies to."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import av
import numpy as np
from PIL import Image, UnidentifiedImageError

from benchmarks.trials import Unit
from detect.errors import ConfigError


class Kind(StrEnum):
    """What a file is, as far as laundering goes."""

    PICTURE = "picture"
    SOUND = "sound"
    VIDEO = "video"


KIND_OF_UNIT = {Unit.RECORDING: Kind.VIDEO, Unit.UTTERANCE: Kind.SOUND, Unit.FRAME: Kind.PICTURE}
"""What the files of trials are expected to be."""


class Family(StrEnum):
    """Launderings whose results belong into one plot."""

    VIDEO_CODEC = "video codec"
    IMAGE_CODEC = "image codec"
    RESIZE = "resize"
    FRAME_RATE = "frame rate"
    BLUR = "blur"
    PICTURE_NOISE = "picture noise"
    AUDIO_CODEC = "audio codec"
    TRANSPORT = "transport"
    SOUND_NOISE = "sound noise"
    REVERBERATION = "reverberation"
    RERECORDING = "re-recording"
    PLATFORM = "platform"


Way = Callable[[Path, Path, np.random.Generator], Path]
"""Source, target without its suffix and a generator to the path written: the target with the suffix that fits.

Raises `ConfigError` where the source cannot be decoded, or what it holds cannot be carried over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laundering:
    """One way, for all kinds of files it applies to."""

    name: str
    """On the command line and in `RunRecord.condition`."""
    family: Family
    series: str
    """The curve it is a point of: within a family, points of one series differ in strength alone."""
    strength: float | None
    """The point's place on its curve; None where there is no curve."""
    unit: str
    """Of the strength; empty where there is none."""
    harsher: int
    """1 where a larger strength is harsher, -1 where a smaller one is; 0 without a strength."""
    ways: Mapping[Kind, Way]
    source: str
    """Where its parameters come from."""
    missing: str = ""
    """Why it cannot be done on this machine; empty where it can."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """What it applies to."""
        return frozenset(self.ways)

    def apply(self, source: Path, folder: Path, seed: int) -> Path:
        """Write a laundered copy: the same bytes of pixels and samples for the same source and seed.

        Args:
            source: A recording, an utterance or a picture.
            folder: Where the copy goes, as `STEM.NAME.SUFFIX`; made where it is not there.
            seed: Of everything that is drawn.

        Returns:
            The copy. There is none where this raises.

        Raises:
            ConfigError: it is not available here, does not apply to this kind of file, or the file cannot be decoded.
        """
        if self.missing:
            raise ConfigError(f"{self.name} is not available: {self.missing}")
        kind = kind_of(source)
        if kind not in self.ways:
            raise ConfigError(f"{self.name} does not apply to a {kind}: {source.name}")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as beside:
            written = self.ways[kind](source, Path(beside) / f"{source.stem}.{self.name}", np.random.default_rng(seed))
            return written.replace(folder / written.name)


def kind_of(path: Path) -> Kind:
    """What a file is, by its content.

    Raises:
        ConfigError: neither a picture nor anything that holds pictures or sound.
    """
    try:
        with Image.open(path):
            return Kind.PICTURE
    except UnidentifiedImageError:
        pass
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        with av.open(str(path)) as container:
            if moving_pictures(container):
                return Kind.VIDEO
            if container.streams.audio:
                return Kind.SOUND
    except av.error.FFmpegError as error:
        raise ConfigError(f"{path} is no picture, sound or video: {error}") from error
    raise ConfigError(f"{path} holds neither pictures nor sound")


def moving_pictures(container: av.container.InputContainer) -> list[int]:
    """Indices of the streams of pictures, covers left aside."""
    covers = av.stream.Disposition.attached_pic
    return [stream.index for stream in container.streams.video if not stream.disposition & covers]
