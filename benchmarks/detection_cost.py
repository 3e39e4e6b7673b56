"""What wrong decisions cost: the detection costs of ASVspoof 5. Larger scores speak for spoof."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.separation import finite_classes, roc


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionCost:
    """What errors cost a system that lets bona fide speech in and keeps spoofs out, and how often it meets spoofs."""

    p_spoof: float
    """Prior probability of a spoof."""
    c_miss: float
    """Cost of turning bona fide speech away."""
    c_false_alarm: float
    """Cost of letting a spoof in."""

    @property
    def threshold(self) -> float:
        """LLR for spoof, nats, from which turning away is cheaper than letting in."""
        return math.log(self.c_miss * (1 - self.p_spoof) / (self.c_false_alarm * self.p_spoof))

    def of(self, turned_away: NDArray[np.float64], let_in: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cost of decisions, over that of the better of two decisions made without listening.

        Args:
            turned_away: (k,) share of bona fide speech turned away.
            let_in: (k,) share of spoofs let in.
        """
        miss, alarm = self.c_miss * (1 - self.p_spoof), self.c_false_alarm * self.p_spoof
        return (miss * turned_away + alarm * let_in) / min(miss, alarm)


ASVSPOOF5 = DetectionCost(p_spoof=0.05, c_miss=1.0, c_false_alarm=10.0)
"""ASVspoof 5, track 1 (Wang et al., ASVspoof Workshop 2024). There, scores are larger for bona fide and a miss is bona
fide speech turned away; here, larger for spoof, with the same costs for the same errors."""


def min_dcf(*, bonafide: ArrayLike, spoof: ArrayLike, cost: DetectionCost = ASVSPOOF5) -> float:
    """Lowest normalised detection cost that any threshold on these scores gives; 1 is deciding without listening.

    Args:
        bonafide: (n,) scores.
        spoof: (m,) scores.
        cost: Of the errors.

    Raises:
        ValueError: a class is empty, or a score is not finite.
    """
    curve = roc(bonafide=bonafide, spoof=spoof)
    return float(cost.of(curve.fpr, 1 - curve.tpr).min())


def act_dcf(*, bonafide: ArrayLike, spoof: ArrayLike, cost: DetectionCost = ASVSPOOF5) -> float:
    """Normalised detection cost of deciding by LLRs at the threshold that the costs and the prior call for.

    At the threshold itself speech is turned away. The ASVspoof evaluation lets it in: its scores have the other sign.

    Args:
        bonafide: (n,) LLRs in nats.
        spoof: (m,) LLRs in nats.
        cost: Of the errors.

    Raises:
        ValueError: a class is empty, or an LLR is not finite.
    """
    negatives, positives = finite_classes(bonafide, spoof)
    turned_away, let_in = np.mean(negatives >= cost.threshold), np.mean(positives < cost.threshold)
    return float(cost.of(np.array([turned_away]), np.array([let_in]))[0])
