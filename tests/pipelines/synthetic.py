"""What a child would say of a recording that does not exist: pictures of one level, 25 a second."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from detect.decoded import Media, SamplingPlan, Stream
from detect.report import StreamFacts
from detect.types import Frame


def synthetic_media(count: int) -> Media:
    plan = SamplingPlan(
        decoder="full",
        targets=tuple(Fraction(i, 25) for i in range(count)),
        interval=Fraction(1, 25),
        end=Fraction(count, 25),
    )
    stream = Stream(facts=StreamFacts(index=0, kind="video", codec="synthetic"), plan=plan)
    return Media(kind="video", container="synthetic", duration=Fraction(count, 25), streams=(stream,))


def synthetic_frame(index: int, height: int, width: int) -> Frame:
    pixels = np.full((height, width, 3), index % 256, np.uint8)
    return Frame(pixels=pixels, time=Fraction(index, 25), stream=0, index=index, pts=index, key_frame=index == 0)
