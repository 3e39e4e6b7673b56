"""Find the face in every picture of a data set once: boxes and landmarks, kept in one file beside the training run.

Pictures whose face fills them (a detector's tight crop) are framed anew: padded by reflection, so that the project's
own detector sees a whole face. What is found serves two ends: pictures with more than a face are cropped as a scan
would crop them, and blended pairs need to know where eyes and mouth are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from detect.config import Faces
from detect.errors import ConfigError
from detect.faces import FaceDetector
from detect.types import Detection, Float32Array, UInt8Array
from training.protocol import Members, Trial

_FRAME = 0.25
"""Reflected border, in sides of the picture, around pictures that are already tight crops: with it the detector finds
195 of 200 DFDC crops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The largest face of each picture."""

    paths: tuple[str, ...]
    boxes: Float32Array
    """(n, 4) left, top, right, bottom in pixels of the picture; NaN where no face was found."""
    landmarks: Float32Array
    """(n, 5, 2) left eye, right eye, nose, left and right mouth corner; NaN where no face was found."""

    def index(self) -> dict[str, int]:
        """Row of each path."""
        return {path: row for row, path in enumerate(self.paths)}

    def detection(self, row: int) -> Detection | None:
        """The face as the detector gave it, None where it found none."""
        if np.isnan(self.boxes[row, 0]):
            return None
        left, top, right, bottom = (float(value) for value in self.boxes[row])
        return Detection(box=(left, top, right, bottom), landmarks=self.landmarks[row], probability=1.0)


def wanted(trials: Iterable[Trial], tight: frozenset[str]) -> list[Trial]:
    """Pictures that need a face found: all wide ones, and of tight ones the bona fide that may be blended."""
    return [
        trial
        for trial in trials
        if trial.split in ("train", "val", "test")
        and (trial.facts.get("dataset") not in tight or (trial.split != "test" and not trial.is_spoof))
    ]


def find_faces(folder: Path, trials: Iterable[Trial], *, tight: frozenset[str]) -> Found:
    """Run the project's detector over pictures.

    Args:
        folder: The data set.
        trials: Its pictures.
        tight: Data sets (column `dataset`) whose pictures are tight crops already.
    """
    detector = FaceDetector(Faces())
    paths, boxes, landmarks = [], [], []
    with Members(folder) as members:
        for trial in track(list(trials), "finding faces", console=Console(stderr=True)):
            picture = decode(members.read(trial.path), trial.path)
            border = round(_FRAME * picture.shape[1]) if trial.facts.get("dataset") in tight else 0
            framed = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REFLECT_101)
            faces = detector.detect([np.asarray(framed, np.uint8)])[0]
            paths.append(trial.path)
            boxes.append(np.asarray(faces[0].box, np.float32) - border if faces else np.full(4, np.nan, np.float32))
            landmarks.append(faces[0].landmarks - border if faces else np.full((5, 2), np.nan, np.float32))
    return Found(
        paths=tuple(paths),
        boxes=np.asarray(boxes, np.float32).reshape(-1, 4),
        landmarks=np.asarray(landmarks, np.float32).reshape(-1, 5, 2),
    )


def save(found: Found, path: Path) -> None:
    """Write what was found."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, paths=np.asarray(found.paths), boxes=found.boxes, landmarks=found.landmarks)


def load(path: Path) -> Found:
    """Read what was found.

    Raises:
        ConfigError: it is not there.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: not there; run `python -m training face prepare` first")
    with np.load(path) as stored:
        return Found(
            paths=tuple(str(name) for name in stored["paths"]), boxes=stored["boxes"], landmarks=stored["landmarks"]
        )


def decode(data: bytes, name: str) -> UInt8Array:
    """A JPEG or PNG picture as (H, W, 3) uint8 RGB.

    Raises:
        ConfigError: the bytes are no picture.
    """
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ConfigError(f"{name}: not a picture")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def use_one_thread() -> None:
    """Pictures are small: more threads only wait for each other."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
