"""Whole recordings through the whole program, face checkpoints side by side: what an analyst would get."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from benchmarks.media import listed, scan
from benchmarks.scoring import Scorer, as_scored, names
from benchmarks.tables import DASH, table, value, with_interval
from detect.config import Config, Scoring
from detect.types import Modality
from training.calibration.cost import cllr, min_cllr
from training.calibration.scores import Origin, Scores, read, write
from training.protocol import Label, Trial, protocol_sha256
from training.separation import auc, eer
from weights import load_manifest

LOGIT, LLR = "logit", "llr"
"""Columns of the score files: the program's logit for all faces of a recording, and its LLR where one is filed."""


def section(scorer: Scorer, folder: Path) -> list[str]:
    """Recording level: overall and by data set.

    Args:
        scorer: Opens the checkpoints.
        folder: Where the score files lie.
    """
    config = Config(scoring=Scoring(face_models=tuple(names(Modality.FACE)), voice_models=()))
    entries, num_left_out = listed(scorer.shared)
    trials = [_trial(entry) for entry in entries]
    scores = _scores(scorer, folder, config, entries, trials)
    lines = [
        f"{len(trials)} recordings of {len({trial.group for trial in trials})} people or targets; {num_left_out} rows",
        f"left out, whose file is not there or is another. Configuration {config.digest()[:12]}. A logit is pooled as",
        "the checkpoint's calibration says, or by the highest face where none is filed. AUC, EER and min Cllr are of",
        "logits; Cllr is of the filed LLRs, and a dash where there is none. Intervals are 95 %, by drawing groups;",
        "with so few recordings they are wide, and the rows of one data set are anecdotes.",
        "",
    ]
    rows = []
    for name, one in scores.items():
        scored, logits = one.of(trials, LOGIT)
        pairs = as_scored(list(zip(scored, logits, strict=True)))
        llrs = as_scored(list(zip(*one.of(trials, LLR), strict=True)))
        rows.append(
            [
                name,
                f"{len(scored) / len(trials):.0%}",
                *(with_interval(metric, pairs) for metric in (auc, eer)),
                *(value(metric, data) for metric, data in ((cllr, llrs), (min_cllr, pairs))),
                *_flags(llrs_of=one, trials=trials),
            ]
        )
    header = ("checkpoint", "coverage", "AUC", "EER", "Cllr", "min Cllr", "flagged bona fide", "flagged spoof")
    lines += table(header, rows)
    lines += ["AUC by data set; bona fide recordings of all data sets against the spoofs of one:", ""]
    return [*lines, *_by_dataset(scores, trials), *_each(scores, trials)]


def _flags(llrs_of: Scores, trials: Sequence[Trial]) -> list[str]:
    flag = Scoring().flag_llr
    cells = []
    for label in ("bonafide", "spoof"):
        _, llrs = llrs_of.of([trial for trial in trials if trial.label == label], LLR)
        cells.append(f"{sum(llr >= flag for llr in llrs)} of {len(llrs)}" if llrs else DASH)
    return cells


def _by_dataset(scores: dict[str, Scores], trials: Sequence[Trial]) -> list[str]:
    rows = []
    for dataset in sorted({trial.facts["dataset"] for trial in trials}):
        own = [trial for trial in trials if trial.facts["dataset"] == dataset]
        spoofs = [trial for trial in own if trial.is_spoof]
        inside = [_auc(one, own) for one in scores.values()]
        across = [_auc(one, [*spoofs, *(t for t in trials if not t.is_spoof)]) for one in scores.values()]
        cells = [f"{a} / {b}" if spoofs else DASH for a, b in zip(inside, across, strict=True)]
        rows.append([dataset, f"{len(own) - len(spoofs)} + {len(spoofs)}", *cells])
    return table(("within / against all bona fide", "bona fide + spoof", *scores), rows)


def _auc(scores: Scores, trials: Sequence[Trial]) -> str:
    return value(auc, as_scored(list(zip(*scores.of(trials, LOGIT), strict=True))))


def _each(scores: dict[str, Scores], trials: Sequence[Trial]) -> list[str]:
    rows = []
    for trial in trials:
        cells = []
        for one in scores.values():
            llr, logit = one.logits[LLR][trial.path], one.logits[LOGIT][trial.path]
            cells.append(DASH if logit is None else f"{logit:+.2f}" + ("" if llr is None else f" (LLR {llr:+.2f})"))
        rows.append([trial.path, trial.label, trial.attack, *cells])
    return ["Each recording:", "", *table(("recording", "label", "attack", *scores), rows)]


def _scores(
    scorer: Scorer, folder: Path, config: Config, entries: Sequence[dict[str, str]], trials: Sequence[Trial]
) -> dict[str, Scores]:
    """From the score files, or by one scan for all checkpoints where one is missing or of another make."""
    media = scorer.shared / "media"
    # The configuration and the calibration decide as well, so they are part of what a file must have been made with.
    origins = {
        name: Origin(
            checkpoint=f"{name}@{config.digest()[:12]}@{_calibration_digest(name)}",
            weights_sha256=scorer.network(name).sha256,
            protocol_sha256=protocol_sha256(media),
        )
        for name in names(Modality.FACE)
    }
    paths = {name: folder / f"media.{name}.csv" for name in origins}
    kept = {name: found for name, path in paths.items() if (found := read(path)) and found.origin == origins[name]}
    if len(kept) < len(origins) or any(
        set(one.logits.get(LOGIT, ())) != {t.path for t in trials} for one in kept.values()
    ):
        rows = {row.path: row for row in scan(scorer.shared, entries, config)}
        for name, path in paths.items():
            columns = {
                LOGIT: {trial.path: rows[trial.path].logits.get(name) for trial in trials},
                LLR: {trial.path: rows[trial.path].llrs.get(name) for trial in trials},
            }
            write(path, origins[name], trials, columns)
            kept[name] = Scores(origin=origins[name], logits=columns)
    return {name: kept[name] for name in origins}


def _calibration_digest(name: str) -> str:
    manifest = load_manifest()
    path = manifest.calibration_path(manifest.checkpoint(name))
    return "none" if path is None else hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _trial(entry: dict[str, str]) -> Trial:
    return Trial(
        path=entry["path"],
        label=cast("Label", entry["label"]),
        attack=entry["attack"],
        group=entry["group"],
        split="test",
        facts=entry,
    )
