"""Voice checkpoints on utterances of demonstration pages, side by side on the same rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from benchmarks.scoring import Scorer, as_scored, names
from benchmarks.tables import COST, QUALITY, cost, quality, share, table, value, with_interval
from detect.types import Modality
from training.calibration.scores import PLAIN
from training.protocol import Trial
from training.separation import auc, eer

Pairs = Sequence[tuple[Trial, float]]
"""Trials and their logits."""


def section(scorer: Scorer) -> list[str]:
    """The `test` utterances: together, by pair, by kind and by system, and systems that training never heard."""
    trials = scorer.trials(Modality.VOICE, "test")
    scored = {name: scorer.logits(name, "test", PLAIN, trials) for name in names(Modality.VOICE)}
    lines = [
        "AUC, EER, min Cllr and minDCF are of logits. LLRs by each checkpoint's window map: the filed one of ours,",
        "and for the others a map fitted in the same way on the same `val` utterances, so that Cllr compares like",
        "with like. Intervals are 95 %, by drawing groups (sentence, speaker or page) with replacement. minDCF and",
        "actDCF: ASVspoof 5 (spoofs 0.05, costs 1 and 10).",
        "",
        *table(
            ("checkpoint", "bona fide + spoof", *QUALITY, *COST),
            [
                [
                    name,
                    _counts(pairs),
                    *quality(as_scored(pairs), scorer.window_map(name)),
                    *cost(as_scored(pairs), scorer.window_map(name)),
                ]
                for name, pairs in scored.items()
            ],
        ),
        "### Ground truth against syntheses of the same sentence",
        "",
        "How often the ground truth scores below every synthesis of its sentence, and below each single one. `chance`",
        "is what coin tosses reach in the first column, since it falls with the number of syntheses.",
        "",
        *_pair_table(scored),
    ]
    lines += ["### Systems never heard in training", "", *_unseen(scorer, scored)]
    lines += ["### By kind", "", *_by(scored, lambda trial: trial.facts["kind"], _spoof_kinds(trials))]
    systems = sorted({trial.attack for trial in trials if trial.is_spoof})
    lines += ["### By system", "", "EER of each system's spoofs against all bona fide speech.", ""]
    return [*lines, *_by(scored, lambda trial: trial.attack, systems)]


def components(system: str) -> frozenset[str]:
    """The parts of a system's name: an acoustic model and its vocoder are joined by `+`, alternatives by `/`."""
    parts = (part.strip().lower().removesuffix("-voc") for part in re.split(r"[+/()]", system))
    return frozenset(part for part in parts if part)


def _unseen(scorer: Scorer, scored: Mapping[str, Pairs]) -> list[str]:
    known = {trial.attack for trial in scorer.trials(Modality.VOICE, "train") if trial.is_spoof}
    parts = frozenset(part for system in known for part in components(system))
    rules: list[tuple[str, Callable[[Trial], bool]]] = [
        ("name not in `train`", lambda trial: trial.attack not in known),
        ("no part of the name in `train`", lambda trial: not components(trial.attack) & parts),
        ("name in `train`", lambda trial: trial.attack in known),
    ]
    rows = []
    for rule, keep in rules:
        for name, pairs in scored.items():
            kept = [(trial, logit) for trial, logit in pairs if not trial.is_spoof or keep(trial)]
            systems = {trial.attack for trial, _ in kept if trial.is_spoof}
            rows.append(
                [rule, str(len(systems)), name, _counts(kept), *(with_interval(m, as_scored(kept)) for m in (auc, eer))]
            )
    text = [
        "A system is known by its name in the protocol: `HiFi-GAN` is new although `train` has `Tacotron2+HiFi-GAN`.",
        "The second rule is stricter: names are taken apart at `+` and `/`, and no part may have been heard.",
        "",
    ]
    return [*text, *table(("rule", "systems", "checkpoint", "bona fide + spoof", "AUC", "EER"), rows)]


def _pair_table(scored: Mapping[str, Pairs]) -> list[str]:
    rows = []
    for name, pairs in scored.items():
        sentences: dict[str, tuple[list[float], list[float]]] = {}
        for trial, logit in pairs:
            if trial.facts["pair"]:
                sentences.setdefault(trial.facts["pair"], ([], []))[trial.is_spoof].append(logit)
        both = [(bonafide, spoof) for bonafide, spoof in sentences.values() if bonafide and spoof]
        # One coin for each voice: the ground truth is the lowest of n + 1 with probability 1 / (n + 1).
        chance = sum(1 / (len(spoof) + 1) for _, spoof in both) / max(len(both), 1)
        singles = [genuine < fake for bonafide, spoof in both for genuine in bonafide for fake in spoof]
        below = [max(bonafide) < min(spoof) for bonafide, spoof in both]
        rows.append([name, share(below), f"{chance:.0%}", f"{sum(singles)} of {len(singles)}"])
    return table(("checkpoint", "below every synthesis", "chance", "below a single synthesis"), rows)


def _by(scored: Mapping[str, Pairs], key: Callable[[Trial], str], values: Sequence[str]) -> list[str]:
    rows = []
    for wanted in values:
        cells = []
        count = 0
        for pairs in scored.values():
            kept = [(trial, logit) for trial, logit in pairs if not trial.is_spoof or key(trial) == wanted]
            count = sum(trial.is_spoof for trial, _ in kept)
            cells.append(value(eer, as_scored(kept)))
        rows.append([wanted, str(count), *cells])
    return table(("EER", "spoofs", *scored), rows)


def _spoof_kinds(trials: Sequence[Trial]) -> list[str]:
    return sorted({trial.facts["kind"] for trial in trials if trial.is_spoof})


def _counts(pairs: Pairs) -> str:
    num_spoof = sum(trial.is_spoof for trial, _ in pairs)
    return f"{len(pairs) - num_spoof} + {num_spoof}"
