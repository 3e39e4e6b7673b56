"""The project's own checkpoints on parts of the `test` rows: for whom, and in which conditions, they are worse.

The data name nobody's age, sex or skin. What can be measured is what correlates with it or with the camera: brightness
of the face crop, contrast, sharpness; language, length and rate of an utterance. The false-alarm rate matters most: it
says who would be wrongly flagged more often.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.scoring import Scorer, as_scored, own
from benchmarks.shortcuts import FACE_FEATURES, VOICE_FEATURES, face_features, voice_features
from benchmarks.tables import classes, mapped, share, table, with_interval
from detect.calibrate import AffineMap
from detect.config import Scoring
from detect.types import Modality
from training.calibration.scores import PLAIN
from training.protocol import Trial
from training.separation import auc

_FACE_THIRDS = ("brightness", "contrast", "sharpness")
_VOICE_THIRDS = ("seconds", "loudness, dB", "bandwidth, Hz")
_VOICE_COLUMNS = ("language", "source_rate")
_LEAST = 8
"""Rows of each class under which a part is not shown: a share of fewer says nothing."""


def section(scorer: Scorer) -> list[str]:
    """Both modalities, on the `test` trials."""
    lines = [
        "Thirds are cut at the quantiles of the `test` rows themselves. `flagged bona fide` is the share of bona fide",
        f"rows at or above the flag (LLR {Scoring().flag_llr:.2f}), with its 95 % interval; parts with fewer than",
        f"{_LEAST} rows of a class are left out.",
        "",
    ]
    for modality in Modality:
        for name in own(modality):
            trials = scorer.trials(modality, "test")
            pairs = scorer.logits(name, "test", PLAIN, trials)
            rows = [
                [part, *_numbers([pair for pair in pairs if pair[0].path in paths], scorer.window_map(name))]
                for part, paths in _parts(scorer, modality, trials)
            ]
            header = ("part", "bona fide + spoof", "AUC", "flagged bona fide", "flagged spoof")
            lines += [f"### {modality}: {name}", "", *table(header, [row for row in rows if row[1]])]
    return lines


def _parts(scorer: Scorer, modality: Modality, trials: Sequence[Trial]) -> list[tuple[str, set[str]]]:
    """Names of the parts and the paths in them."""
    if modality is Modality.FACE:
        measured = np.array([face_features(trial, scorer.crops) for trial in trials])
        thirds = [(name, measured[:, FACE_FEATURES.index(name)]) for name in _FACE_THIRDS]
        columns: tuple[str, ...] = ("dataset",)
    else:
        measured = np.array([voice_features(trial, scorer.utterances) for trial in trials])
        thirds = [(name, measured[:, VOICE_FEATURES.index(name)]) for name in _VOICE_THIRDS]
        columns = _VOICE_COLUMNS
    parts = [("all", np.ones(len(trials), np.bool_))]
    for column in columns:
        held = np.array([trial.facts[column] for trial in trials])
        parts += [(f"{column} {value}", held == value) for value in sorted(set(held.tolist()))]
    for name, values in thirds:
        low, high = np.quantile(values, (1 / 3, 2 / 3))
        parts += [
            (f"{name}: up to {low:.3g}", values <= low),
            (f"{name}: between", (values > low) & (values <= high)),
            (f"{name}: above {high:.3g}", values > high),
        ]
    return [(name, {trial.path for trial, kept in zip(trials, mask, strict=True) if kept}) for name, mask in parts]


def _numbers(pairs: Sequence[tuple[Trial, float]], fitted: AffineMap) -> list[str]:
    scored = as_scored(pairs)
    bonafide, spoof = classes(mapped(scored, fitted))
    if min(len(bonafide), len(spoof)) < _LEAST:
        return [""] * 4
    flag = Scoring().flag_llr
    return [
        f"{len(bonafide)} + {len(spoof)}",
        with_interval(auc, scored),
        share([llr >= flag for llr in bonafide]),
        share([llr >= flag for llr in spoof]),
    ]
