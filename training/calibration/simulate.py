"""Recordings simulated from held-out logits: how windows become subjects, and subjects a recording.

The calibration data have single crops and single utterances, and no recording with a few manipulated seconds. So
recordings are put together from logits: each subject is many windows drawn from one person's bona fide logits, and in a
manipulated recording one subject has a share of its windows drawn from the spoofs of the same person instead. Where a
pool holds copies of one crop, its windows differ less than those of a real subject (pose, light), and the maximum would
look better than it is; so such pools name a deviation that is added to each window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from detect.calibrate import Level, Pooling
from training.calibration.cost import FloatArray, cllr
from training.calibration.logistic import fit_affine
from training.calibration.maps import Labelled

SHARES: Mapping[float, float] = MappingProxyType({1.0: 0.5, 0.5: 0.125, 0.25: 0.125, 0.1: 0.125, 0.05: 0.125})
"""Share of a manipulated subject's windows that are spoofs, and how often: half of the manipulations are whole, half
are partial, down to one window in twenty. Chosen for what must be found, not estimated from cases."""
MAX_SUBJECTS = 3
"""Faces or voices of a simulated recording; one of them is manipulated, if any."""
WINDOWS = (4, 128)
"""Fewest and most windows of a subject, drawn on a logarithmic scale: `faces.min_observations`, and 4 times the 32
frames of a short recording."""
FRACTIONS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""Pooling fractions that are tried: 0 is the maximum, 1 the mean."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """What one person's windows score under one condition; one of the classes may be empty."""

    condition: str
    """All subjects of a recording share one: clear, or laundered in one way."""
    bonafide: FloatArray
    """(n,) logits."""
    spoof: FloatArray
    """(m,) logits of spoofs of one kind."""
    bonafide_weight: float = 1.0
    """How often its bona fide windows are drawn, relative to other pools."""
    spoof_weight: float = 1.0
    """Likewise of its spoofs."""
    deviation: float = 0.0
    """Standard deviation, in logits, by which windows of one subject differ beyond what is drawn here: for pools that
    hold copies of a single crop."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """The logits of a simulated recording, subject by subject."""

    subjects: Sequence[FloatArray]
    """Each (n,); the manipulated one, if any, comes first."""
    share: float
    """Of the first subject's windows that are spoofs; 0 for bona fide."""


def simulate(pools: Sequence[Pool], *, num: int, max_subjects: int = MAX_SUBJECTS, seed: int) -> list[Recording]:
    """Put recordings together, half of them manipulated.

    Args:
        pools: Where logits come from.
        num: Recordings.
        max_subjects: Each has from one to this many.
        seed: The same recordings for the same seed.

    Raises:
        ValueError: no pool has bona fide windows, or none has both classes.
    """
    random = np.random.default_rng(seed)
    conditions = sorted({pool.condition for pool in pools})
    by_condition = {name: [pool for pool in pools if pool.condition == name] for name in conditions}
    recordings = []
    for number in range(num):
        present = by_condition[conditions[int(random.integers(len(conditions)))]]
        share = float(random.choice(list(SHARES), p=list(SHARES.values()))) if number % 2 else 0.0
        subjects = [_subject(present, share, random)]
        subjects += [_subject(present, 0.0, random) for _ in range(int(random.integers(max_subjects)))]
        recordings.append(Recording(subjects=subjects, share=share))
    return recordings


def _subject(pools: Sequence[Pool], share: float, random: np.random.Generator) -> FloatArray:
    fit = [pool for pool in pools if (pool.bonafide.size or share == 1.0) and (pool.spoof.size or share == 0.0)]
    if not fit:
        raise ValueError("no pool has the windows that this subject needs")
    weights = np.array([pool.spoof_weight if share else pool.bonafide_weight for pool in fit])
    pool = fit[int(random.choice(len(fit), p=weights / weights.sum()))]
    least, most = WINDOWS
    length = round(math.exp(random.uniform(math.log(least), math.log(most))))
    num_spoofed = math.ceil(share * length)
    spoofed = random.choice(pool.spoof, num_spoofed) if num_spoofed else np.zeros(0)
    genuine = random.choice(pool.bonafide, length - num_spoofed) if length > num_spoofed else np.zeros(0)
    return np.concatenate([spoofed, genuine]) + random.normal(0.0, pool.deviation, length)


def pooled(values: FloatArray, fraction: float) -> float:
    """As `Pooling.pool`, in numpy: the mean of the highest `fraction` of the values, at least one."""
    count = max(1, math.ceil(fraction * len(values) - 1e-9))
    return float(np.sort(values)[len(values) - count :].mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trialled:
    """What one pooling fraction achieves on simulated recordings, after the best affine calibration."""

    level: Level
    fraction: float
    cllr: float
    """Bits, whole and partial manipulations as often as `SHARES` says."""
    cllr_by_share: Mapping[float, float]
    """Bits, with the same map, manipulations of one share only against all bona fide."""


def try_fractions(
    level: Level, recordings: Sequence[Recording], *, subject_fraction: float | None = None
) -> tuple[Pooling, list[Trialled]]:
    """The pooling with the lowest Cllr, and what each achieves.

    Args:
        level: Subject: the first subject alone. Modality: all subjects, pooled by `subject_fraction` first.
        recordings: Simulated.
        subject_fraction: For the level above.
    """
    tried = [_tried(level, fraction, recordings, subject_fraction) for fraction in FRACTIONS]
    return Pooling(fraction=min(tried, key=lambda one: one.cllr).fraction), tried


def level_logits(
    level: Level, recordings: Sequence[Recording], fraction: float, subject_fraction: float | None = None
) -> FloatArray:
    """One logit for each recording: of its first subject, or of all."""
    if level is Level.SUBJECT:
        return np.array([pooled(one.subjects[0], fraction) for one in recordings])
    inner = 1.0 if subject_fraction is None else subject_fraction
    return np.array([pooled(np.array([pooled(x, inner) for x in one.subjects]), fraction) for one in recordings])


def labelled(logits: FloatArray, recordings: Sequence[Recording], *, num_bonafide: int, num_spoof: int) -> Labelled:
    """Logits of recordings with their labels; people are counted by the caller, who knows where the pools are from."""
    return Labelled(
        logits=logits,
        is_spoof=np.array([one.share > 0 for one in recordings]),
        weights=np.ones(len(recordings)),
        num_bonafide=num_bonafide,
        num_spoof=num_spoof,
    )


def _tried(level: Level, fraction: float, recordings: Sequence[Recording], subject_fraction: float | None) -> Trialled:
    logits = level_logits(level, recordings, fraction, subject_fraction)
    shares = np.array([one.share for one in recordings])
    a, b = fit_affine(logits, shares > 0)
    llrs = a * logits + b
    bonafide = llrs[shares == 0]
    return Trialled(
        level=level,
        fraction=fraction,
        cllr=cllr(bonafide=bonafide, spoof=llrs[shares > 0]),
        cllr_by_share={share: cllr(bonafide=bonafide, spoof=llrs[shares == share]) for share in SHARES},
    )
