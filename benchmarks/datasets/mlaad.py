"""MLAAD: books of M-AILABS said again by over a hundred text-to-speech models in some fifty languages.

Mueller et al., MLAAD: The Multi-Language Audio Anti-Spoofing Dataset, IJCNN 2024 (arXiv 2401.09512), which grows with
each version. It has spoofed speech only; the recordings behind it are a download of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from benchmarks.datasets.dataset import Counts, DataSet, Listing, Published, need, rows_of
from benchmarks.trials import Trial, Unit, labels_of
from detect.errors import ConfigError
from detect.types import Modality

_COLUMNS = ("path", "original_file", "language", "model_name", "architecture")
_MORE_FACTS = ("is_original_language", "training_data", "reference_speaker")
"""Columns that not every version has."""
_GENUINE = ("M-AILABS", "m-ailabs", "real")
"""Folders in which M-AILABS is looked for, below the data set's."""


def _read(root: Path) -> Listing:
    fake = need(root / "fake", "MLAAD is the folder that holds fake, with a folder for each language in it")
    trials: dict[str, Trial] = {}
    originals: dict[str, None] = {}
    again = elsewhere = 0
    for folder in sorted(path for path in fake.glob("*/*") if path.is_dir() and not path.name.startswith(".")):
        for trial, original, named in _spoofed(folder, f"fake/{folder.parent.name}/{folder.name}"):
            again += trial.id in trials
            elsewhere += "/" in named and named != trial.path
            trials.setdefault(trial.id, trial)
            if original:
                originals.setdefault(original)
    if not trials:
        raise ConfigError(f"{fake} has no trials: it holds fake/<language>/<model>/meta.csv")
    notes: list[str] = []
    if again:
        notes.append(f"{again} rows name a file for a second time; it is taken once.")
    if elsewhere:
        notes.append(f"{elsewhere} rows name another folder than the one they are in; files are taken from their own.")
    genuine: list[Trial] = []
    if place := next((name for name in _GENUINE if (root / name).is_dir()), None):
        genuine = [_bonafide(original, f"{place}/{original}") for original in sorted(originals)]
    else:
        notes.append(f"M-AILABS is not there (none of {', '.join(_GENUINE)}): no bona fide trials.")
    return Listing(trials=[*trials.values(), *genuine], notes=notes)


def _spoofed(folder: Path, inside: str) -> Iterator[tuple[Trial, str, str]]:
    """Trials of one model in one language, each with its original and with the path that its row has."""
    for place, row in rows_of(need(folder / "meta.csv", "it lists a model's files"), columns=_COLUMNS, delimiter="|"):
        name = PurePosixPath(row["path"]).name
        if not name:
            raise ConfigError(f"{place}: the row names no file")
        original = _original(row["original_file"], place)
        facts = {"language": folder.parent.name, "architecture": row["architecture"]}
        facts.update((fact, row[fact]) for fact in _MORE_FACTS if row.get(fact) not in (None, "", "-"))
        trial = Trial(
            id=f"{inside}/{name}",
            path=f"{inside}/{name}",
            unit=Unit.UTTERANCE,
            labels=labels_of(voice="spoof"),
            attack=row["model_name"],
            group=_reader(original) if original else inside,
            split="all",
            facts=facts,
        )
        yield trial, original, row["path"].removeprefix("./")


def _original(value: str, place: str) -> str:
    """Path below M-AILABS of what a model said again; empty where the row gives none."""
    original = value.removeprefix("./").removeprefix("real/")
    if original == "-":
        return ""
    if original.startswith("/") or ".." in original.split("/"):
        raise ConfigError(f"{place}: {value!r} is no path below M-AILABS")
    return original


def _reader(original: str) -> str:
    """Who read it: `<locale>/by_book/<gender>/<reader>/<book>/wavs/x.wav`. Books read by several have `mix/<book>`."""
    parts = original.split("/")
    return "/".join((parts[0], *parts[2:4])) if len(parts) > 4 and parts[1] == "by_book" else original


def _bonafide(original: str, path: str) -> Trial:
    locale = original.split("/", 1)[0]
    return Trial(
        id=f"M-AILABS/{original}",
        path=path,
        unit=Unit.UTTERANCE,
        labels=labels_of(voice="bonafide"),
        group=_reader(original),
        split="all",
        facts={"language": locale.split("_", 1)[0], "locale": locale},
    )


_POOL = (
    "trained on ASVspoof 2019 LA; MLAAD (version not certain) against all of M-AILABS, where the trials here have only "
    "those recordings of M-AILABS that a model said again"
)


def _published(system: str, value: float) -> Published:
    return Published(system=system, protocol=_POOL, metric="EER %", value=value, source="ASD-SUPERB")


DATA_SET = DataSet(
    name="mlaad",
    title="MLAAD",
    modalities=(Modality.VOICE,),
    read=_read,
    expected={"all": Counts()},
    corpora=frozenset({"mlaad", "m-ailabs"}),
    test_split="all",
    homepage="https://huggingface.co/datasets/mueller91/MLAAD",
    how_to_get=(
        "Download the repository mueller91/MLAAD from Hugging Face. Bona fide speech is the M-AILABS Speech Dataset "
        "(github.com/imdatceleste/m-ailabs-dataset), whose folder with en_US, de_DE and so on, or a symbolic link to "
        "it, belongs beside fake under the name M-AILABS."
    ),
    terms="CC BY-NC 4.0 is what the authors give for MLAAD-tiny; cards of MLAAD also said Apache-2.0: not certain.",
    size=(
        "By version: 5 has 378 h in 38 languages by 82 models, 8 has 570 h, 40 and 119, 9 has 678 h, 51 and 140, "
        "10 about 456,000 files"
    ),
    layout=(
        "fake/<language>/<model>/meta.csv\n"
        "fake/<language>/<model>/*.wav\n"
        "M-AILABS/<locale>/by_book/<gender>/<reader>/<book>/wavs/*.wav"
    ),
    traps=(
        "meta.csv has | between the values and quotes nothing: with a parser's usual quoting, rows are lost.",
        "In version 5 about a thousand rows name the folder zh where the files are in zh-cn.",
        "There is no split; one by files puts the same model on both sides: split by model.",
        "Copies of M-AILABS hold AppleDouble stubs (._x.wav), which are no recordings.",
        "All spoofed speech is new and all bona fide speech is audiobooks: loudness and noise tell them apart.",
        "Languages outside M-AILABS have spoofed trials only, after English originals.",
    ),
    published=(
        _published("MAE-AST, linear head", 18.95),
        _published("XLS-R, frozen, linear head", 20.2),
        _published("LFCC-GMM", 92.8),
    ),
)
