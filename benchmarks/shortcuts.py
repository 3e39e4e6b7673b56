"""What a classifier reaches that sees no face and hears no voice: the shortcuts that a data set offers.

A logistic regression on trivial features, each cut into tenths of the training values so that any shape fits, is
trained on the `train` split. Where it comes close to a checkpoint, that checkpoint's number says little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.bootstrap import Scored
from benchmarks.scoring import Scorer, as_scored, names
from benchmarks.tables import table, value, with_interval
from detect.crops import sharpness
from detect.types import Float32Array, Modality
from training.calibration.crops import Crops
from training.calibration.logistic import fit_logistic
from training.calibration.scores import PLAIN
from training.calibration.utterances import Utterances
from training.protocol import Trial
from training.separation import auc, eer

FloatArray = NDArray[np.float64]

FACE_FEATURES = ("file bytes", "longer side, px", "brightness", "contrast", "sharpness")
VOICE_FEATURES = (
    "seconds",
    "loudness, dB",
    "leading silence, s",
    "trailing silence, s",
    "bandwidth, Hz",
    "source rate",
)
_TENTHS = np.linspace(0.1, 0.9, 9)
_SILENCE_DB = 40.0
"""Below the loudest 25 ms by this much counts as silence."""
_FRAME = 400
"""Samples of 25 ms at 16 kHz, the usual frame of speech analysis."""
_BAND_HZ, _BAND_DB = 100, 60.0
"""Bands of the long-term spectrum, and how far below the strongest of them one still counts as sounding."""


def section(scorer: Scorer) -> list[str]:
    """Both modalities, on the `test` trials."""
    lines = [
        "Trained on `train` alone, tested on the rows on which the checkpoints are tested; nothing of it is used by",
        "the program. An AUC of 0.5 is chance.",
        "",
    ]
    for modality, features in ((Modality.FACE, FACE_FEATURES), (Modality.VOICE, VOICE_FEATURES)):
        train, test = scorer.trials(modality, "train"), scorer.trials(modality, "test")
        measured = {split: _measured(scorer, trials) for split, trials in (("train", train), ("test", test))}
        rows = []
        for columns in (*((index,) for index in range(len(features))), tuple(range(len(features)))):
            name = features[columns[0]] if len(columns) == 1 else "all of these"
            llrs = _predicted(measured["train"][:, columns], train, measured["test"][:, columns])
            rows.append([name, *_numbers(as_scored(list(zip(test, llrs.tolist(), strict=True))))])
        rows += [
            [f"*{name}*", *_numbers(as_scored(scorer.logits(name, "test", PLAIN, test)))] for name in names(modality)
        ]
        lines += [f"### {modality}", "", *table(("what decides", "AUC", "EER"), rows)]
    return lines


def _numbers(scored: Sequence[Scored]) -> list[str]:
    return [with_interval(auc, scored), value(eer, scored)]


def _predicted(train: FloatArray, trials: Sequence[Trial], test: FloatArray) -> FloatArray:
    """LLRs of an additive model over tenths of each feature."""
    edges = [np.unique(np.quantile(column, _TENTHS)) for column in train.T]

    def steps(values: FloatArray) -> FloatArray:
        return np.column_stack([column[:, None] > edge for column, edge in zip(values.T, edges, strict=True)]) * 1.0

    slopes, offset = fit_logistic(steps(train), [trial.is_spoof for trial in trials])
    return steps(test) @ slopes + offset


def _measured(scorer: Scorer, trials: Sequence[Trial]) -> FloatArray:
    if trials and trials[0].facts.get("source_rate"):
        return np.array([voice_features(trial, scorer.utterances) for trial in trials])
    return np.array([face_features(trial, scorer.crops) for trial in trials])


def face_features(trial: Trial, crops: Crops) -> list[float]:
    """`FACE_FEATURES` of a crop."""
    picture = crops.picture(trial)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return [crops.num_bytes(trial), max(picture.shape[:2]), float(grey.mean()), float(grey.std()), sharpness(picture)]


def voice_features(trial: Trial, utterances: Utterances) -> list[float]:
    """`VOICE_FEATURES` of an utterance."""
    waveform = utterances.waveform(trial)
    lead, trail = silences(waveform)
    return [
        len(waveform) / 16_000,
        10 * math.log10(float(np.mean(waveform.astype(np.float64) ** 2)) + 1e-12),
        lead,
        trail,
        bandwidth(waveform),
        float(trial.facts["source_rate"]),
    ]


def silences(waveform: Float32Array) -> tuple[float, float]:
    """Seconds before and after the first and the last frame that is not silent."""
    frames = waveform[: len(waveform) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float64)
    powers = np.mean(frames**2, axis=1)
    loud = np.flatnonzero(powers >= powers.max(initial=0) * 10 ** (-_SILENCE_DB / 10))
    if not len(loud):
        return 0.0, 0.0
    return float(loud[0]) * _FRAME / 16_000, float(len(powers) - 1 - loud[-1]) * _FRAME / 16_000


def bandwidth(waveform: Float32Array) -> float:
    """Upper edge, in Hz, of the highest band that still sounds."""
    energy = np.abs(np.fft.rfft(waveform.astype(np.float64))) ** 2
    bands = np.array([part.mean() for part in np.array_split(energy, 8_000 // _BAND_HZ)])
    sounding = np.flatnonzero(bands >= bands.max() * 10 ** (-_BAND_DB / 10))
    return float((sounding[-1] + 1) * _BAND_HZ) if bands.max() > 0 else 0.0
