"""DeeperForensics-1.0: faces of actors put into the videos of FaceForensics++, clean and distorted in ten ways.

Jiang et al., DeeperForensics-1.0: A Large-Scale Dataset for Real-World Face Forgery Detection, CVPR 2020; layout from
dataset/README.md of the repository EndlessSora/DeeperForensics-1.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, lines_of, need, word
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_RAW = ("end_to_end", "reenact_postprocess")
_DISTORTED = (
    *(f"end_to_end_level_{level}" for level in range(1, 6)),
    "end_to_end_random_level",
    *(f"end_to_end_mix_{number}_distortions" for number in range(2, 5)),
)
_VARIANTS = (*_RAW, *_DISTORTED)
_TARGETS = "original_sequences/youtube/c23/videos"
_META = "lists/manipulated_videos_distortions_meta/manipulated_videos_{}_meta.txt"
_SPLITS = ("train", "val", "test")
_NAME = re.compile(r"(?P<target>[0-9]{3})_(?P<sex>[MW])[0-9]{3}\.mp4")
_GENDERS = {"M": "male", "W": "female"}
"""First letter of an actor's name. Faces were swapped within a gender only, so it holds for the target as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Video:
    """One line of a split: a target, and the fake of each variant that is made of it."""

    name: str
    target: str
    gender: str
    split: str


def _read(root: Path) -> Listing:
    videos = _videos(root)
    trials, notes = [], []
    for folder in sorted(path for path in (root / "manipulated_videos").iterdir() if path.is_dir()):
        word(folder.name, dict.fromkeys(_VARIANTS), str(folder))
    for variant in _VARIANTS:
        if not (root / "manipulated_videos" / variant).is_dir():
            notes.append(f"manipulated_videos/{variant} is not in this copy.")
            continue
        distortions = _distortions(root, variant, videos)
        if not distortions:
            notes.append(f"{_META.format(variant)} is not in this copy: how its videos were distorted is not told.")
        trials += [_fake(variant, video, distortions.get(video.name, {})) for video in videos]
    if (root / _TARGETS).is_dir():
        trials += [_real(video) for video in videos]
    else:
        notes.append(
            f"There are no bona fide videos: they are those of FaceForensics++, c23; link {_TARGETS} into this folder."
        )
    if (root / "source_videos").is_dir():
        notes.append("source_videos is left aside: its authors say that it is not the bona fide part.")
    return Listing(trials=trials, notes=notes)


def _videos(root: Path) -> list[_Video]:
    help_text = "DeeperForensics-1.0 is a folder with manipulated_videos and lists/splits/{train,val,test}.txt"
    need(root / "manipulated_videos", help_text)
    videos: dict[str, _Video] = {}
    for split in _SPLITS:
        for place, fields in lines_of(need(root / "lists/splits" / f"{split}.txt", help_text)):
            found = _NAME.fullmatch(fields[0])
            if found is None or len(fields) != 1:
                raise ConfigError(f"{place}: one name such as 980_W010.mp4 is expected")
            target = found["target"]
            if target in videos:
                raise ConfigError(f"{place}: the target {target} stands in {videos[target].split} as well")
            videos[target] = _Video(name=fields[0], target=target, gender=_GENDERS[found["sex"]], split=split)
    return list(videos.values())


def _distortions(root: Path, variant: str, videos: Sequence[_Video]) -> Mapping[str, Mapping[str, str]]:
    """Facts by name of the video, kinds and levels in the order of being applied; empty where nobody tells."""
    if variant in _RAW:
        return {video.name: {"distortion": "none"} for video in videos}
    path = root / _META.format(variant)
    facts: dict[str, Mapping[str, str]] = {}
    for place, (video, *distortions) in lines_of(path) if path.is_file() else ():
        pairs = [one.partition(":") for one in distortions]
        if not pairs or not all(level for _, _, level in pairs):
            raise ConfigError(f"{place}: a path and distortions such as CS:3 are expected")
        kinds, levels = (kind for kind, _, _ in pairs), (level for _, _, level in pairs)
        facts[video.rpartition("/")[2]] = {"distortion": "+".join(kinds), "level": "+".join(levels)}
    return facts


def _fake(variant: str, video: _Video, distortion: Mapping[str, str]) -> Trial:
    path = f"manipulated_videos/{variant}/{video.name}"
    return Trial(
        id=path,
        path=path,
        unit=Unit.RECORDING,
        labels=labels_of(face="spoof"),  # none of the videos has sound
        attack=variant,
        group=video.target,
        split=video.split,
        facts={"gender": video.gender, **distortion},
    )


def _real(video: _Video) -> Trial:
    path = f"{_TARGETS}/{video.target}.mp4"
    return Trial(
        id=path,
        path=path,
        unit=Unit.RECORDING,
        labels=labels_of(face="bonafide"),
        group=video.target,
        split=video.split,
        facts={"gender": video.gender, "distortion": "none"},
        corpora=frozenset({"faceforensics"}),
    )


DATA_SET = DataSet(
    name="deeperforensics",
    title="DeeperForensics-1.0",
    modalities=(Modality.FACE,),
    read=_read,
    expected={  # of 11 variants, and the targets
        "train": Counts(bonafide=703, spoof=11 * 703),
        "val": Counts(bonafide=96, spoof=11 * 96),
        "test": Counts(bonafide=201, spoof=11 * 201),
    },
    corpora=frozenset({"deeperforensics", "faceforensics"}),
    test_split="test",
    development_splits=frozenset({"train", "val"}),
    homepage="https://github.com/EndlessSora/DeeperForensics-1.0",
    how_to_get=(
        "Fill in the form that the repository links to; manipulated_videos and lists are enough, unpacked with its"
        f" unzip.sh. The bona fide videos are those of FaceForensics++: put {_TARGETS} from there into this folder; a"
        " symbolic link is enough."
    ),
    terms="Terms of use of DeeperForensics-1.0: research only, no redistribution; paid, consenting actors.",
    size="11,000 manipulated videos, 128 GB; 48,475 source videos, 183 GB, which are not needed",
    layout=(
        "manipulated_videos/{end_to_end,end_to_end_level_1..5,end_to_end_random_level,"
        "end_to_end_mix_2..4_distortions,reenact_postprocess}/980_W010.mp4   TARGET_ACTOR\n"
        "lists/splits/{train,val,test}.txt\n"
        "lists/manipulated_videos_distortions_meta/manipulated_videos_VARIANT_meta.txt\n"
        f"{_TARGETS}/980.mp4   from FaceForensics++"
    ),
    traps=(
        "source_videos shows actors in a studio and is not the bona fide part; whoever uses it measures the studio.",
        "The bona fide videos are not distorted, the fakes of nine variants are: distortion alone tells them apart.",
        "Its split is not that of FaceForensics++: what is trained there has seen bona fide videos of this test split.",
        "The README says 21 for the 201 videos of the test split.",
    ),
    published=(
        Published(
            system="FWA",
            protocol="trained on FF++ c23 train; variant end_to_end against source_videos; one frame a trial",
            metric="AUC",
            value=0.9334,
            source="Yan et al., DeepfakeBench, NeurIPS 2023",
        ),
        Published(
            system="Effort",
            protocol="trained on FF++ c23 train; which variants and bona fide videos is not certain; one video a trial",
            metric="AUC",
            value=0.977,
            source="Yan et al., Effort, ICML 2025",
        ),
    ),
)
