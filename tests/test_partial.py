"""A few manipulated seconds in a longer recording stand out, where the mean over the recording would bury them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from detect.analyze import Analyzer
from detect.config import Config
from detect.types import Modality
from pipelines.sandbox import Sandbox

_RATE = 25
_PARTS = (
    ("bonafide/519.mp4", 0, 12),
    ("spoof/519_515_Deepfakes.mp4", 12, 16),
    ("bonafide/519.mp4", 16, 30),
)
"""File, first and last second: four seconds of a fake in the original it was made of."""


def _frames(path: Path, start: float, stop: float) -> Iterator[av.VideoFrame]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.time is not None
            if frame.time >= stop:
                return
            if frame.time >= start:
                yield frame


@pytest.fixture(scope="module")
def swapped(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("partial") / "swapped.mp4"
    number = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_RATE, options={"crf": "20"})
        for name, start, stop in _PARTS:
            for frame in _frames(shared / "media" / "ffpp_c23" / name, start, stop):
                if number == 0:
                    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
                picture = av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
                picture.pts, picture.time_base = number, Fraction(1, _RATE)
                number += 1
                container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.mark.shared
def test_four_swapped_seconds_of_thirty_are_the_highest_segment(swapped: Path) -> None:
    config = Config()
    with Sandbox() as sandbox:
        body = Analyzer(config, decoder=sandbox).examine(swapped).body
    llrs = {
        segment.span.start_seconds: segment.scores[0].llr
        for segment in body.segments
        if segment.modality is Modality.FACE and segment.scores[0].llr is not None
    }
    highest = max(llrs, key=llrs.__getitem__)
    assert highest == 12.0
    others = [llr for start, llr in llrs.items() if start != highest]
    assert llrs[highest] > max(others) + 2.0, "by more than the whole width of weak support"
    (face,) = (finding for finding in body.findings if finding.subject == "face")
    assert face.llr is not None
    assert face.llr > max(others), "and the recording's number follows it, not the mean"
