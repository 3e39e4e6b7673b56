"""How changes of pictures and sound become ways of laundering files, and points of one strength each a curve."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import av

from benchmarks.robustness import film, pictures, sound, stills, video
from benchmarks.robustness.laundering import Family, Kind, Laundering, Way
from benchmarks.robustness.video import Remake

CHOSEN = "typical; chosen here"
"""Source of parameters that nobody has published: what is common, to the judgement of this project."""


def on_video(remake: Remake) -> Mapping[Kind, Way]:
    """A way for videos alone."""
    return {Kind.VIDEO: partial(video.write_file, remake=remake)}


def on_pictures(change: pictures.Change) -> Mapping[Kind, Way]:
    """A change of pictures, still and moving; sound is copied."""
    return {
        Kind.PICTURE: partial(stills.write_file, change=change),
        Kind.VIDEO: partial(video.write_file, remake=Remake(codec=film.CARRIER, steps=(film.each(change),))),
    }


def on_sound(change: sound.Change) -> Mapping[Kind, Way]:
    """A change of sound, alone or of a video's; pictures are copied."""
    return {
        Kind.SOUND: partial(sound.write_file, change=change),
        Kind.VIDEO: partial(video.write_file, remake=Remake(sound=change)),
    }


def why_not(encoder: str) -> str:
    """Why an encoder cannot be used here; empty where it can."""
    try:
        av.Codec(encoder, "w")
    except ValueError:  # PyAV's UnknownCodecError
        return f"this FFmpeg has no encoder {encoder}"
    return ""


def curve(
    family: Family,
    series: str,
    unit: str,
    harsher: int,
    points: Mapping[str, tuple[float, Mapping[Kind, Way]]],
    source: str,
) -> list[Laundering]:
    """Launderings that differ in strength alone: name to strength and ways."""
    return [
        Laundering(
            name=name,
            family=family,
            series=series,
            strength=strength,
            unit=unit,
            harsher=harsher,
            ways=ways,
            source=source,
        )
        for name, (strength, ways) in points.items()
    ]
