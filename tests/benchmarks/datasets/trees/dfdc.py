"""DFDC: words in the training split, digits in the others, originals in another part, and two files of labels."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.trials import Label, labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree, replace

_PARTS: dict[str, dict[str, dict[str, str | None]]] = {
    "2": {
        "owxbbpjpch.mp4": {"label": "REAL", "split": "train", "original": None},
        "aaqaifqrwn.mp4": {"label": "FAKE", "split": "train", "original": "owxbbpjpch.mp4"},
    },
    "10": {
        "abarnvbtwb.mp4": {"label": "REAL", "split": "train"},
        "dlpoieqvfb.mp4": {"label": "FAKE", "split": "train", "original": "owxbbpjpch.mp4"},
        "etejaapnxh.mp4": {"label": "FAKE", "split": "train"},
    },
}
_VALIDATION: dict[str, Label] = {"afoovlsmtx.mp4": "bonafide", "ahjnxtiamx.mp4": "spoof"}
_TEST: dict[str, tuple[Label, object, str]] = {
    "aalscayrfi.mp4": ("spoof", {}, "none"),
    "aayfryxljh.mp4": ("bonafide", {"augmenter": {"no_audio": {}, "framerate_change": {"fps": 15}}}, ""),
    "abhggqdift.mp4": ("spoof", {"augmenter": {"blur": {"radius": 2}}, "distractor": "text"}, "blur+distractor"),
    "acazlolrpz.mp4": ("bonafide", {}, "none"),
}
_MISSING = {"train/dfdc_train_part_10/abarnvbtwb.mp4", "test/acazlolrpz.mp4"}


def _row(path: str, label: Label, group: str, facts: dict[str, str]) -> Row:
    return Row(
        id=path,
        path=path,
        labels=labels_of(face=label),
        split=path.partition("/")[0],
        group=group,
        missing=path in _MISSING,
        facts=facts,
    )


_ROWS = [
    *(
        _row(
            f"train/dfdc_train_part_{part}/{name}",
            "bonafide" if record["label"] == "REAL" else "spoof",
            record.get("original") or name,
            {"part": part},
        )
        for part, records in _PARTS.items()
        for name, record in records.items()
    ),
    *(_row(f"validation/{name}", label, name, {}) for name, label in _VALIDATION.items()),
    *(
        _row(f"test/{name}", label, name, {"augmentation": augmentation or "framerate_change+no_audio"})
        for name, (label, _, augmentation) in _TEST.items()
    ),
]


def _table(labels: dict[str, Label]) -> str:
    return "filename,label\n" + "".join(f"{name},{int(label == 'spoof')}\n" for name, label in labels.items())


def _make(root: Path, media: Media) -> None:
    for row in _ROWS:
        (root / row.path).parent.mkdir(parents=True, exist_ok=True)
        if not row.missing:
            media.write(root / row.path)
    for part, records in _PARTS.items():
        (root / f"train/dfdc_train_part_{part}/metadata.json").write_text(json.dumps(records))
    (root / "validation/labels.csv").write_text(_table(_VALIDATION))
    (root / "test/labels.csv").write_text(_table({name: label for name, (label, _, _) in _TEST.items()}))
    told = {name: {"is_fake": int(label == "spoof"), "augmentations": of} for name, (label, of, _) in _TEST.items()}
    (root / "test/metadata.json").write_text(json.dumps(told))


TREE = Tree(
    name="dfdc",
    make=_make,
    rows=_ROWS,
    break_label=lambda root: replace(root / "train/dfdc_train_part_2/metadata.json", '"FAKE"', '"Fake"'),
    notes=["2 of the 50 parts", "name no original, each a group of its own: 1"],
)
