"""Fit how the LLRs of face and voice become one for the recording.

No validation recording has labels for both, so recordings are simulated: the LLR of a simulated face recording beside
that of an independent simulated voice recording. Half of them are bona fide in both; the other half is spread evenly
over face alone, voice alone, and both, since what is weighed is whether *anything* was manipulated. In real forgeries
the two go together more often or less; nothing here can know.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from detect.calibrate import Calibration, Fusion, Level, Population
from detect.config import Scoring
from detect.types import Modality
from training.calibration.bounds import elub
from training.calibration.cost import FloatArray, cllr
from training.calibration.face import face_material
from training.calibration.fit import NUM_RECORDINGS, SEED, Material
from training.calibration.logistic import fit_logistic
from training.calibration.maps import apply
from training.calibration.networks import open_network
from training.calibration.simulate import level_logits, simulate
from training.calibration.voice import voice_material
from weights.manifest import PACKAGE_FOLDER

_CELLS = ((False, False), (True, False), (False, True), (True, True))
"""Whether face and voice are manipulated."""
_CELL_SHARES = (1 / 2, 1 / 6, 1 / 6, 1 / 6)


def fit_fusion(
    shared: Path,
    folder: Path,
    face_name: str,
    voice_name: str,
    *,
    command: str,
    weights: Sequence[Path] | None = None,
    calibrations: Path = PACKAGE_FOLDER,
    out: Path = PACKAGE_FOLDER / "fusion.json",
) -> Path:
    """Fit and write the fusion of two calibrated checkpoints.

    Args:
        shared: Holds `faces/` and `voice/`.
        folder: Holds the score files that calibrating left.
        face_name: Face checkpoint.
        voice_name: Voice checkpoint.
        command: What fits it again.
        weights: Folders searched for checkpoints before the usual places.
        calibrations: Where `NAME.calibration.json` of both lie.
        out: The file to write.

    Raises:
        WeightsMismatch: a calibration is not there, or is for other weights.
    """
    llrs, counts = {}, {}
    for modality, name in ((Modality.FACE, face_name), (Modality.VOICE, voice_name)):
        network = open_network(name, weights)
        calibration = Calibration.load(calibrations / f"{name}.calibration.json", network.sha256)
        if modality is Modality.FACE:
            material = face_material(shared / "faces", folder, network)
        else:
            material = voice_material(shared / "voice", folder, network)
        llrs[modality] = recording_llrs(material, calibration, seed=SEED + 2)
        counts[modality] = calibration.population
    fusion = fuse(llrs[Modality.FACE], llrs[Modality.VOICE], counts, command=command)
    out.write_text(fusion.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return out


def recording_llrs(material: Material, calibration: Calibration, *, seed: int) -> tuple[FloatArray, FloatArray]:
    """LLRs of simulated bona fide and manipulated recordings, by one checkpoint and its calibration."""
    recordings = simulate(material.pools, num=NUM_RECORDINGS, seed=seed)
    pooling = calibration.pooling
    logits = level_logits(Level.MODALITY, recordings, pooling[Level.MODALITY].fraction, pooling[Level.SUBJECT].fraction)
    llrs = apply(calibration.maps[Level.MODALITY], logits)
    manipulated = np.array([one.share > 0 for one in recordings])
    return llrs[~manipulated], llrs[manipulated]


def fuse(
    face: tuple[FloatArray, FloatArray],
    voice: tuple[FloatArray, FloatArray],
    populations: dict[Modality, Population],
    *,
    command: str,
    seed: int = SEED,
    console: Console | None = None,
) -> Fusion:
    """Logistic regression on pairs of independent LLRs.

    Args:
        face: LLRs of bona fide and of manipulated recordings.
        voice: Likewise.
        populations: What the two were calibrated on.
        command: What fits it again.
        seed: Of the pairing.
        console: Where the result is printed; None for standard output.
    """
    random = np.random.default_rng(seed)
    cells = random.choice(len(_CELLS), NUM_RECORDINGS, p=_CELL_SHARES)
    spoofed = np.array(_CELLS)[cells]
    pairs = np.column_stack([_drawn(face, spoofed[:, 0], random), _drawn(voice, spoofed[:, 1], random)])
    labels = spoofed.any(axis=1)
    slopes, offset = fit_logistic(pairs, labels)
    slopes = np.maximum(slopes, 0.0)
    fused = pairs @ slopes + offset
    # Each modality's LLR is cut already at what its own people support; a recording's stands on both sets together.
    num_bonafide = sum(population.num_bonafide for population in populations.values())
    num_spoof = sum(population.num_spoof for population in populations.values())
    lower, upper = elub(bonafide=fused[~labels], spoof=fused[labels], num_bonafide=num_bonafide, num_spoof=num_spoof)
    fusion = Fusion(
        format_version=1,
        weights={Modality.FACE: round(float(slopes[0]), 6), Modality.VOICE: round(float(slopes[1]), 6)},
        b=round(offset, 6),
        lower=lower,
        upper=upper,
        population=Population(
            description="independent simulated recordings of the two validation splits, paired: half bona fide in "
            "both, a sixth each with a manipulated face, a manipulated voice, and both",
            num_bonafide=num_bonafide,
            num_spoof=num_spoof,
            command=command,
        ),
    )
    bounded = np.clip(fused, lower, upper)
    flag = Scoring().flag_llr
    (console or Console()).print(
        f"fusion: llr = {slopes[0]:.3f} * face + {slopes[1]:.3f} * voice + {offset:.3f} in [{lower}, {upper}]; "
        f"Cllr {cllr(bonafide=bounded[~labels], spoof=bounded[labels]):.3f}; at the flag {flag:.3f}: "
        f"{np.mean(bounded[~labels] >= flag):.1%} of bona fide, {np.mean(bounded[labels] >= flag):.1%} of manipulated",
        soft_wrap=True,
        markup=False,
    )
    return fusion


def _drawn(llrs: tuple[FloatArray, FloatArray], is_spoof: NDArray[np.bool_], random: np.random.Generator) -> FloatArray:
    """An LLR of the asked class for each."""
    bonafide, spoof = (random.choice(one, len(is_spoof)) for one in llrs)
    return np.where(is_spoof, spoof, bonafide)
