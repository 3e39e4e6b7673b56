"""WildDeepfake: faces cut out of videos from the web, as sequences of pictures.

Zi et al., WildDeepfake: A Challenging Real-World Dataset for Deepfake Detection, ACM Multimedia 2020; layout from
https://huggingface.co/datasets/xingjunm/WildDeepfake.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, names_below, word
from benchmarks.trials import Label, Subject, Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_WORDS: dict[str, Label] = {"real": "bonafide", "fake": "spoof"}
_FOLDERS = [(label_word, split) for split in ("train", "test") for label_word in _WORDS]
_ARCHIVE = ".tar.gz"
_INSIDE = re.compile(r"(?P<shard>[^/]+)/(?P<word>[^/]+)/(?P<sequence>[^/]+)/(?P<frame>[^/]+)\.png")
_LABELS: dict[Label, Mapping[Subject, Label]] = {label: labels_of(face=label) for label in _WORDS.values()}
"""One for all trials of a label: there are more than a million."""


class _Frame(NamedTuple):
    """One picture."""

    shard: str
    sequence: str
    number: str
    path: str
    """Below the data set's folder."""


def _read(root: Path) -> Listing:
    base = root / "deepfake_in_the_wild"
    if not base.is_dir():
        base = root
    trials: list[Trial] = []
    notes = []
    for label_word, split in _FOLDERS:
        # The README writes a space, the archives that are published an underscore.
        names = (f"{label_word}_{split}", f"{label_word} {split}")
        folder = next((base / name for name in names if (base / name).is_dir()), None)
        if folder is None:
            notes.append(f"{names[0]} is not in this copy.")
            continue
        frames, doubles = _frames(root, folder, label_word)
        trials += _trials(frames, label_word, split)
        if doubles:
            notes.append(
                f"{folder.name}: archives left aside, for they lie unpacked beside them: {', '.join(doubles)}."
            )
    if not trials:
        raise ConfigError(
            f"{root}: WildDeepfake is deepfake_in_the_wild, a folder with real_train, real_test, fake_train and"
            " fake_test, each of which holds 1.tar.gz and so on"
        )
    return Listing(trials=trials, notes=notes)


def _frames(root: Path, folder: Path, label_word: str) -> tuple[list[_Frame], list[str]]:
    """Frames of one of the four folders in order of time, and names of archives that are there unpacked too."""
    unpacked = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    archives = sorted(path for path in folder.iterdir() if path.name.endswith(_ARCHIVE) and path.name[0] != ".")
    frames = []
    for shard in unpacked:
        inside = (f"{shard.name}/{name}" for name in names_below(shard, ".png"))
        frames += [_frame(root, f"{folder}/{name}", name, label_word) for name in inside]
    names = {path.name for path in unpacked}
    doubles = [path.name for path in archives if path.name.removesuffix(_ARCHIVE) in names]
    for archive in archives:
        if archive.name not in doubles:
            frames += [_frame(root, f"{archive}!/{name}", name, label_word) for name in _members(archive)]
    return sorted(frames, key=lambda one: (*map(_in_order, (one.shard, one.sequence, one.number)), one.path)), doubles


def _members(archive: Path) -> Iterator[str]:
    """Names of an archive's pictures, without the `./` that most of them begin with.

    The archives of the data set are called `.tar.gz` and are not compressed; those who pack them again compress them.
    """
    try:
        with tarfile.open(archive, "r:*") as opened:
            for member in opened:
                name = member.name.rpartition("/")[2]
                if member.isfile() and name.endswith(".png") and not name.startswith("._"):
                    yield member.name.removeprefix("./")
            if opened.fileobj is not None:  # `tarfile` takes a header that is cut off for the end
                opened.fileobj.seek(opened.offset)
                if opened.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                    raise tarfile.ReadError("the block of zeros that ends an archive is not there")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ConfigError(f"{archive}: it cannot be read to its end, so frames would be left out: {error}") from error


def _frame(root: Path, place: str, name: str, label_word: str) -> _Frame:
    found = _INSIDE.fullmatch(name)
    if found is None:
        raise ConfigError(f"{place}: a path such as 1/{label_word}/131/942.png is expected in it")
    if word(found["word"], _WORDS, place) != _WORDS[label_word]:
        raise ConfigError(f"{place}: it lies in a folder for {label_word}")
    path = place.removeprefix(f"{root}/")
    return _Frame(shard=found["shard"], sequence=found["sequence"], number=found["frame"], path=path)


def _in_order(number: str) -> tuple[int, str]:
    """Key by which 9 comes before 10."""
    return len(number), number


def _trials(frames: list[_Frame], label_word: str, split: str) -> Iterator[Trial]:
    label = _WORDS[label_word]
    for shard, sequence, number, path in frames:
        group = f"{label_word}_{split}/{shard}"
        yield Trial(
            id=f"{group}/{sequence}/{number}.png",  # whether it is packed or not
            path=path,
            unit=Unit.FRAME,
            labels=_LABELS[label],
            attack="-",  # nobody knows how the fakes of the web were made
            group=group,
            split=split,
            sequence=f"{group}/{sequence}",
        )


DATA_SET = DataSet(
    name="wilddeepfake",
    title="WildDeepfake",
    modalities=(Modality.FACE,),
    read=_read,
    # Sequences are published; frames only in all, and not by split.
    expected={"train": Counts(), "test": Counts()},
    corpora=frozenset({"wilddeepfake"}),
    test_split="test",
    development_splits=frozenset({"train"}),
    homepage="https://github.com/OpenTAI/wild-deepfake",
    how_to_get=(
        "Download xingjunm/WildDeepfake from Hugging Face after accepting its conditions; the folder is"
        " deepfake_in_the_wild, and its archives need not be unpacked."
    ),
    terms="The card on Hugging Face says Apache-2.0, the paper research only; faces of real people from the web.",
    size=(
        "7,314 sequences of 707 videos, about 1.18 million PNG pictures of 224 x 224; train 3,409 real and 3,099 fake"
        " sequences, test 396 real and 410 fake"
    ),
    layout=(
        "deepfake_in_the_wild/{real_train,real_test,fake_train,fake_test}/1.tar.gz"
        "   with ./1/{real,fake}/131/942.png   SHARD/LABEL/SEQUENCE/FRAME\n"
        "or the same unpacked: fake_train/1/fake/131/942.png"
    ),
    traps=(
        "The archives are called .tar.gz and are plain tar; what insists on gzip cannot open them.",
        "A trial is a picture: numbers of frames and of sequences do not compare.",
        "The pictures are cut to the face already; whoever looks for faces in them again loses some.",
        "The people of a sequence are not named: an archive is taken for a group, which is not certain.",
        "There is no validation split.",
    ),
    published=(
        Published(
            system="Effort",
            protocol="trained on FF++ c23 train; test split of WildDeepfake; one sequence a trial, as for videos",
            metric="AUC",
            value=0.848,
            source="Yan et al., Effort, ICML 2025",
        ),
    ),
)
