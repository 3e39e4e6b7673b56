"""What a copy of a data set is worth: counts, published checksums, files that are missing, doubled or unreadable.

A partial copy is no error: it is said, and marked wherever a number from it is shown. Other bytes than published,
unreadable files and more trials than there can be are errors: no number should come from them unexplained.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets.dataset import Counts, DataSet, Listing
from benchmarks.runs.finder import by_archive, member_names, unpacked
from benchmarks.tables import DASH, table
from benchmarks.trials import Label, Trial, split_sha256
from detect.config import Config
from detect.decode import Decoder
from detect.errors import InputError
from training.protocol import INSIDE

PROBED = 200
"""Files that are opened unless all are asked for: where 1.5 % are unreadable, 19 of 20 such looks find one of them."""
_SHOWN = 10
"""Names of a kind of trouble that are printed; the rest is counted."""

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One kind of thing that is not as it should be."""

    title: str
    names: Sequence[str]
    error: bool
    """Whether numbers from this copy need an explanation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What was found."""

    text: str
    """Markdown, for people."""
    errors: int
    partial: bool


def validate(
    data_set: DataSet,
    root: Path,
    decoder: Decoder,
    *,
    every_file: bool,
    tell: Tell = lambda _what, _done, _all: None,
) -> Validation:
    """Compare a copy of a data set with what its authors say of it.

    Args:
        data_set: What it should be.
        root: Where it lies.
        decoder: Opens files to see whether they can be read.
        every_file: Open all of them, not only `PROBED`.
        tell: Told how far it is.

    Raises:
        ConfigError: it is not this data set, or a label word is unknown.
    """
    listing = data_set.read(root)
    there, sizes = files_there(root, listing.trials)
    missing = [trial.path for trial in listing.trials if trial.id not in there]
    present = [trial for trial in listing.trials if trial.id in there]
    troubles = [
        *_checksum_troubles(data_set, root, tell),
        *_count_troubles(data_set, listing.trials),
        Trouble(title="listed and not there", names=missing, error=False),
        *_double_troubles(root, present, sizes, tell),
        *_unreadable(root, present, decoder, every_file=every_file, tell=tell),
    ]
    lines = [f"# {data_set.title} in {root}", "", *counts_table(data_set, listing, there)]
    lines += [f"Trials and labels: SHA-256 {split_sha256(listing.trials)}", ""]
    lines += [f"- {note}" for note in listing.notes] + ([""] if listing.notes else [])
    for trouble in troubles:
        if trouble.names:
            mark = "ERROR" if trouble.error else "note"
            more = [f"  ... and {len(trouble.names) - _SHOWN} more"] if len(trouble.names) > _SHOWN else []
            lines += [f"{mark}: {len(trouble.names)} {trouble.title}"]
            lines += [*(f"  {name}" for name in trouble.names[:_SHOWN]), *more, ""]
    errors = sum(len(trouble.names) for trouble in troubles if trouble.error)
    partial = is_partial(data_set, listing.trials, there)
    looked = len(present) if every_file else min(PROBED, len(present))
    lines.append(f"{looked:,} of {len(present):,} files were opened. " + ("Partial copy. " if partial else ""))
    lines.append(f"{errors} errors." if errors else "No errors.")
    return Validation(text="\n".join(lines), errors=errors, partial=partial)


def is_partial(data_set: DataSet, trials: Sequence[Trial], there: set[str]) -> bool:
    """Whether trials are missing: files that are not there, or fewer trials than published."""
    found = Counter(trial.split for trial in trials)
    totals = {split: counts.all for split, counts in data_set.expected.items()}
    return len(there) < len(trials) or any(
        total is not None and found[split] < total for split, total in totals.items()
    )


def counts_table(data_set: DataSet, listing: Listing, there: set[str]) -> list[str]:
    """By split: trials that are listed, published, and there."""
    splits = [*data_set.expected, *sorted({trial.split for trial in listing.trials} - data_set.expected.keys())]
    rows = []
    for split in splits:
        trials = [trial for trial in listing.trials if trial.split == split]
        counts = data_set.expected.get(split, Counts())
        listed = {label: sum(_label(trial) == label for trial in trials) for label in ("bonafide", "spoof")}
        rows.append(
            [
                split,
                *(f"{listed[label]:,} / {_or_dash(published)}" for label, published in _published(counts)),
                f"{len(trials):,} / {_or_dash(counts.all)}",
                f"{sum(trial.id in there for trial in trials):,}",
            ]
        )
    return table(("split", "bona fide / published", "spoof / published", "all / published", "files there"), rows)


def _label(trial: Trial) -> Label:
    return "spoof" if "spoof" in trial.labels.values() else "bonafide"


def _published(counts: Counts) -> tuple[tuple[Label, int | None], tuple[Label, int | None]]:
    return ("bonafide", counts.bonafide), ("spoof", counts.spoof)


def _or_dash(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def files_there(root: Path, trials: Sequence[Trial]) -> tuple[set[str], dict[str, int]]:
    """Ids of the trials whose file is there, and the sizes of plain files."""
    plain, archives = by_archive(trials)
    sizes = {trial.id: path.stat().st_size for trial in plain if (path := root / trial.path).is_file()}
    there = set(sizes)
    for archive, members in archives.items():
        there |= {members[name].id for name in _members(root / archive) & members.keys()}
    return there, sizes


def _members(archive: Path) -> set[str]:
    if (folder := unpacked(archive)) is not None:
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return member_names(archive) if archive.is_file() else set()


def _checksum_troubles(data_set: DataSet, root: Path, tell: Tell) -> Iterator[Trouble]:
    wrong, lacking = [], []
    for done, (name, published) in enumerate(data_set.checksums.items(), 1):
        tell("checksums", done, len(data_set.checksums))
        kind, _, digest = published.partition(":")
        if not (root / name).is_file():
            lacking.append(name)
            continue
        with (root / name).open("rb") as file:
            if hashlib.file_digest(file, kind).hexdigest() != digest:
                wrong.append(f"{name}: not {published}")
    yield Trouble(title="files are not the published ones", names=wrong, error=True)
    yield Trouble(title="files with a published checksum are not there", names=lacking, error=False)


def _count_troubles(data_set: DataSet, trials: Sequence[Trial]) -> Iterator[Trouble]:
    problems = []
    for split, counts in data_set.expected.items():
        found = [trial for trial in trials if trial.split == split]
        pairs = [
            (f"{split} {label}", published, sum(_label(t) == label for t in found))
            for label, published in _published(counts)
        ]
        pairs.append((split, counts.all, len(found)))
        problems += [
            f"{name}: {number:,} trials, {published:,} published"
            for name, published, number in pairs
            if published is not None and number > published
        ]
    yield Trouble(title="counts are above the published ones", names=problems, error=True)


def _double_troubles(root: Path, trials: Sequence[Trial], sizes: dict[str, int], tell: Tell) -> Iterator[Trouble]:
    """Plain files with the same bytes as another; only files of equal size are read."""
    by_size: dict[int, list[Trial]] = defaultdict(list)
    for trial in trials:
        if trial.id in sizes:
            by_size[sizes[trial.id]].append(trial)
    several = [same for same in by_size.values() if len(same) > 1]
    equal: list[list[Trial]] = []
    for done, same in enumerate(several, 1):
        tell("doubles", done, len(several))
        digests: dict[str, list[Trial]] = defaultdict(list)
        for trial in same:
            with (root / trial.path).open("rb") as file:
                digests[hashlib.file_digest(file, "sha256").hexdigest()].append(trial)
        equal += [group for group in digests.values() if len(group) > 1]
    names = {True: list[str](), False: list[str]()}
    for group in equal:
        names[len({_label(trial) for trial in group}) > 1].append(" = ".join(trial.path for trial in group))
    yield Trouble(title="with the same bytes under both labels", names=names[True], error=True)
    yield Trouble(title="with the same bytes under one label: they count as often", names=names[False], error=False)


def _unreadable(
    root: Path, trials: Sequence[Trial], decoder: Decoder, *, every_file: bool, tell: Tell
) -> Iterator[Trouble]:
    """Files that no decoder opens. Members of archives are opened when they are run."""
    plain = [trial for trial in trials if INSIDE not in trial.path]
    step = 1 if every_file else max(1, len(plain) // PROBED)
    chosen = plain[::step]
    config = Config()
    problems = []
    for done, trial in enumerate(chosen, 1):
        tell("files", done, len(chosen))
        try:
            decoder.survey(root / trial.path, config)
        except InputError as error:
            problems.append(f"{trial.path}: {error.message}")
        except OSError as error:
            problems.append(f"{trial.path}: {error.strerror}")
    yield Trouble(title="files cannot be read", names=problems, error=True)
