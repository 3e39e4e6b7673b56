"""Fit the calibration of a face checkpoint on the validation crops, and write it beside the checkpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from detect.types import UInt8Array
from training.calibration.crops import TIGHT_DATASETS, Change, Crops
from training.calibration.fit import Material, fit_calibration, write_calibration
from training.calibration.frames import laundering_of, vary
from training.calibration.maps import Labelled
from training.calibration.networks import Network, open_network
from training.calibration.scores import LAUNDERED, PLAIN, Origin, Scores, collect
from training.calibration.simulate import Pool
from training.face.launder import LAUNDERINGS
from training.protocol import Trial, read_protocol
from weights.manifest import PACKAGE_FOLDER

COMMAND = "python -m training face calibrate"
_COPIES = 6
"""Frames made of each crop in each condition, from which subjects are drawn."""
_GROUPS = 200
"""Groups of paired crops, the first of the protocol, whose frames are made: with unpaired crops about 600."""
_WITHIN = 1.0
"""How much windows of one real face differ, in standard deviations between bona fide faces, beyond copies of one crop.
An assumption on the careful side, since nothing here can measure it: at 0 the maximum of many frames would never go
wrong. Between 0.5 and 1 the pooling chosen stays at 0.05 to 0.1 of the windows, and the maps get flatter."""
_CLEAR = "clear"
_DATA = (
    "the validation split of the face crops (DFDC, OpenForensics), each set with as much weight: half as they are, "
    f"half after one of {', '.join(sorted(LAUNDERINGS))}; tracks and recordings are simulated from frames made of "
    "single crops"
)


def calibrate_face(
    data: Path,
    folder: Path,
    checkpoint_name: str,
    *,
    tight: frozenset[str] = TIGHT_DATASETS,
    file: Path | None = None,
    weights: Sequence[Path] | None = None,
    out: Path = PACKAGE_FOLDER,
) -> Path:
    """Fit window, subject and modality maps and pooling on `val`, print what they achieve, and write them.

    Args:
        data: The data set, a folder with `protocol.csv`.
        folder: Keeps the score files, so that a second run is quick.
        checkpoint_name: As in the catalogue.
        tight: Data sets whose pictures are tight crops already.
        file: Weights to take instead of those the manifest names.
        weights: Folders searched for checkpoints before the usual places.
        out: Where the calibration goes.

    Returns:
        The calibration's file, `NAME.calibration.json`.
    """
    network = open_network(checkpoint_name, weights, file=file)
    calibration = fit_calibration(
        face_material(data, folder, network, tight),
        checkpoint_sha256=network.sha256,
        description=_DATA,
        command=COMMAND,
    )
    return write_calibration(calibration, out / f"{checkpoint_name}.calibration.json")


def face_material(data: Path, folder: Path, network: Network, tight: frozenset[str] = TIGHT_DATASETS) -> Material:
    """Logits of the validation crops, from score files in `folder` where they are there."""
    trials = [trial for trial in read_protocol(data) if trial.split == "val"]
    crops = Crops(data, tight)
    origin = network.origin(data)
    path = folder / f"faces-val.{network.name}.csv"
    windows = condition_scores(path, origin, network, crops, trials, (PLAIN, LAUNDERED))
    chosen = recording_trials(trials)
    frames = _frame_scores(folder / f"faces-val-frames.{network.name}.csv", origin, network, crops, chosen)
    return Material(windows=labelled_windows(windows, trials), pools=_pools(frames, chosen))


def condition_scores(
    path: Path, origin: Origin, network: Network, crops: Crops, trials: Sequence[Trial], names: Sequence[str]
) -> Scores:
    """Logits of crops in the named conditions: plain, a laundering, or the one drawn for each group."""

    def scored(name: str) -> list[float | None]:
        def change(trial: Trial) -> Change | None:
            return LAUNDERINGS.get(laundering_of(trial.group) if name == LAUNDERED else name)

        return list(network.logits(crops.input(trial, network.face, change(trial), seed=name) for trial in trials))

    return collect(path, origin, trials, {name: partial(scored, name) for name in names}, announce=_announce)


def labelled_windows(scores: Scores, trials: Sequence[Trial]) -> Labelled:
    """Both conditions together, each with half of the weight, and every data set with as much as every other.

    A recording to be examined comes from neither, so none may decide by its size.
    """
    kept: list[Trial] = []
    logits: list[float] = []
    weights: list[float] = []
    for condition in (PLAIN, LAUNDERED):
        scored, values = scores.of(trials, condition)
        kept, logits = kept + scored, logits + values
        counts = Counter(_source(trial) for trial in scored)
        weights += [1 / counts[_source(trial)] for trial in scored]
    return Labelled(
        logits=np.array(logits),
        is_spoof=np.array([trial.is_spoof for trial in kept]),
        weights=np.array(weights),
        num_bonafide=len({trial.group for trial in kept if not trial.is_spoof}),
        num_spoof=len({trial.group for trial in kept if trial.is_spoof}),
    )


def recording_trials(trials: Sequence[Trial]) -> list[Trial]:
    """Trials of the first groups that have both classes, and all of those that come without a partner."""
    classes: dict[str, set[str]] = {}
    for trial in trials:
        classes.setdefault(trial.group, set()).add(trial.label)
    paired = [group for group, labels in classes.items() if len(labels) > 1][:_GROUPS]
    kept = {*paired, *(group for group, labels in classes.items() if len(labels) == 1)}
    return [trial for trial in trials if trial.group in kept]


def _frame_scores(path: Path, origin: Origin, network: Network, crops: Crops, trials: Sequence[Trial]) -> Scores:
    names = [f"{condition}_{copy}" for condition in (_CLEAR, LAUNDERED) for copy in range(1, _COPIES + 1)]
    conditions = {name: partial(_frames, network, crops, trials, name) for name in names}
    return collect(path, origin, trials, conditions, announce=_announce)


def _frames(network: Network, crops: Crops, trials: Sequence[Trial], name: str) -> list[float | None]:
    def change(trial: Trial, picture: UInt8Array, random: np.random.Generator) -> UInt8Array:
        frame = vary(picture, random)
        return LAUNDERINGS[laundering_of(trial.group)](frame, random) if name.startswith(LAUNDERED) else frame

    return list(network.logits(crops.input(trial, network.face, partial(change, trial), seed=name) for trial in trials))


def _pools(scores: Scores, trials: Sequence[Trial]) -> list[Pool]:
    """One pool a group and condition."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.group, []).append(trial)
    genuine = [trial for trial in trials if not trial.is_spoof]
    spread = float(
        np.std([np.mean(_values(scores.logits, _CLEAR, [trial])) for trial in genuine if _seen(scores, trial)])
    )
    counts = Counter(_source(trial) for trial in trials)
    return [
        Pool(
            deviation=_WITHIN * spread,
            condition=condition,
            bonafide_weight=1 / max(1, counts[_dataset(members[0]), False]),
            spoof_weight=1 / max(1, counts[_dataset(members[0]), True]),
            bonafide=_values(scores.logits, condition, [trial for trial in members if not trial.is_spoof]),
            spoof=_values(scores.logits, condition, [trial for trial in members if trial.is_spoof]),
        )
        for members in groups.values()
        for condition in (_CLEAR, LAUNDERED)
    ]


def _dataset(trial: Trial) -> str:
    return trial.facts.get("dataset", "")


def _source(trial: Trial) -> tuple[str, bool]:
    """What shares one weight: the trials of one class in one data set."""
    return _dataset(trial), trial.is_spoof


def _seen(scores: Scores, trial: Trial) -> bool:
    return bool(len(_values(scores.logits, _CLEAR, [trial])))


def _values(
    logits: Mapping[str, Mapping[str, float | None]], condition: str, trials: Sequence[Trial]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = (logits[f"{condition}_{copy}"][trial.path] for trial in trials for copy in range(1, _COPIES + 1))
    return np.array([logit for logit in found if logit is not None], np.float64)


def _announce(text: str) -> None:
    Console(stderr=True).print(text)
