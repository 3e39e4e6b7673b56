"""A checkpoint of which everything is known: its scores, its gradient, the threshold at which it flags."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.robustness.pgd import Levels, Target, as_arrays, descend
from detect.calibrate import Calibration, Level
from detect.config import Scoring
from detect.errors import ConfigError
from detect.models import CATALOGUE, FaceSpec, Spec, VoiceSpec, load_model, spoof_logit
from weights import load_manifest, locate

_Item = TypeVar("_Item")
_BATCH = 8
"""Inputs attacked together; gradients of AASIST for more do not fit into a small machine's memory."""


class WhiteBox:
    """A checkpoint that can be scored with and whose gradient can be followed.

    Args:
        name: As in the catalogue.
        shared: Holds `weights/upstream/` where upstream checkpoints have been copied.
        device: Where it runs.

    Raises:
        ConfigError: there is no such name.
        WeightsNotFound: it is not on this machine.
    """

    def __init__(self, name: str, shared: Path, device: str = "cpu") -> None:
        if name not in CATALOGUE:
            raise ConfigError(f"no model is named {name}; there are: {', '.join(sorted(CATALOGUE))}")
        self.spec: Spec = CATALOGUE[name]
        self._manifest = load_manifest()
        self._checkpoint = self._manifest.checkpoint(name)
        path = locate(self._checkpoint, [shared / "weights" / "upstream"])
        with path.open("rb") as file:
            self.weights_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.device = torch.device(device)
        self._module: nn.Module = load_model(self.spec, path, self.device)

    def logits_of(self, prepared: Tensor) -> Tensor:
        """Spoof logits (n,) of prepared inputs."""
        return spoof_logit(self._module(prepared), self.spec)

    def scores(self, inputs: Sequence[Levels]) -> list[float]:
        """Spoof logits of crops or windows as files would hold them; those of another size are fitted first."""
        scores: list[float] = []
        for batch in _batches([self._fitting(one) for one in inputs]):
            arrays = as_arrays(self.spec, batch)
            if isinstance(self.spec, FaceSpec):
                prepared = self.spec.prepare(np.stack(arrays).astype(np.uint8))
            else:
                prepared = self.spec.prepare([one.astype(np.float32) for one in arrays])
            with torch.inference_mode():
                scores += self.logits_of(prepared.to(self.device)).float().cpu().tolist()
        return scores

    def _fitting(self, levels: Levels) -> Levels:
        """A crop made as large as this network wants; of a window as much as it takes."""
        if isinstance(self.spec, VoiceSpec):
            return levels[: self.spec.input.num_samples]
        side = self.spec.input.size_px
        if levels.shape[0] == side:
            return levels
        way = cv2.INTER_AREA if levels.shape[0] > side else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(levels.astype(np.uint8), (side, side), interpolation=way), np.int32)

    def perturbed(self, targets: Sequence[Target], steps: int) -> list[Levels]:
        """Inputs changed by following this network's gradient."""
        found: list[Levels] = []
        for batch in _batches(targets):
            found += descend(self.logits_of, self.spec, batch, steps=steps, device=self.device)
        return found

    def flag(self, clean: Sequence[tuple[float, bool]]) -> tuple[float | None, Literal["calibration", "clean EER"]]:
        """From which logit on it flags, and what says so: its filed calibration, or equal errors on clean trials."""
        path = self._manifest.calibration_path(self._checkpoint)
        if path is None:
            return _equal_error_threshold(clean), "clean EER"
        window = Calibration.load(path, self._checkpoint.sha256).maps[Level.WINDOW]
        flag = Scoring().flag_llr
        return (None if window.upper < flag else (flag - window.b) / window.a), "calibration"


def _equal_error_threshold(clean: Sequence[tuple[float, bool]]) -> float:
    scores, spoof = np.array([score for score, _ in clean]), np.array([is_spoof for _, is_spoof in clean])
    thresholds = np.unique(scores)
    gaps = [abs(np.mean(scores[~spoof] >= one) - np.mean(scores[spoof] < one)) for one in thresholds]
    return float(thresholds[int(np.argmin(gaps))])


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
