"""What a number would be worth nothing for: trials that a checkpoint, or a choice, has already seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.corpora import shared
from benchmarks.datasets.dataset import DataSet
from benchmarks.trials import Trial
from detect.errors import ConfigError
from weights import load_manifest


def in_domain(data_set: DataSet, trials: Sequence[Trial], checkpoints: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Checkpoint to corpora that both it and the trials are made of; those with none are left out."""
    measured_on = data_set.corpora.union(*(trial.corpora for trial in trials))
    manifest = load_manifest()
    found = {name: shared(manifest.checkpoint(name).corpora, measured_on) for name in checkpoints}
    return {name: corpora for name, corpora in found.items() if corpora}


def refuse_contaminated(data_set: DataSet, found: Mapping[str, tuple[str, ...]], *, allowed: bool) -> None:
    """Refuse checkpoints that were trained on these corpora or on what they are made of.

    Args:
        data_set: Named in the message.
        found: As `in_domain` gives it.
        allowed: The user asked for in-domain numbers; they are marked wherever they are shown.

    Raises:
        ConfigError: they were not asked for.
    """
    if found and not allowed:
        words = "; ".join(
            f"{name} was trained, calibrated or chosen on {', '.join(seen)}" for name, seen in found.items()
        )
        raise ConfigError(
            f"{words}, which {data_set.title} is made of: results would be in-domain. "
            "With --in-domain they are computed and marked; --model takes another checkpoint"
        )


def is_development(data_set: DataSet, trials: Sequence[Trial]) -> bool:
    """Whether any of these trials is for training or for choosing."""
    return any(trial.split in data_set.development_splits for trial in trials)


def refuse_development(data_set: DataSet, trials: Sequence[Trial], *, allowed: bool) -> None:
    """Refuse trials on which something may have been trained or chosen.

    Raises:
        ConfigError: there are such, and they were not asked for.
    """
    if is_development(data_set, trials) and not allowed:
        splits = sorted({trial.split for trial in trials} & data_set.development_splits)
        raise ConfigError(
            f"{', '.join(splits)} of {data_set.title} is for training and choosing, so nothing is measured on it. With "
            "--development it is run, marked, and kept off the results page"
        )
