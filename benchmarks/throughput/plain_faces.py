"""Faces as a user would score them with what is at hand: OpenCV reads, facenet-pytorch's MTCNN finds, one crop a call.

The classifier is this program's own, with the same weights and the same preparation: what differs is how frames are
read, which are looked at, how faces are found, and that there is no report.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from facenet_pytorch import MTCNN
from numpy.typing import NDArray

from benchmarks.throughput.contestants import Facts
from detect.checkpoints import choose
from detect.config import Config, Faces, Sampling
from detect.errors import ConfigError
from detect.models import FaceSpec, load_model, spoof_logit
from detect.types import Modality, UInt8Array


class PlainFaces:
    """Scores the faces of recordings.

    Args:
        device: Where detector and classifier run.
        most_frames: Frames that are looked at, evenly over the recording; None: every one.
    """

    def __init__(self, device: str, *, most_frames: int | None) -> None:
        model = choose(Config()).models[Modality.FACE][0]
        if not isinstance(model.spec, FaceSpec):
            raise TypeError(f"{model.spec.name} looks at no faces")
        self._spec, self._device, self._most_frames = model.spec, torch.device(device), most_frames
        self._classifier = load_model(model.spec, model.path, self._device)
        # As it comes, but for more than one face a frame: faces from 20 px, on the frame at its full size.
        self._detector = MTCNN(keep_all=True, device=self._device)

    def run(self, recording: Path) -> Facts:
        """Score every face of the frames that are looked at."""
        num_decoded = num_looked = num_found = num_scored = 0
        for frame in self._frames(recording):
            num_decoded += 1
            if frame is None:
                continue
            num_looked += 1
            for box in self.find(frame):
                num_found += 1
                num_scored += bool(np.isfinite(self.score(self.crop(frame, box))))
        return {
            "frames decoded": num_decoded,
            "frames looked at": num_looked,
            "faces found": num_found,
            "faces scored": num_scored,
        }

    def close(self) -> None:
        """Nothing was started."""

    def find(self, frame: UInt8Array) -> list[NDArray[np.float64]]:
        """Boxes (4,), pixels, of the faces in an (H, W, 3) RGB frame that MTCNN is as sure of as this program asks."""
        boxes, probabilities = self._detector.detect(frame)
        if boxes is None:
            return []
        least = Faces().min_probability
        return [
            np.asarray(box, np.float64) for box, sure in zip(boxes, probabilities, strict=True) if float(sure) >= least
        ]

    def crop(self, frame: UInt8Array, box: NDArray[np.float64]) -> UInt8Array:
        """A square (S, S, 3) around a box (4,) with the classifier's margin; the frame's edge is repeated outside."""
        left, top, right, bottom = box
        side = max(1, round(self._spec.input.margin * max(right - left, bottom - top)))
        x, y = round((left + right - side) / 2), round((top + bottom - side) / 2)
        height, width = frame.shape[:2]
        inside = frame[max(y, 0) : max(y + side, 1), max(x, 0) : max(x + side, 1)]
        square = cv2.copyMakeBorder(
            inside,
            max(-y, 0),
            max(y + side - height, 0),
            max(-x, 0),
            max(x + side - width, 0),
            cv2.BORDER_REPLICATE,
        )
        size = (self._spec.input.size_px,) * 2
        return np.asarray(cv2.resize(square, size, interpolation=cv2.INTER_AREA), np.uint8)

    def score(self, crop: UInt8Array) -> float:
        """Spoof logit of one (S, S, 3) RGB crop."""
        with torch.inference_mode():
            output = self._classifier(self._spec.prepare(crop[None]).to(self._device))
            return float(spoof_logit(output, self._spec)[0])

    def _frames(self, recording: Path) -> Iterator[UInt8Array | None]:
        """Every frame in turn, (H, W, 3) RGB; None for one that is decoded and passed over.

        Raises:
            ConfigError: OpenCV cannot open it.
        """
        capture = cv2.VideoCapture(str(recording))
        try:
            if not capture.isOpened():
                raise ConfigError(f"OpenCV cannot read {recording}")
            wanted = self._wanted(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
            number = 0
            # `grab` decodes and does not convert: quicker than seeking, which decodes anew from the last key frame.
            while capture.grab():
                if wanted is None or number in wanted:
                    taken, frame = capture.retrieve()
                    if taken:
                        yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
                else:
                    yield None
                number += 1
        finally:
            capture.release()

    def _wanted(self, num_frames: int) -> frozenset[int] | None:
        """Numbers of the frames that are looked at; None: all."""
        if self._most_frames is None or num_frames <= self._most_frames:
            return None
        count = self._most_frames
        return frozenset((2 * index + 1) * num_frames // (2 * count) for index in range(count))


def every_frame(device: str) -> PlainFaces:
    """Looks at every frame."""
    return PlainFaces(device, most_frames=None)


def as_many_frames(device: str) -> PlainFaces:
    """Looks at as many frames as this program does in a recording of up to a minute."""
    return PlainFaces(device, most_frames=Sampling().min_frames)
