"""Our checkpoints beside those of others, on the same rows: every number of the cards and the README.

Each part is measured by itself and kept as a file of its own, so that one can be measured again without the others; the
report puts together what there is. The score files beside it hold every logit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from rich.console import Console

from benchmarks import crops, laundering, shortcuts, subgroups, voices
from benchmarks.scoring import Scorer, names
from detect.types import Modality
from detect.version import VERSION
from weights import load_manifest

COMMAND = "python -m benchmarks checkpoints"
PARTS = {
    "face-crops": "Faces: single crops",
    "voice": "Voices: utterances",
    "laundering": "Laundering",
    "shortcuts": "Shortcuts",
    "subgroups": "Subgroups",
}
"""Part and heading, in the order of the report."""


def measure(shared: Path, out: Path, *, only: Collection[str] = (), everything: bool = False) -> str:
    """Measure, print, and write `checkpoints.md` and the score files.

    Args:
        shared: Holds `faces/` and `voice/`.
        out: Where the results go.
        only: Parts to measure; none for all.
        everything: Launder for every checkpoint, not only for ours and the best of the others.

    Returns:
        The report.
    """
    scorer = Scorer(shared, out / "scores")
    sections: dict[str, Callable[[], list[str]]] = {
        "face-crops": lambda: crops.section(scorer),
        "voice": lambda: voices.section(scorer),
        "laundering": lambda: laundering.section(scorer, everything=everything),
        "shortcuts": lambda: shortcuts.section(scorer),
        "subgroups": lambda: subgroups.section(scorer),
    }
    parts = out / "checkpoints"
    parts.mkdir(parents=True, exist_ok=True)
    for part, heading in PARTS.items():
        if only and part not in only:
            continue
        Console(stderr=True).print(f"measuring: {part}")
        option = " --all" if everything and part == "laundering" else ""
        lines = [f"## {heading}", "", f"`{COMMAND} --only {part}{option}`", "", *sections[part]()]
        (parts / f"{part}.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    found = [parts / f"{part}.md" for part in PARTS if (parts / f"{part}.md").exists()]
    text = "\n".join([*_head(scorer), *(path.read_text(encoding="utf-8") for path in found)])
    (out / "checkpoints.md").write_text(text, encoding="utf-8")
    print(text)
    return text


def _head(scorer: Scorer) -> list[str]:
    lines = [
        "# Checkpoints, side by side",
        "",
        f"Made by `{COMMAND}` with unmask {VERSION}. The rows are for reporting only: nothing was trained, chosen or",
        "calibrated on them. Larger speaks for spoof. Every logit stands in `scores/`, so that each number here can be",
        "computed again without running a network.",
        "",
    ]
    for modality in Modality:
        for name in names(modality):
            kind = "ours" if load_manifest().checkpoint(name).kind == "default" else "upstream"
            lines.append(f"* {modality}: `{name}`, {kind}, weights {scorer.network(name).sha256[:12]}")
    return [*lines, ""]
