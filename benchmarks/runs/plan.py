"""What is asked for, and what will be run: everything is checked before the first file is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.datasets import data_set
from benchmarks.datasets.dataset import DataSet, Listing
from benchmarks.runs.choice import Choice, choose
from benchmarks.runs.guards import in_domain, refuse_contaminated, refuse_development
from benchmarks.trials import Trial
from detect.checkpoints import Checkpoints
from detect.checkpoints import choose as choose_checkpoints
from detect.config import Config, Exhibits
from detect.errors import ConfigError, WeightsNotFound
from detect.types import Modality
from service.scan import read_config
from weights import load_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A run, as asked for."""

    data_set: DataSet
    root: Path
    out: Path
    choice: Choice
    config: Config
    title: str | None = None
    """What tables call the data; None: the data set's title."""
    in_domain: bool = False
    """Checkpoints that know the corpora are allowed, and marked."""
    development: bool = False
    """Splits for training and choosing are allowed, and marked."""
    engine: Literal["local", "ray"] = "ray"
    workers: int | None = None
    gpus: float = 0
    ray_address: str | None = None
    weights: tuple[Path, ...] = ()
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be run: everything is checked before the first file is opened."""

    listing: Listing
    trials: Sequence[Trial]
    checkpoints: Checkpoints
    in_domain: Mapping[str, tuple[str, ...]]


def plan(request: Request) -> Plan:
    """What a run would do.

    Raises:
        ConfigError: it is not this data set, the choice is empty, or a guard refuses it.
        WeightsError: a checkpoint is not on this machine.
    """
    listing = request.data_set.read(request.root)
    trials = choose(request.data_set, listing.trials, request.choice)
    refuse_development(request.data_set, trials, allowed=request.development)
    checkpoints = choose_checkpoints(request.config, weights=request.weights)
    if missing := [one.name for kind in Modality for one in checkpoints.missing[kind]]:
        raise WeightsNotFound(f"{', '.join(missing)} is not on this machine: unmask weights fetch {' '.join(missing)}")
    found = in_domain(request.data_set, trials, list(checkpoints.digests))
    refuse_contaminated(request.data_set, found, allowed=request.in_domain)
    return Plan(listing=listing, trials=trials, checkpoints=checkpoints, in_domain=found)


def quiet(config: Config) -> Config:
    """The same examination without the pictures of a report, which nobody would look at."""
    return config.model_copy(update={"exhibits": Exhibits(per_track=0, max_tracks=0, max_spectrograms=0)})


def request_of(
    name: str,
    root: Path,
    out: Path | None,
    *,
    split: str | None,
    filters: Sequence[str],
    limit: int | None,
    models: Sequence[str],
    config_file: Path | None,
    **others: Any,
) -> Request:
    """A run as asked for on the command line.

    Args:
        name: Of the data set.
        root: Its folder.
        out: Of the run; None: under `runs/`.
        split: None takes the one that papers report, with the filters that they usually apply.
        filters: `FACT=VALUE` each.
        limit: See `Choice`.
        models: Checkpoints; none takes the default ones of what can be measured on the data set.
        config_file: Settings.
        others: Fields of `Request` of the same name.

    Raises:
        ConfigError: something in it is malformed or unknown.
    """
    one = data_set(name)
    asked: dict[str, str] = {}
    for words in filters:
        fact, equals, value = words.partition("=")
        if not (equals and fact and value):
            raise ConfigError(f"--only {words}: write FACT=VALUE, for example codec=opus")
        asked[fact] = value
    if split is None and not asked:
        asked = dict(one.default_filters)
    choice = Choice(split=split or one.test_split, filters=asked, limit=limit)
    defaults = load_manifest().defaults
    wanted = {Modality.FACE: defaults.face, Modality.VOICE: defaults.voice}
    names = tuple(models) or tuple(name for modality in one.modalities for name in wanted[modality])
    marks = "-".join([choice.split, *asked.values()])
    return Request(
        data_set=one,
        root=root,
        out=out or Path("runs") / f"{one.name}-{marks}",
        choice=choice,
        config=read_config(config_file, (), names),
        **others,
    )
