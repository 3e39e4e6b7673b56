"""Training batches of face crops: pairs of a bona fide picture and a spoof, each pair under one look.

A pair is an original with one of its fakes, with part of one blended in, or with its own blend; pictures without a
known original are paired by chance. All pictures of one batch have one size, drawn from several, because faces come
in all sizes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detect.crops import crop_face
from detect.errors import ConfigError
from detect.models import FaceSpec
from detect.types import Detection, Float32Array, UInt8Array
from training.face.augment import apply, draw_look
from training.face.blend import blend_fake, self_blend
from training.face.config import FaceTraining, face_spec
from training.face.prepare import Found, decode
from training.protocol import Members, Trial

WIDE_MARGIN = 1.0
"""Side of the square cut from wide pictures, in longer sides of the face box: room for the looks' own crops of about
0.8, which is what a scan takes."""
CROP_PX = 224
"""Side at which crops are kept: that of the DFDC crops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The pictures of one source: bona fide ones and the spoofs made of them."""

    bonafide: tuple[Trial, ...]
    spoof: tuple[Trial, ...]


class Pictures:
    """Reads pictures as crops of 224 px: tight ones as they are, wide ones cut as a scan cuts them."""

    def __init__(self, folder: Path, found: Found, tight: frozenset[str]) -> None:
        self._members = Members(folder)
        self._found, self._index, self._tight = found, found.index(), tight

    def usable(self, trial: Trial) -> bool:
        """Whether there is a face to cut out; tight crops always have one."""
        return self._is_tight(trial) or self._detection_row(trial) is not None

    def read(self, trial: Trial) -> tuple[UInt8Array, Float32Array | None]:
        """Crop (224, 224, 3) RGB and the landmarks in it, (5, 2) pixels or None."""
        picture = decode(self._members.read(trial.path), trial.path)
        row = self._detection_row(trial)
        landmarks = self._found.landmarks[row] if row is not None else None
        if self._is_tight(trial):
            scale = np.float32(CROP_PX / picture.shape[1])
            return _sized(picture), None if landmarks is None else landmarks * scale
        detection = self._found.detection(row) if row is not None else None
        if detection is None:
            raise ValueError(f"{trial.path} has no face: ask `usable` first")
        crop = crop_face(picture, detection, size_px=CROP_PX, margin=WIDE_MARGIN)
        return crop, None if landmarks is None else _within(landmarks, detection)

    def _is_tight(self, trial: Trial) -> bool:
        return trial.facts.get("dataset") in self._tight

    def _detection_row(self, trial: Trial) -> int | None:
        row = self._index.get(trial.path)
        return row if row is not None and not np.isnan(self._found.boxes[row, 0]) else None


def _sized(picture: UInt8Array) -> UInt8Array:
    if picture.shape[:2] == (CROP_PX, CROP_PX):
        return picture
    return np.asarray(cv2.resize(picture, (CROP_PX, CROP_PX), interpolation=cv2.INTER_CUBIC), np.uint8)


def _within(landmarks: Float32Array, detection: Detection) -> Float32Array:
    """Landmarks of a picture as pixels of the crop that `crop_face` cuts."""
    left, top, right, bottom = detection.box
    side = WIDE_MARGIN * max(right - left, bottom - top)
    corner = np.array([(left + right - side) / 2, (top + bottom - side) / 2])
    return np.asarray((landmarks - corner) * (CROP_PX / side), np.float32)


class PairBatches:
    """Batch k of a training: a pure function of the seed and k.

    Args:
        folder: The data set.
        trials: The training split.
        found: Faces of its pictures.
        config: What a batch is made of.
    """

    def __init__(self, folder: Path, trials: Sequence[Trial], found: Found, config: FaceTraining) -> None:
        self._pictures = Pictures(folder, found, frozenset(config.tight_datasets))
        self._config, self._spec = config, face_spec(config)
        self._shuffled: tuple[int, NDArray[np.int64]] | None = None
        usable = [trial for trial in trials if self._pictures.usable(trial)]
        self._paired, self._bonafide, self._spoof = _groups(usable)
        if not self._paired and not (self._bonafide and self._spoof):
            raise ConfigError(f"{folder}: the training split needs bona fide and spoofed pictures")

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Pictures (2 x pairs, 3, S, S) as the network takes them and labels (2 x pairs,), 1 = spoof."""
        batch = self._config.batch
        rng = np.random.default_rng((self._config.schedule.seed, step))
        size_px = int(rng.choice(batch.sizes_px, p=batch.size_shares))
        crops = np.empty((2 * batch.pairs, size_px, size_px, 3), np.uint8)
        for index in range(batch.pairs):
            bonafide, spoof = self._pair(step * batch.pairs + index, rng)
            look = draw_look(rng)
            crops[2 * index] = apply(look, bonafide, size_px)
            crops[2 * index + 1] = apply(look, spoof, size_px)
        return prepared(self._spec, crops), torch.arange(2 * batch.pairs) % 2

    def _pair(self, number: int, rng: np.random.Generator) -> tuple[UInt8Array, UInt8Array]:
        batch = self._config.batch
        unpaired = not self._paired or (bool(self._bonafide) and rng.random() < batch.unpaired_share)
        self_blended = rng.random() < batch.self_blended_share
        if unpaired:
            bonafide, landmarks = self._pictures.read(self._bonafide[int(rng.integers(len(self._bonafide)))])
            if self_blended or not self._spoof:
                return self_blend(bonafide, landmarks, rng)
            return bonafide, self._pictures.read(self._spoof[int(rng.integers(len(self._spoof)))])[0]
        group = self._paired[self._order(number)]
        bonafide, landmarks = self._pictures.read(group.bonafide[int(rng.integers(len(group.bonafide)))])
        if self_blended:
            return self_blend(bonafide, landmarks, rng)
        spoof, _ = self._pictures.read(group.spoof[int(rng.integers(len(group.spoof)))])
        if rng.random() < batch.blended_share:
            spoof = blend_fake(spoof, bonafide, landmarks, rng)
        return bonafide, spoof

    def _order(self, number: int) -> int:
        """Every group once an epoch, in an order of the epoch's own."""
        epoch, place = divmod(number, len(self._paired))
        if self._shuffled is None or self._shuffled[0] != epoch:
            order = np.random.default_rng((self._config.schedule.seed, 0, epoch)).permutation(len(self._paired))
            self._shuffled = (epoch, order)
        return int(self._shuffled[1][place])


def prepared(spec: FaceSpec, crops: UInt8Array) -> Tensor:
    """Crops (n, S, S, 3) as the network of `spec` takes them, for sides other than its own too."""
    return replace(spec, input=replace(spec.input, size_px=crops.shape[1])).prepare(crops)


def _groups(trials: Sequence[Trial]) -> tuple[list[Group], list[Trial], list[Trial]]:
    """Groups with both classes, and the bona fide and spoofed pictures without a counterpart."""
    by_group: defaultdict[str, tuple[list[Trial], list[Trial]]] = defaultdict(lambda: ([], []))
    for trial in trials:
        by_group[trial.group][trial.is_spoof].append(trial)
    paired = [Group(bonafide=tuple(b), spoof=tuple(s)) for b, s in by_group.values() if b and s]
    bonafide = [trial for b, s in by_group.values() if not s for trial in b]
    spoof = [trial for b, s in by_group.values() if not b for trial in s]
    return paired, bonafide, spoof
