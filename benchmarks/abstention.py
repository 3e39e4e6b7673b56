"""From how small, blurred or short a piece a checkpoint still says something: risk against coverage, on `val`.

Validation crops are made smaller and blurred, validation utterances are cut short. The configuration's limits are the
least values from which on the LLRs of every step alone still inform and rarely raise a false alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scoring import Scorer, own
from benchmarks.tables import DASH, table
from detect.config import Scoring
from detect.crops import SHARPNESS_SIDE_PX, sharpness
from detect.types import Float32Array, Modality, UInt8Array
from detect.version import VERSION
from training.calibration.cost import cllr
from training.calibration.crops import TIGHT_DATASETS
from training.calibration.maps import apply
from training.calibration.scores import collect

COMMAND = "python -m benchmarks abstention"

MOST_CLLR = 0.95
"""Bits that LLRs of a step may cost: whoever says nothing pays 1, so they are worth a twentieth of a bit at least."""
MOST_ALARMS = 0.05
"""Share of bona fide that may reach the flag at a step: 1 in 20."""
_SIDES_PX = (16, 24, 32, 40, 56, 80, 112, 160)
"""Sides of a face box to which crops are shrunk; DFDC crops have 107 to 223."""
_SIGMAS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Gaussian blur in pixels of the crop as it is."""
_SHARPNESS_EDGES = (0, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Lower edges of the bins of sharpness: variance of the Laplacian of the grey face at 128 px, as in `detect.crops`."""
_SECONDS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
_GROUPS = 150
"""Pairs of an original and its fake that are degraded, the first of the protocol."""
_RATE = 16_000

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of quality."""

    value: float
    """Lower end: pixels, sharpness or seconds."""
    coverage: float
    """Share of all copies at this step or above."""
    risk: float
    """Mean of both error rates when deciding by the sign of the LLR, at this step or above."""
    cllr: float
    """Bits, of this step alone."""
    false_alarms: float
    """Share of bona fide that reach the flag, of this step alone."""
    hits: float
    """Share of spoofs that reach the flag, of this step alone."""


def curve(values: FloatArray, edges: Sequence[float], llrs: FloatArray, is_spoof: NDArray[np.bool_]) -> list[Step]:
    """Steps in rising order; those with a class missing are left out.

    Args:
        values: (n,) quality of each copy.
        edges: Lower ends of the steps.
        llrs: (n,) in nats.
        is_spoof: (n,).
    """
    flag = Scoring().flag_llr
    steps = []
    for low, high in zip(edges, [*edges[1:], np.inf], strict=True):
        here, above = (values >= low) & (values < high), values >= low
        if len(set(is_spoof[here].tolist())) < 2:
            continue
        bonafide, spoof = llrs[here & ~is_spoof], llrs[here & is_spoof]
        errors = np.mean(llrs[above & ~is_spoof] > 0), np.mean(llrs[above & is_spoof] <= 0)
        steps.append(
            Step(
                value=float(low),
                coverage=float(above.mean()),
                risk=float(np.mean(errors)),
                cllr=cllr(bonafide=bonafide, spoof=spoof),
                false_alarms=float(np.mean(bonafide >= flag)),
                hits=float(np.mean(spoof >= flag)),
            )
        )
    return steps


def limit(steps: Sequence[Step]) -> float | None:
    """The least value from which on every step informs and rarely alarms; None where not even the best does."""
    least = None
    for step in reversed(steps):
        if step.cllr > MOST_CLLR or step.false_alarms > MOST_ALARMS:
            break
        least = step.value
    return least


def measure(shared: Path, out: Path) -> str:
    """Print and write `abstention.md` for the project's own checkpoints.

    Args:
        shared: Holds `faces/` and `voice/`.
        out: Where the results go.
    """
    scorer = Scorer(shared, out / "scores")
    lines = [
        "# When to abstain",
        "",
        f"Made by `{COMMAND}` with unmask {VERSION}, on degraded copies of validation trials. A limit is the least",
        f"value from which on, step by step, Cllr is at most {MOST_CLLR} bits (1 is saying nothing) and at most",
        f"{MOST_ALARMS:.0%} of bona fide reach the flag. Coverage and risk are of all copies at a step or above, the",
        "rest of the step alone. Coverage is of these copies, not of recordings in the world.",
        "",
    ]
    for name in own(Modality.FACE):
        for setting, steps in _face_curves(scorer, out / "scores", name).items():
            lines += _section(name, setting, steps)
    for name in own(Modality.VOICE):
        lines += _section(name, "speech.min_speech_seconds", _voice_curve(scorer, out / "scores", name))
    text = "\n".join(lines)
    (out / "abstention.md").write_text(text, encoding="utf-8")
    print(text)
    return text


def _section(name: str, setting: str, steps: Sequence[Step]) -> list[str]:
    chosen = limit(steps)
    header = ("from", "coverage", "risk", "Cllr of the step", "flagged bona fide", "flagged spoof")
    rows = [
        [
            f"{step.value:g}",
            f"{step.coverage:.0%}",
            f"{step.risk:.1%}",
            f"{step.cllr:.3f}",
            f"{step.false_alarms:.1%}",
            f"{step.hits:.1%}",
        ]
        for step in steps
    ]
    return [f"## {name}: `{setting}`", "", *table(header, rows), f"Limit by the rule: {chosen or DASH}", ""]


def _face_curves(scorer: Scorer, folder: Path, name: str) -> dict[str, list[Step]]:
    network, crops = scorer.network(name), scorer.crops
    trials = [t for t in scorer.trials(Modality.FACE, "val") if t.facts.get("dataset") in TIGHT_DATASETS][: 2 * _GROUPS]
    changes: dict[str, Callable[[UInt8Array], UInt8Array]] = {"side_native": lambda picture: picture}
    changes |= {f"side_{side}": partial(_shrunk, side=side) for side in _SIDES_PX}
    changes |= {f"blur_{sigma}": partial(_blurred, sigma=sigma) for sigma in _SIGMAS}

    def scored(change: Callable[[UInt8Array], UInt8Array]) -> list[float | None]:
        return list(network.logits(crops.input(t, network.face, lambda picture, _: change(picture)) for t in trials))

    conditions = {key: partial(scored, change) for key, change in changes.items()}
    origin = network.origin(scorer.shared / "faces")
    scores = collect(folder / f"faces-val-degraded.{name}.csv", origin, trials, conditions)
    sizes, sharpnesses, logits, labels, shrunk = [], [], [], [], []
    for key, change in changes.items():
        for trial in trials:
            picture = change(crops.picture(trial))
            logit = scores.logits[key][trial.path]
            if logit is not None:
                sizes.append(min(picture.shape[:2]))
                sharpnesses.append(_sharpness(picture))
                logits.append(logit)
                labels.append(trial.is_spoof)
                shrunk.append(key.startswith("side"))
    llrs, is_spoof, by_size = apply(scorer.window_map(name), np.array(logits)), np.array(labels), np.array(shrunk)
    values = np.array(sizes, np.float64)
    return {
        "faces.min_size_px": curve(values[by_size], _SIDES_PX, llrs[by_size], is_spoof[by_size]),
        "faces.min_sharpness": curve(np.array(sharpnesses), _SHARPNESS_EDGES, llrs, is_spoof),
    }


def _voice_curve(scorer: Scorer, folder: Path, name: str) -> list[Step]:
    network, utterances = scorer.network(name), scorer.utterances
    trials = scorer.trials(Modality.VOICE, "val")

    def scored(seconds: float) -> list[float | None]:
        cuts = (_middle(utterances.waveform(trial), seconds) for trial in trials)
        return list(network.logits(None if cut is None else cut[: network.voice.input.num_samples] for cut in cuts))

    conditions = {f"{seconds:g}_s": partial(scored, seconds) for seconds in _SECONDS}
    scores = collect(
        folder / f"voice-val-short.{name}.csv", network.origin(scorer.shared / "voice"), trials, conditions
    )
    values, logits, labels = [], [], []
    for seconds in _SECONDS:
        kept, found = scores.of(trials, f"{seconds:g}_s")
        values += [seconds] * len(kept)
        logits += found
        labels += [trial.is_spoof for trial in kept]
    return curve(np.array(values), _SECONDS, apply(scorer.window_map(name), np.array(logits)), np.array(labels))


def _shrunk(picture: UInt8Array, side: int) -> UInt8Array:
    """As large as a face of that size; never enlarged."""
    if min(picture.shape[:2]) <= side:
        return picture
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _blurred(picture: UInt8Array, sigma: float) -> UInt8Array:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def _sharpness(picture: UInt8Array) -> float:
    side = SHARPNESS_SIDE_PX
    way = cv2.INTER_AREA if picture.shape[0] > side else cv2.INTER_CUBIC
    return sharpness(np.asarray(cv2.resize(picture, (side, side), interpolation=way)))


def _middle(waveform: Float32Array, seconds: float) -> Float32Array | None:
    """So much from the middle; None where there is less."""
    length = round(seconds * _RATE)
    if len(waveform) < length:
        return None
    start = (len(waveform) - length) // 2
    return waveform[start : start + length]
