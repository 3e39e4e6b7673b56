"""DF40: faces swapped, reenacted, synthesised or edited by forty methods, as single frames.

Yan et al., DF40: Toward Next-Generation Deepfake Detection, NeurIPS 2024 Datasets and Benchmarks. Its protocol is a
folder of JSON files in DeepfakeBench's form; without it the folders are walked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, names_below, word
from benchmarks.datasets.json_file import json_of
from benchmarks.trials import Label, Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_FAMILIES = {
    "FS": "fsgan faceswap simswap inswap blendface uniface mobileswap e4s facedancer deepfacelab",
    "FR": "fomm facevid2vid wav2lip MRAA one_shot_free pirender tpsm lia danet sadtalker mcnet hyperreenact heygen",
    "EFS": "VQGAN StyleGAN2 StyleGAN3 StyleGANXL sd2.1 ddim rddm pixart DiT SiT MidJourney whichisreal",
    "FE": "CollabDiff e4e stargan starganv2 styleclip",
}
"""Face swapping, face reenactment, entire face synthesis, face editing; methods as labels in the JSON files."""
_METHODS = {name.lower(): (name, family) for family, names in _FAMILIES.items() for name in names.split()}
# Folders of the download are written otherwise than labels, and in other cases.
_METHODS |= {"stargan2": ("starganv2", "FE"), "whichfaceisreal": ("whichisreal", "EFS")}
_SOURCES = {"deepfacelab": "uadfv", "heygen": "vfhq", "MidJourney": "ffhq", "whichisreal": "ffhq"}
_SOURCES |= {"CollabDiff": "celeba", "stargan": "celeba", "starganv2": "celeba", "styleclip": "celeba"}
"""What methods build on that do not build on FaceForensics++ and Celeb-DF, by the README."""
_LABELS: dict[str, Label] = {"fake": "spoof", "real": "bonafide"}
_LABEL = re.compile(r".+[-_](?P<word>[^-_]+)")
_MARK = re.compile(r"^(?:.*/)?deepfakes?_detection_datasets/|^(?:\./)+")
"""What stands before the part of a frame's path that is the same everywhere."""
_IMAGES = (".png", ".jpg", ".jpeg")
_LOOSE = re.compile(r"fake|real|frames|inversions|Celeb-real|YouTube-real|Fake_from_.*")
"""Folders whose frames have nothing to do with one another."""
_SPLITS = ("test", "train", "val")
"""A frame that stands in several belongs to the first."""
_REALS = {"FaceForensics++": ("ff", "faceforensics"), "Celeb-DF-v2": ("cdf", "celeb-df")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """One frame as a JSON file or a folder has it."""

    path: str
    """Below the folder that holds DF40, DF40_train, FaceForensics++ and Celeb-DF-v2."""
    label: Label
    split: str
    place: str


def _read(root: Path) -> Listing:
    base = next((one for one in sorted(root.glob("deepfake*_detection_datasets")) if one.is_dir()), root)
    protocols = [
        path for folder in dict.fromkeys((root, base)) for path in sorted((folder / "dataset_json").glob("*.json"))
    ]
    frames: dict[str, _Frame] = {}
    both = set()
    for frame in _listed(protocols) if protocols else _walked(base):
        earlier = frames.setdefault(frame.path, frame)
        if earlier.label != frame.label:
            raise ConfigError(f"{frame.place}: {frame.path} is labelled otherwise at {earlier.place}")
        if {earlier.split, frame.split} == {"test", "train"}:
            both.add(frame.path)
        if _SPLITS.index(frame.split) < _SPLITS.index(earlier.split):
            frames[frame.path] = frame
    if not frames:
        raise ConfigError(f"{root} has neither dataset_json/*.json nor frames below DF40 or DF40_train: it is no DF40")
    notes = [] if protocols else ["there is no dataset_json: folders are walked, and genuine frames may be too many"]
    if both:
        notes.append(f"frames that the protocol has both in train and in test, counted in test: {len(both)}")
    prefix = "" if base == root else f"{base.name}/"
    return Listing(trials=[_trial(frame, prefix) for frame in frames.values()], notes=notes)


def _listed(protocols: Iterable[Path]) -> Iterator[_Frame]:
    for path in protocols:
        content = json_of(path)
        for split in _SPLITS:
            for place, video in _videos(path, content, split):
                text = video.get("label")
                found = _LABEL.fullmatch(text) if isinstance(text, str) else None
                label = word(found["word"].lower() if found else str(text), _LABELS, place)
                frames = video.get("frames")
                if not isinstance(frames, list) or not all(isinstance(frame, str) for frame in frames):
                    raise ConfigError(f"{place}: frames should be a list of paths")
                for frame in frames:
                    name = _MARK.sub("", frame.replace("\\", "/"))
                    yield _Frame(path=name, label=label, split=split, place=place)


def _videos(path: Path, content: Any, split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # data set -> label -> split -> video -> {label, frames}
    for labels in _objects(content, str(path)).values():
        for label, splits in _objects(labels, str(path)).items():
            videos = _objects(splits, f"{path}: {label}").get(split, {})
            for name, video in _objects(videos, f"{path}: {label}: {split}").items():
                place = f"{path}: {label}: {split}: {name}"
                yield place, _objects(video, place)


def _objects(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{place} should be a JSON object, as DeepfakeBench writes it")
    return value


def _walked(base: Path) -> Iterator[_Frame]:
    seen = set()
    for folder, split in (("DF40", "test"), ("DF40_train", "train")):
        for name in names_below(base / folder, *_IMAGES):
            parts = PurePosixPath(name).parts
            if "landmarks" in parts or "masks" in parts:
                continue
            label: Label = "bonafide" if parts[1] == "real" else "spoof"
            if split == "test" and parts[1] == "ff":
                seen.update(parts[-2].split("_"))
            yield _Frame(path=f"{folder}/{name}", label=label, split=split, place=str(base / folder / parts[0]))
    for name in names_below(base / "FaceForensics++" / "original_sequences", *_IMAGES):
        split = "test" if PurePosixPath(name).parts[-2] in seen else "train"
        path = f"FaceForensics++/original_sequences/{name}"
        yield _Frame(path=path, label="bonafide", split=split, place=path)
    for folder in ("Celeb-real", "YouTube-real"):
        for name in names_below(base / "Celeb-DF-v2" / folder, *_IMAGES):
            path = f"Celeb-DF-v2/{folder}/{name}"
            yield _Frame(path=path, label="bonafide", split="test", place=path)


def _trial(frame: _Frame, prefix: str) -> Trial:
    parts = PurePosixPath(frame.path).parts
    if len(parts) < 3:
        raise ConfigError(f"{frame.place}: {frame.path!r} is no path of a frame")
    video = None if _LOOSE.fullmatch(parts[-2]) else parts[-2]
    attack, facts, corpora = "-", {}, frozenset[str]()
    if parts[0] in _REALS:
        if frame.label == "spoof":
            raise ConfigError(f"{frame.place}: {frame.path} is a genuine frame by its path and not by its label")
        domain, corpus = _REALS[parts[0]]
        corpora = frozenset({corpus})
    elif parts[0] in {"DF40", "DF40_train"}:
        method, family = word(parts[1].lower(), _METHODS, f"{frame.place}: {frame.path}")
        part = "ff" if parts[0] == "DF40_train" else parts[2]
        if part not in {"ff", "cdf", *_LABELS}:
            raise ConfigError(f"{frame.place}: {frame.path} lies below none of ff, cdf, fake, real")
        if _LABELS.get(part, frame.label) != frame.label:
            raise ConfigError(f"{frame.place}: {frame.path} is not {frame.label} by its path")
        domain = method if part in _LABELS else part
        corpora = frozenset({_SOURCES[method]}) if domain == method and method in _SOURCES else corpora
        facts["family"] = family
        if frame.label == "spoof":
            attack = method
    else:
        raise ConfigError(f"{frame.place}: {frame.path} lies below none of DF40, DF40_train, {', '.join(_REALS)}")
    # FaceForensics++ and Celeb-DF write <target>_<source>; pictures without a video are named like one, or by number.
    person = (video or PurePosixPath(frame.path).stem).split("_")[0]
    return Trial(
        id=frame.path,
        path=prefix + frame.path,
        unit=Unit.FRAME,
        labels=labels_of(face=frame.label),
        attack=attack,
        group=f"{domain}/{person}",
        split=frame.split,
        sequence=None if video is None else "/".join(parts[:-1]),
        facts={**facts, "domain": domain},
        corpora=corpora,
    )


_EFFORT = "Yan et al., Effort, 2025, DF40 cross-method table"
_CROSS = "trained on FaceForensics++ c23; test, domain ff, {} against genuine FaceForensics++; one trial is a video"
_AUCS = {
    "uniface": 0.962,
    "blendface": 0.873,
    "mobileswap": 0.953,
    "e4s": 0.983,
    "facedancer": 0.926,
    "fsgan": 0.957,
    "inswap": 0.936,
    "simswap": 0.926,
}

DATA_SET = DataSet(
    name="df40",
    title="DF40",
    modalities=(Modality.FACE,),
    read=_read,
    expected={"train": Counts(), "test": Counts()},
    corpora=frozenset({"df40", "faceforensics", "celeb-df"}),
    test_split="test",
    development_splits=frozenset({"train", "val"}),
    homepage="https://github.com/YZY-stack/DF40",
    how_to_get=(
        "Download DF40 (test), DF40_train, the genuine frames of FaceForensics++ and Celeb-DF-v2 and dataset_json from "
        "the links on the homepage, unpack each method into a folder of its name, and put all of them into one folder."
    ),
    terms="CC BY-NC 4.0: no commercial use; what it builds on has terms of its own.",
    size="frames only: test about 93 GB, train about 50 GB (its README says 93 GB for both)",
    layout=(
        "dataset_json/<method>_{ff,cdf}.json\nDF40/<method>/{ff,cdf}/[frames/]<video>/<n>.png\n"
        "DF40/<method>/{fake,real}/... (methods with genuine frames of their own)\n"
        "DF40_train/<method>/[frames/]<video>/<n>.png\n"
        "FaceForensics++/original_sequences/youtube/c23/frames/<id>/<n>.png\nCeleb-DF-v2/{Celeb-real,YouTube-real}/..."
    ),
    traps=(
        "The frames of val are those of test: whoever chooses a checkpoint on val has chosen it on test.",
        "Some fakes (e4e on FaceForensics++) stand in train and in test.",
        "Paths in the JSON files begin with folders of the authors' machine, spelt deepfakes_detection_datasets.",
        "Training frames of synthesising methods are listed below DF40/<method>/ff, not below DF40_train.",
        "Genuine frames of FaceForensics++ and Celeb-DF are separate downloads; each stands in many JSON files.",
        "Genuine frames of some methods come from another source than the fakes: the source alone may tell them apart.",
    ),
    published=tuple(
        Published(system="Effort", protocol=_CROSS.format(method), metric="AUC", value=value, source=_EFFORT)
        for method, value in _AUCS.items()
    ),
)
