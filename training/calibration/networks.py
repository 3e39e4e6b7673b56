"""A checkpoint and nothing else: its spec, its digest, its logits. Calibration and measurements score with it.

`detect.engine` refuses a checkpoint whose filed calibration is for other weights; here the calibration is what is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from detect.errors import ConfigError
from detect.models import CATALOGUE, FaceSpec, Spec, VoiceSpec, load_model, spoof_logit
from detect.score import LOGIT_DECIMALS
from detect.types import Float32Array
from training.calibration.scores import Origin
from training.protocol import protocol_sha256
from weights import load_manifest, locate

_BATCH = 16
"""Inputs that go through a network together: `scoring.batch_size`'s default."""


class Network:
    """One checkpoint, ready to score.

    Args:
        spec: Says how inputs are prepared and which output is spoof.
        path: The weights.
        device: Where it runs.

    Raises:
        WeightsNotFound: there is no such file.
        WeightsMismatch: it does not fit the spec.
    """

    def __init__(self, spec: Spec, path: Path, device: str = "cpu") -> None:
        self.spec = spec
        self._device = torch.device(device)
        self._module = load_model(spec, path, self._device)
        with path.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        """Of the weights as loaded."""

    @property
    def name(self) -> str:
        """The checkpoint's name in the manifest."""
        return self.spec.name

    @property
    def face(self) -> FaceSpec:
        """The spec of a face checkpoint.

        Raises:
            ConfigError: it is a voice checkpoint.
        """
        if not isinstance(self.spec, FaceSpec):
            raise ConfigError(f"{self.name} is a {self.spec.modality} checkpoint, a face checkpoint is needed")
        return self.spec

    @property
    def voice(self) -> VoiceSpec:
        """The spec of a voice checkpoint.

        Raises:
            ConfigError: it is a face checkpoint.
        """
        if not isinstance(self.spec, VoiceSpec):
            raise ConfigError(f"{self.name} is a {self.spec.modality} checkpoint, a voice checkpoint is needed")
        return self.spec

    def origin(self, data: Path) -> Origin:
        """What a score file of this checkpoint on a data set is made with."""
        return Origin(checkpoint=self.name, weights_sha256=self.sha256, protocol_sha256=protocol_sha256(data))

    def logits(self, inputs: Iterable[NDArray[Any] | None]) -> Iterator[float | None]:
        """One spoof logit each, as `detect.score` rounds them; None stays None: there was nothing to score.

        Args:
            inputs: Face crops (S, S, 3) uint8 RGB, or voice windows (m,) float32 at the spec's rate.

        Raises:
            ValueError: the network gave a number that is not finite.
        """
        waiting: list[NDArray[Any] | None] = []
        for item in inputs:
            waiting.append(item)
            if len(waiting) == _BATCH:
                yield from self._scored(waiting)
                waiting = []
        yield from self._scored(waiting)

    def _scored(self, waiting: Sequence[NDArray[Any] | None]) -> Iterator[float | None]:
        present = [item for item in waiting if item is not None]
        scores = iter(self._batch(present).tolist() if present else ())
        for item in waiting:
            yield None if item is None else round(float(next(scores)), LOGIT_DECIMALS)

    def _batch(self, items: Sequence[NDArray[Any]]) -> Float32Array:
        tensor = self.spec.prepare(np.stack(items)) if isinstance(self.spec, FaceSpec) else self.spec.prepare(items)
        with torch.inference_mode():
            logits: Float32Array = spoof_logit(self._module(tensor.to(self._device)), self.spec).float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise ValueError(f"{self.name} returned a number that is not finite")
        return logits


def open_network(
    name: str, weights: Sequence[Path] | None = None, *, file: Path | None = None, device: str = "cpu"
) -> Network:
    """The checkpoint of that name.

    Args:
        name: As in the catalogue.
        weights: Folders searched before the usual places.
        file: Weights to take instead of those the manifest names, for a checkpoint that is not filed yet.
        device: Where it runs.

    Raises:
        ConfigError: there is no such name.
        WeightsNotFound: it is not on this machine.
        WeightsMismatch: it is not what the manifest says.
    """
    if name not in CATALOGUE:
        raise ConfigError(f"no model is named {name}; there are: {', '.join(sorted(CATALOGUE))}")
    path = file if file is not None else locate(load_manifest().checkpoint(name), weights)
    return Network(CATALOGUE[name], path, device)
