"""Trials of face crops as a checkpoint's input.

A DFDC crop is the tight square that a HOG detector gave and goes in whole, made as large as the network wants. Crops of
head and shoulders (OpenForensics) go the program's own way: its detector finds the face, its code cuts it out.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from detect.config import Faces
from detect.crops import crop_face
from detect.faces import FaceDetector
from detect.models import FaceSpec
from detect.types import Detection, UInt8Array
from training.face.prepare import decode
from training.protocol import Members, Trial

TIGHT_DATASETS = frozenset({"dfdc"})
"""Whose crops hold a face and nothing else, so that there is nothing to find: the README of the crops says so."""

Change = Callable[[UInt8Array, np.random.Generator], UInt8Array]
"""(H, W, 3) uint8 RGB and a generator to another crop of that shape."""


class Crops:
    """Reads crops and finds the faces in them; pictures and boxes are kept, so that each is looked at once.

    Args:
        folder: The data set.
        tight: Data sets whose crops go in whole.
    """

    def __init__(self, folder: Path, tight: frozenset[str] = TIGHT_DATASETS) -> None:
        self._tight = tight
        self._members = Members(folder)
        self._detector: FaceDetector | None = None
        self._pictures: dict[str, UInt8Array] = {}
        self._faces: dict[str, Detection | None] = {}

    def picture(self, trial: Trial) -> UInt8Array:
        """The crop as it is, (H, W, 3) RGB."""
        if trial.path not in self._pictures:
            self._pictures[trial.path] = decode(self._members.read(trial.path), trial.path)
        return self._pictures[trial.path]

    def num_bytes(self, trial: Trial) -> int:
        """Size of the file."""
        return len(self._members.read(trial.path))

    def face(self, trial: Trial) -> Detection | None:
        """The largest face that the program finds; None where it finds none."""
        if trial.path not in self._faces:
            if self._detector is None:
                self._detector = FaceDetector(Faces())
            (found,) = self._detector.detect([self.picture(trial)])
            self._faces[trial.path] = max(found, key=lambda face: face.size_px, default=None)
        return self._faces[trial.path]

    def input(self, trial: Trial, spec: FaceSpec, change: Change | None = None, *, seed: str = "") -> UInt8Array | None:
        """What the network of `spec` sees, (S, S, 3) RGB; None where no face is found.

        Args:
            trial: Which crop.
            spec: Says how large.
            change: Done to the picture before the face is cut out. The face is looked for in the unchanged picture, so
                that a change is measured on the same faces.
            seed: Tells two changes of one crop apart.
        """
        picture = self.picture(trial)
        if change is not None:
            picture = change(picture, generator(trial, seed))
        side = spec.input.size_px
        if trial.facts.get("dataset") in self._tight:
            if picture.shape[:2] == (side, side):
                return picture
            way = cv2.INTER_AREA if picture.shape[0] > side else cv2.INTER_CUBIC
            return np.asarray(cv2.resize(picture, (side, side), interpolation=way), np.uint8)
        face = self.face(trial)
        if face is None:
            return None
        return crop_face(picture, face, size_px=side, margin=spec.input.margin)


def generator(trial: Trial, seed: str) -> np.random.Generator:
    """The same for the same trial and seed, whatever came before."""
    return np.random.default_rng(zlib.crc32(f"{seed} {trial.path}".encode()))
