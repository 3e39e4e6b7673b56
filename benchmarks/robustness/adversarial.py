"""Perturbations made to mislead a checkpoint: what its own gradient finds, and what that does to the other ones.

Spoofs are pushed towards bona fide, bona fide towards spoof, each within a bound on every pixel or sample. Whoever
makes them has the checkpoint and its weights (white box); the other checkpoints are scored on the same inputs
(transfer).
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.machine import typed
from benchmarks.robustness import attempts as files
from benchmarks.robustness.attempts import Attempt, Record, Victim
from benchmarks.robustness.pgd import SAMPLE_LEVELS, STEPS, Levels, Target
from benchmarks.robustness.white_box import WhiteBox
from detect.errors import ConfigError
from detect.models import FaceSpec, Spec, VoiceSpec
from detect.types import Modality
from detect.version import VERSION
from training.calibration.crops import Crops
from training.calibration.utterances import Utterances
from training.protocol import Trial, protocol_sha256, read_protocol

FACE_BOUNDS = (1, 2, 4, 8)
"""Levels of 8 bits: 8/255 is the bound of the CIFAR-10 challenge of Madry et al. 2018, the others halve it."""
VOICE_BOUNDS_DB = (-60, -50, -40, -30)
"""Largest change of a sample against the window's RMS. At -30 dB the change is heard as faint noise; chosen here."""
SEED = 1
_SPLIT = "test"


def drawn(trials: Sequence[Trial], number: int) -> list[Trial]:
    """So many trials, of each group at most one of either class, groups in an order that only their names decide.

    Raises:
        ConfigError: there are not as many, or a class is missing.
    """
    groups: dict[str, dict[str, list[Trial]]] = {}
    for trial in trials:
        groups.setdefault(trial.group, {}).setdefault(trial.label, []).append(trial)
    chosen = [
        min(groups[name][label], key=lambda trial: _digest(trial.path))
        for name in sorted(groups, key=_digest)
        for label in sorted(groups[name])
    ][:number]
    if len(chosen) < number or len({trial.label for trial in chosen}) < 2:
        raise ConfigError(f"{number} trials of both classes are wanted, there are {len(chosen)} to draw")
    return chosen


def _digest(name: str) -> bytes:
    return hashlib.sha256(f"{SEED} {name}".encode()).digest()


def _bounds(modality: Modality) -> tuple[int, ...]:
    return FACE_BOUNDS if modality is Modality.FACE else VOICE_BOUNDS_DB


def _levels(modality: Modality, bound: int, levels: Levels) -> int:
    return bound if modality is Modality.FACE else _of_rms(levels, bound)


def _of_rms(window: Levels, bound_db: float) -> int:
    """Whole levels within the bound: of a very soft window none, so that it stays as it is."""
    return int(np.sqrt(np.mean(np.square(window, dtype=np.float64))) * 10 ** (bound_db / 20))


def attack(
    source: WhiteBox, targets: Sequence[WhiteBox], inputs: Sequence[tuple[Trial, Levels]], *, steps: int = STEPS
) -> Iterator[Attempt]:
    """Perturb inputs against one checkpoint and score them with others, itself among them.

    Args:
        source: Whose gradient is followed.
        targets: Who scores.
        inputs: Trials with what the source sees or hears of them; the others score the same crop or window.
        steps: Of descent.
    """
    modality = source.spec.modality
    clean = {target.spec.name: target.scores([levels for _, levels in inputs]) for target in targets}
    for bound in _bounds(modality):
        changed = source.perturbed(
            [
                Target(
                    levels=levels,
                    bound=_levels(modality, bound, levels),
                    towards=-1 if trial.is_spoof else 1,
                    seed=zlib.crc32(f"{SEED} {source.spec.name} {bound} {trial.path}".encode()),
                )
                for trial, levels in inputs
            ],
            steps,
        )
        for target in targets:
            after = target.scores(changed)
            for place, (trial, levels) in enumerate(inputs):
                yield Attempt(
                    id=trial.path,
                    group=trial.group,
                    label=trial.label,
                    modality=modality,
                    source=source.spec.name,
                    target=target.spec.name,
                    bound=bound,
                    levels=int(np.abs(changed[place] - levels).max()),
                    clean=clean[target.spec.name][place],
                    adversarial=after[place],
                )


def crop_inputs(crops: Crops, trials: Sequence[Trial], spec: Spec) -> list[tuple[Trial, Levels]]:
    """Trials in which a face is found, with the crop that the network sees."""
    if not isinstance(spec, FaceSpec):
        raise ConfigError(f"{spec.name} is a {spec.modality} checkpoint, a face checkpoint is needed")
    found = ((trial, crops.input(trial, spec)) for trial in trials)
    return [(trial, crop.astype(np.int32)) for trial, crop in found if crop is not None]


def window_inputs(utterances: Utterances, trials: Sequence[Trial], spec: Spec) -> list[tuple[Trial, Levels]]:
    """Trials with the window that the network hears, in 16 bits."""
    if not isinstance(spec, VoiceSpec):
        raise ConfigError(f"{spec.name} is a {spec.modality} checkpoint, a voice checkpoint is needed")
    heard = ((trial, utterances.input(trial, spec) * SAMPLE_LEVELS) for trial in trials)
    return [
        (trial, np.rint(window).clip(-SAMPLE_LEVELS, SAMPLE_LEVELS - 1).astype(np.int32)) for trial, window in heard
    ]


def measure_adversarial(
    shared: Path,
    out: Path,
    *,
    face: Sequence[str],
    voice: Sequence[str],
    crops: int = 200,
    utterances: int = 60,
    device: str = "cpu",
    steps: int = STEPS,
) -> None:
    """Attack every named checkpoint, score with all of its modality, and write the rows and their record.

    On two processor cores 200 crops take minutes with every face checkpoint; 60 utterances take minutes with
    LFB-ResNet and hours with AASIST, which is for a GPU.

    Args:
        shared: Holds `faces/` and `voice/`.
        out: Folder of the two files.
        face: Face checkpoints.
        voice: Voice checkpoints.
        crops: How many test crops.
        utterances: How many test utterances.
        device: Where the networks run.
        steps: Of descent.

    Raises:
        ConfigError: an unknown checkpoint, or too few trials.
    """
    started = time.monotonic()
    rows: list[Attempt] = []
    victims: list[Victim] = []
    sizes: dict[Modality, int] = {}
    left_out: dict[Modality, int] = {}
    digests: dict[Modality, str] = {}
    for modality, names, number in ((Modality.FACE, face, crops), (Modality.VOICE, voice, utterances)):
        if not names:
            continue
        folder = shared / {Modality.FACE: "faces", Modality.VOICE: "voice"}[modality]
        digests[modality] = protocol_sha256(folder)
        trials = drawn([trial for trial in read_protocol(folder) if trial.split == _SPLIT], number)
        subjects = [WhiteBox(name, shared, device) for name in names]
        read = Crops(folder) if modality is Modality.FACE else Utterances(folder)
        for source in subjects:
            if isinstance(read, Crops):
                inputs = crop_inputs(read, trials, source.spec)
            else:
                inputs = window_inputs(read, trials, source.spec)
            sizes[modality], left_out[modality] = len(inputs), len(trials) - len(inputs)
            found = list(attack(source, subjects, inputs, steps=steps))
            rows += found
            clean = {row.id: (row.clean, row.is_spoof) for row in found if row.target == source.spec.name}
            victims.append(_victim(source, list(clean.values())))
            print(f"{source.spec.name}: {len(inputs)} inputs, {time.monotonic() - started:.0f} s")
    record = Record(
        victims=tuple(victims),
        protocol_sha256=digests,
        split=_SPLIT,
        num_trials=sizes,
        num_left_out=left_out,
        steps=steps,
        seed=SEED,
        device=device,
        tool=f"unmask {VERSION}",
        command=typed(),
        seconds=round(time.monotonic() - started, 1),
    )
    files.write(out, record, rows)


def _victim(subject: WhiteBox, clean: Sequence[tuple[float, bool]]) -> Victim:
    flag, basis = subject.flag(clean)
    return Victim(
        name=subject.spec.name,
        modality=subject.spec.modality,
        weights_sha256=subject.weights_sha256,
        flag_logit=flag,
        flag_basis=basis,
    )
