"""What every adapter keeps, on a tree that reproduces its data set's layout with its traps."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

from benchmarks.datasets import DATA_SETS, data_set
from benchmarks.datasets.dataset import Listing
from benchmarks.trials import SUBJECTS, Trial, Unit
from detect.errors import ConfigError
from tests.benchmarks.datasets import trees
from tests.benchmarks.datasets.tree import Media, Tree

TREES: dict[str, Tree] = {
    tree.name: tree
    for module in pkgutil.iter_modules(trees.__path__)
    for tree in (importlib.import_module(f"{trees.__name__}.{module.name}").TREE,)
}


@pytest.fixture(params=sorted(TREES))
def tree(request: pytest.FixtureRequest) -> Tree:
    return TREES[request.param]


@pytest.fixture
def root(tree: Tree, tmp_path: Path) -> Path:
    tree.make(tmp_path, Media())
    return tmp_path


@pytest.fixture
def listing(tree: Tree, root: Path) -> Listing:
    return data_set(tree.name).read(root)


def _facts(trial: Trial) -> tuple[object, ...]:
    return trial.id, trial.path, dict(trial.labels), trial.split, trial.attack


def test_every_data_set_has_a_tree() -> None:
    assert sorted(TREES) == sorted(one.name for one in DATA_SETS)


def test_the_trials_are_those_of_the_tree(tree: Tree, listing: Listing) -> None:
    wanted = {row.id: (row.id, row.path, dict(row.labels), row.split, row.attack) for row in tree.rows}
    assert {trial.id: _facts(trial) for trial in listing.trials} == wanted


def test_groups_and_facts_are_those_of_the_tree(tree: Tree, listing: Listing) -> None:
    trials = {trial.id: trial for trial in listing.trials}
    for row in tree.rows:
        assert trials[row.id].facts.items() >= row.facts.items()
        assert row.group is None or trials[row.id].group == row.group


def test_ids_are_unique_and_groups_are_named(listing: Listing) -> None:
    ids = [trial.id for trial in listing.trials]
    assert len(set(ids)) == len(ids)
    assert all(trial.group for trial in listing.trials)


def test_files_are_where_the_trials_say(tree: Tree, root: Path, listing: Listing) -> None:
    missing = {row.id for row in tree.rows if row.missing}
    for trial in listing.trials:
        assert (root / trial.path.split("!/")[0]).exists() == (trial.id not in missing), trial.path


def test_labels_agree_with_one_another(listing: Listing) -> None:
    for trial in listing.trials:
        assert trial.labels.keys() <= set(SUBJECTS)
        parts = [trial.labels[part] for part in ("face", "voice") if part in trial.labels]
        assert parts, f"{trial.id} labels neither face nor voice"
        if "recording" in trial.labels:
            assert ("spoof" in parts) <= (trial.labels["recording"] == "spoof")
        for subject, spans in trial.spans.items():
            assert not spans or trial.labels.get(subject) == "spoof"
            assert all(start < end for start, end in spans)


def test_frames_belong_to_sequences_and_nothing_else_does(listing: Listing) -> None:
    for trial in listing.trials:
        assert trial.sequence is None or trial.unit is Unit.FRAME


def test_splits_and_what_is_said_of_them_agree(tree: Tree, listing: Listing) -> None:
    one = data_set(tree.name)
    splits = {trial.split for trial in listing.trials}
    assert one.test_split in {*one.expected, "all"}
    assert one.test_split not in one.development_splits
    assert one.name in one.corpora
    assert splits <= {*one.expected, *one.development_splits, one.test_split}


def test_reading_twice_gives_the_same(tree: Tree, root: Path, listing: Listing) -> None:
    assert data_set(tree.name).read(root) == listing


def test_what_went_wrong_elsewhere_is_told(tree: Tree, listing: Listing) -> None:
    notes = "\n".join(listing.notes)
    for words in tree.notes:
        assert words in notes


def test_an_unknown_label_word_raises(tree: Tree, root: Path) -> None:
    tree.break_label(root)
    with pytest.raises(ConfigError):
        data_set(tree.name).read(root)


def test_another_folder_is_refused(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError):
        data_set(tree.name).read(tmp_path / "empty")


def test_an_unknown_name_raises() -> None:
    with pytest.raises(ConfigError, match="there are"):
        data_set("no-such-set")
