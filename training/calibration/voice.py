"""Fit the calibration of a voice checkpoint on the validation utterances, and write it beside the checkpoint."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from training.calibration.cost import FloatArray
from training.calibration.fit import Material, fit_calibration, write_calibration
from training.calibration.maps import Labelled
from training.calibration.networks import Network, open_network
from training.calibration.scores import LAUNDERED, PLAIN, Origin, Scores, collect
from training.calibration.simulate import Pool
from training.calibration.utterances import Utterances
from training.protocol import Trial, read_protocol
from training.voice.launder import LAUNDERINGS, Laundering, babble_10db
from weights.manifest import PACKAGE_FOLDER

COMMAND = "python -m training voice calibrate"
_DATA = (
    "the validation split of the utterances: half of the weight as they are, half after "
    f"{', '.join(sorted(LAUNDERINGS))} and babble_10db; streams and recordings are simulated from them"
)
_BABBLE_VOICES = 40
"""Bona fide utterances of the training split, the first of the protocol, that talk in the background."""


def calibrate_voice(
    data: Path,
    folder: Path,
    checkpoint_name: str,
    *,
    file: Path | None = None,
    weights: Sequence[Path] | None = None,
    out: Path = PACKAGE_FOLDER,
) -> Path:
    """Fit window, subject and modality maps and pooling on `val`, print what they achieve, and write them.

    Args:
        data: The data set, a folder with `protocol.csv`.
        folder: Keeps the score files, so that a second run is quick.
        checkpoint_name: As in the catalogue.
        file: Weights to take instead of those the manifest names.
        weights: Folders searched for checkpoints before the usual places.
        out: Where the calibration goes.

    Returns:
        The calibration's file, `NAME.calibration.json`.
    """
    network = open_network(checkpoint_name, weights, file=file)
    calibration = fit_calibration(
        voice_material(data, folder, network), checkpoint_sha256=network.sha256, description=_DATA, command=COMMAND
    )
    return write_calibration(calibration, out / f"{checkpoint_name}.calibration.json")


def voice_material(data: Path, folder: Path, network: Network) -> Material:
    """Logits of the validation utterances, from a score file in `folder` where it is there."""
    protocol = read_protocol(data)
    trials = [trial for trial in protocol if trial.split == "val"]
    utterances = Utterances(data)
    origin = network.origin(data)
    launderings = all_launderings(protocol, utterances)
    path = folder / f"voice-val.{network.name}.csv"
    scores = condition_scores(path, origin, network, utterances, trials, launderings, (PLAIN, *launderings))
    return Material(windows=labelled_windows(scores, trials), pools=_pools(scores, trials))


def all_launderings(protocol: Sequence[Trial], utterances: Utterances) -> Mapping[str, Laundering]:
    """Every laundering, babble by voices of the training split among them."""
    voices = [trial for trial in protocol if trial.split == "train" and not trial.is_spoof][:_BABBLE_VOICES]
    return {**LAUNDERINGS, "babble_10db": babble_10db([utterances.waveform(trial) for trial in voices])}


def condition_scores(
    path: Path,
    origin: Origin,
    network: Network,
    utterances: Utterances,
    trials: Sequence[Trial],
    launderings: Mapping[str, Laundering],
    names: Sequence[str],
) -> Scores:
    """Logits of utterances in the named conditions: plain, a laundering, or the one drawn for each group."""

    def scored(name: str) -> list[float | None]:
        def change(trial: Trial) -> Laundering | None:
            return launderings.get(_laundering_of(trial.group, launderings) if name == LAUNDERED else name)

        return list(
            network.logits(utterances.input(trial, network.voice, change(trial), seed=name) for trial in trials)
        )

    conditions = {name: partial(scored, name) for name in names}
    return collect(path, origin, trials, conditions, announce=lambda text: Console(stderr=True).print(text))


def labelled_windows(scores: Scores, trials: Sequence[Trial]) -> Labelled:
    """Clear and laundered together: half of the weight is clear, the other shared among the launderings."""
    laundered = [name for name in scores.logits if name != PLAIN]
    kept: list[Trial] = []
    logits: list[float] = []
    weights: list[float] = []
    for condition in scores.logits:
        scored, values = scores.of(trials, condition)
        kept, logits = kept + scored, logits + values
        share = 1.0 if condition == PLAIN else 1 / max(len(laundered), 1)
        weights += [share / len(scored)] * len(scored)
    return Labelled(
        logits=np.array(logits),
        is_spoof=np.array([trial.is_spoof for trial in kept]),
        weights=np.array(weights),
        num_bonafide=len({trial.group for trial in kept if not trial.is_spoof}),
        num_spoof=len({trial.group for trial in kept if trial.is_spoof}),
    )


def _laundering_of(group: str, names: Iterable[str]) -> str:
    """The one laundering that a group goes through where there is no time for all, drawn by the group's name."""
    ordered = sorted(names)
    return ordered[zlib.crc32(group.encode()) % len(ordered)]


def _pools(scores: Scores, trials: Sequence[Trial]) -> list[Pool]:
    """A pool is one source's bona fide speech beside the spoofs of one system: of that source where it has any.

    Clear speech is half of the recordings, so its condition is as frequent as all launderings together.
    """
    sources = sorted({trial.facts["source_repository"] for trial in trials})
    kinds = sorted({(trial.facts["source_repository"], trial.attack) for trial in trials if trial.is_spoof})
    laundered = [name for name in scores.logits if name != PLAIN]
    # A condition is drawn evenly, so the clear one stands once for each laundering.
    conditions = [(name, name) for name in laundered] + [(f"{PLAIN} {name}", PLAIN) for name in laundered or (PLAIN,)]
    pools = []
    for source in sources:
        genuine = [trial for trial in trials if trial.facts["source_repository"] == source and not trial.is_spoof]
        own = [kind for kind in kinds if kind[0] == source]
        # Of a source without spoofs the manipulated windows come from another; of one without bona fide speech there
        # are whole spoofs only.
        partners = own or kinds
        for kind in partners:
            spoofed = [trial for trial in trials if trial.is_spoof and _kind(trial) == kind]
            pools += [
                Pool(
                    condition=label,
                    bonafide=_values(scores, condition, genuine),
                    spoof=_values(scores, condition, spoofed),
                    bonafide_weight=len(genuine) / len(partners),
                    spoof_weight=len(spoofed) * (1.0 if own else len(genuine) / len(trials)),
                )
                for label, condition in conditions
            ]
    return pools


def _kind(trial: Trial) -> tuple[str, str]:
    return trial.facts["source_repository"], trial.attack


def _values(scores: Scores, condition: str, trials: Sequence[Trial]) -> FloatArray:
    return np.array(scores.of(trials, condition)[1], np.float64)
