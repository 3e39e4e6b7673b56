"""How many false alarms to expect, and how many of the flagged recordings to be manipulated.

Both need a base rate: the share of manipulated recordings among those that were weighed, which no scan can know. So
several are shown. What they rest on is that the LLRs are calibrated, as they are on recordings like those of the
calibration.

Before anything is flagged: the mean of a calibrated likelihood ratio over bona fide recordings is 1, because
E[LR | bona fide] = sum over x of P(x | bona fide) * P(x | manipulated) / P(x | bona fide) = 1: Turing's theorem (Good,
*Probability and the Weighing of Evidence*, 1950; van Leeuwen and Bruemmer, *The distribution of calibrated
likelihood-ratios in speaker recognition*, Interspeech 2013). By Markov, P(LLR >= t | bona fide) <= exp(-t).
It is an upper bound: the calibrations on file hold no measured rate, which would be lower.

Afterwards: a recording with this LLR is manipulated with the probability that Bayes' rule gives, log-odds =
logit(base rate) + LLR; their sum over what was flagged is the expected number of manipulated ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

SHOWN_BASE_RATES = (0.001, 0.01, 0.1)
"""One manipulated recording in a thousand, in a hundred, in ten: an ordinary phone, a suspicion, a strong suspicion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What one base rate implies."""

    base_rate: float
    is_given: bool
    """Whether whoever ordered the scan named this rate."""
    false_alarms_at_most: float
    """Among all that were weighed."""
    flagged_manipulated: float
    """Of the flagged ones, expected; with `flagged_bonafide` their number."""
    flagged_bonafide: float
    share_manipulated: float | None
    """Of the flagged ones; None where there are none."""
    at_threshold: float
    """Probability of manipulation of a recording whose LLR is just the threshold."""


def expect(
    *, num_weighed: int, num_results: int, flagged_llrs: Sequence[float], threshold: float, base_rate: float | None
) -> list[Expectation]:
    """Expectations for the shown base rates and the one that was given, in rising order.

    Args:
        num_weighed: Recordings with a calibrated result.
        num_results: Calibrated results among them that could have raised a flag.
        flagged_llrs: Of the flagged recordings, nats.
        threshold: LLR from which a result is flagged, nats.
        base_rate: The given one, or None.
    """
    rates = set(SHOWN_BASE_RATES) | ({base_rate} if base_rate is not None else set())
    # A recording raises a false alarm at most as often as its results do together (Boole), and at most once.
    bound = min(float(num_weighed), num_results * rate_at_most(threshold))
    found = []
    for rate in sorted(rates):
        manipulated = math.fsum(posterior(rate, llr) for llr in flagged_llrs)
        found.append(
            Expectation(
                base_rate=rate,
                is_given=rate == base_rate,
                false_alarms_at_most=(1 - rate) * bound,
                flagged_manipulated=manipulated,
                flagged_bonafide=len(flagged_llrs) - manipulated,
                share_manipulated=manipulated / len(flagged_llrs) if flagged_llrs else None,
                at_threshold=posterior(rate, threshold),
            )
        )
    return found


def rate_at_most(threshold: float) -> float:
    """Highest share of bona fide recordings that a calibrated LLR raises to the threshold or above."""
    return min(1.0, math.exp(-threshold))


def posterior(base_rate: float, llr: float) -> float:
    """Probability of manipulation after evidence of this weight (Bayes' rule)."""
    log_odds = math.log(base_rate) - math.log1p(-base_rate) + llr
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0
