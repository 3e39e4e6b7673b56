"""Logits of every checkpoint on the trials of a split: from its score file, or from the network where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from benchmarks.bootstrap import Scored
from detect.calibrate import AffineMap, Calibration, Level
from detect.models import CATALOGUE
from detect.types import Modality
from training.calibration import face, voice
from training.calibration.crops import Crops
from training.calibration.maps import fit_map
from training.calibration.networks import Network, open_network
from training.calibration.scores import LAUNDERED, PLAIN, Scores
from training.calibration.utterances import Utterances
from training.protocol import Trial, read_protocol
from weights import load_manifest

FOLDERS = {Modality.FACE: "faces", Modality.VOICE: "voice"}
"""Data set of each modality in the folder of the development data."""


class Scorer:
    """Scores trials, and keeps what it has read.

    Args:
        shared: Holds `faces/`, `voice/`, and `weights/upstream/` where the upstream checkpoints have been copied.
        folder: Where the score files lie.
    """

    def __init__(self, shared: Path, folder: Path) -> None:
        self.shared, self._folder = shared, folder
        self._networks: dict[str, Network] = {}
        self._maps: dict[str, AffineMap] = {}

    @cached_property
    def crops(self) -> Crops:
        """The pictures."""
        return Crops(self.shared / FOLDERS[Modality.FACE])

    @cached_property
    def utterances(self) -> Utterances:
        """The sound."""
        return Utterances(self.shared / FOLDERS[Modality.VOICE])

    @cached_property
    def _protocols(self) -> dict[Modality, list[Trial]]:
        return {modality: read_protocol(self.shared / folder) for modality, folder in FOLDERS.items()}

    def trials(self, modality: Modality, split: str) -> list[Trial]:
        """The rows of a split."""
        return [trial for trial in self._protocols[modality] if trial.split == split]

    def network(self, name: str) -> Network:
        """The checkpoint of that name, opened once."""
        if name not in self._networks:
            self._networks[name] = open_network(name, [self.shared / "weights" / "upstream"])
        return self._networks[name]

    def scores(self, name: str, split: str, conditions: Sequence[str]) -> Scores:
        """Logits of one checkpoint on one split in the named conditions."""
        modality, network = CATALOGUE[name].modality, self.network(name)
        folder = FOLDERS[modality]
        origin = network.origin(self.shared / folder)
        path, trials = self._folder / f"{folder}-{split}.{name}.csv", self.trials(modality, split)
        if modality is Modality.FACE:
            return face.condition_scores(path, origin, network, self.crops, trials, conditions)
        launderings = voice.all_launderings(self._protocols[modality], self.utterances)
        return voice.condition_scores(path, origin, network, self.utterances, trials, launderings, conditions)

    def window_map(self, name: str) -> AffineMap:
        """From logit to LLR: as filed, or fitted on `val` in the way the filed ones are, on fewer laundered copies."""
        if name not in self._maps:
            filed = self.filed(name)
            self._maps[name] = filed.maps[Level.WINDOW] if filed is not None else self._fitted(name)
        return self._maps[name]

    def filed(self, name: str) -> Calibration | None:
        """The calibration filed with a checkpoint; None where there is none."""
        manifest = load_manifest()
        path = manifest.calibration_path(manifest.checkpoint(name))
        return None if path is None else Calibration.load(path, manifest.checkpoint(name).sha256)

    def _fitted(self, name: str) -> AffineMap:
        modality = CATALOGUE[name].modality
        scores, trials = self.scores(name, "val", (PLAIN, LAUNDERED)), self.trials(modality, "val")
        label = face.labelled_windows if modality is Modality.FACE else voice.labelled_windows
        return fit_map(label(scores, trials))

    def logits(self, name: str, split: str, condition: str, trials: Sequence[Trial]) -> list[tuple[Trial, float]]:
        """Logits of those trials that were scored.

        Separation is measured on these: an LLR is cut at its bounds, and what is equal there was not.
        """
        return list(zip(*self.scores(name, split, (condition,)).of(trials, condition), strict=True))


def names(modality: Modality) -> list[str]:
    """The project's own checkpoints first, then those of others, as the manifest lists them."""
    checkpoints = [one for one in load_manifest().checkpoints if one.modality == modality and one.name in CATALOGUE]
    return [one.name for one in sorted(checkpoints, key=lambda one: one.kind != "default")]


def own(modality: Modality) -> list[str]:
    """The project's own checkpoints."""
    manifest = load_manifest()
    return [name for name in names(modality) if manifest.checkpoint(name).kind == "default"]


def as_scored(pairs: Sequence[tuple[Trial, float]]) -> list[Scored]:
    """Trials with scores, as metrics and intervals take them."""
    return [Scored(score=score, is_spoof=trial.is_spoof, group=trial.group) for trial, score in pairs]
