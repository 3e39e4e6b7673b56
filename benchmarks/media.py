"""Whole recordings through the whole program, with every checkpoint: what each says, and where it abstains.

These rows are for reporting only: nothing is trained, calibrated or chosen on them.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from detect.analyze import Analyzer
from detect.config import Config, Scoring
from detect.engine import LocalEngine
from detect.models import CATALOGUE
from detect.report import Report
from detect.types import Modality
from detect.version import VERSION
from pipelines.sandbox import Sandbox
from training.separation import auc, eer

COMMAND = "python -m benchmarks media"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One recording of the protocol, and what came of it."""

    path: str
    dataset: str
    label: str
    attack: str
    state: str
    tracks: int
    scored_samples: int
    speech_seconds: float
    logits: dict[str, float]
    """By checkpoint, recording level; absent where it abstained."""
    llrs: dict[str, float]
    """By checkpoint, in nats; absent where it abstained or has no calibration on file."""
    abstentions: str


def measure(shared: Path, out: Path, limit: int | None) -> list[Row]:
    """Scan every recording of `media/protocol.csv` and write `media.csv` and `media.md`.

    Args:
        shared: Folder that holds `media/`.
        out: Where the results go.
        limit: Only the first so many.
    """
    config = Config(scoring=Scoring(face_models=_names(Modality.FACE), voice_models=_names(Modality.VOICE)))
    protocol, num_left_out = listed(shared, limit)
    rows = scan(shared, protocol, config)
    out.mkdir(parents=True, exist_ok=True)
    _write_csv(rows, out / "media.csv")
    text = _markdown(rows, config, num_left_out)
    (out / "media.md").write_text(text, encoding="utf-8")
    print(text)
    return rows


def listed(shared: Path, limit: int | None = None) -> tuple[list[dict[str, str]], int]:
    """Rows of `media/protocol.csv` that speak of a file that is there, and how many do not.

    A row speaks of the bytes it names by digest: where others lie at its path, its label says nothing of them.
    """
    with (shared / "media" / "protocol.csv").open(encoding="utf-8", newline="") as file:
        entries = list(csv.DictReader(file))[:limit]
    kept = [entry for entry in entries if _sha256(shared / "media" / entry["path"]) == entry["sha256"]]
    return kept, len(entries) - len(kept)


def scan(shared: Path, protocol: Sequence[dict[str, str]], config: Config) -> list[Row]:
    """Examine recordings with every checkpoint that the configuration names."""
    engine = LocalEngine(config, weights=[shared / "weights" / "upstream"])
    with Sandbox() as sandbox:
        analyzer = Analyzer(config, engine=engine, decoder=sandbox)
        return [
            _row(entry, analyzer.examine(shared / "media" / entry["path"]))
            for entry in track(protocol, "scanning", console=Console(stderr=True))
        ]


def _names(modality: Modality) -> tuple[str, ...]:
    return tuple(name for name, spec in CATALOGUE.items() if spec.modality is modality)


def _row(entry: dict[str, str], report: Report) -> Row:
    body = report.body
    scores = [score for finding in body.findings for score in finding.scores]
    reason = f":{body.outcome.reason}" if body.outcome.reason else ""
    return Row(
        path=entry["path"],
        dataset=entry["dataset"],
        label=entry["label"],
        attack=entry["attack"],
        state=f"{body.outcome.state}{reason}",
        tracks=len(body.tracks),
        scored_samples=sum(item.num_scored for item in body.tracks),
        speech_seconds=round(sum(voice.speech_seconds for voice in body.voices), 2),
        logits={score.model: score.logit for score in scores},
        llrs={score.model: score.llr for score in scores if score.llr is not None},
        abstentions=" ".join(f"{entry.subject}:{entry.reason}" for entry in body.abstentions),
    )


def _write_csv(rows: list[Row], path: Path) -> None:
    names = [*_names(Modality.FACE), *_names(Modality.VOICE)]
    facts = ("path", "dataset", "label", "attack", "state", "tracks", "scored_samples", "speech_seconds")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*facts, *names, "abstentions"])
        for row in rows:
            logits = [row.logits.get(name, "") for name in names]
            writer.writerow([*(getattr(row, fact) for fact in facts), *logits, row.abstentions])


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _markdown(rows: list[Row], config: Config, num_left_out: int) -> str:
    lines = [
        "# Whole recordings, every checkpoint",
        "",
        f"Made by `{COMMAND}` with unmask {VERSION}, configuration {config.digest()[:12]}. Logits are raw network",
        "outputs, larger for spoof, uncalibrated, and not comparable between checkpoints. A recording's logit is",
        "pooled as the checkpoint's calibration says, or is that of its highest face or voice where none is filed; a",
        "dash is an abstention, whose reason stands in `media.csv`.",
        f"{len(rows)} recordings; {num_left_out} rows of the protocol left out, whose file is not there or is another.",
        "",
    ]
    for modality in Modality:
        names = _names(modality)
        lines += [f"## {modality}", "", "| recording | label | attack | " + " | ".join(names) + " |"]
        lines += ["|---|---|---" + "|--:" * len(names) + "|"]
        for row in rows:
            cells = [f"{row.logits[name]:+.2f}" if name in row.logits else "-" for name in names]
            lines.append(f"| {row.path} | {row.label} | {row.attack} | " + " | ".join(cells) + " |")
        lines += ["", *_summary(rows, modality, names)]
    return "\n".join(lines) + "\n"


def _summary(rows: list[Row], modality: Modality, names: tuple[str, ...]) -> list[str]:
    """How each checkpoint separates the labels, where a label of the recording speaks of this modality."""
    if modality is Modality.VOICE:
        return ["The protocol labels pictures, not voices: there is nothing here to separate the voice logits by.", ""]
    lines = ["| checkpoint | scored | coverage | AUC | EER |", "|---|--:|--:|--:|--:|"]
    for name in names:
        scores: dict[str, list[float]] = defaultdict(list)
        for row in rows:
            if name in row.logits:
                scores[row.label].append(row.logits[name])
        count = sum(map(len, scores.values()))
        separated = [f"{count}", f"{count / len(rows):.0%}"]
        if scores["bonafide"] and scores["spoof"]:
            separated += [f"{metric(bonafide=scores['bonafide'], spoof=scores['spoof']):.3f}" for metric in (auc, eer)]
        lines.append(f"| {name} | " + " | ".join(separated) + " |")
    return [*lines, ""]
