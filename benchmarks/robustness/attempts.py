"""The file of an adversarial measurement: a row for each trial, source, target and bound, and a record of the rest."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from detect.errors import ConfigError
from detect.types import Modality
from training.protocol import Label

ROWS, RECORD = "adversarial.tsv", "adversarial.json"
COLUMNS = (
    "id", "group", "label", "modality", "source", "target", "bound", "levels", "clean", "adversarial",
)  # fmt: skip
"""`source` is the checkpoint whose gradient was followed, `target` the one that scores; `levels` is the largest change
of a value in the file; `clean` and `adversarial` are the target's logits."""
UNITS = {Modality.FACE: "levels of a pixel's 255", Modality.VOICE: "dB of the window's RMS"}
"""Of `bound`, which no value is changed beyond."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Victim(_Part):
    """A checkpoint that took part."""

    name: str
    modality: Modality
    weights_sha256: str
    flag_logit: float | None
    """From here on it flags; None where its filed calibration never reaches the flag's LLR."""
    flag_basis: Literal["calibration", "clean EER"]
    """`clean EER`: nothing is filed to calibrate it, so that the threshold is that of equal errors on the unchanged
    trials of this very measurement."""


class Record(_Part):
    """How the rows came about."""

    format_version: Literal[1] = 1
    victims: tuple[Victim, ...]
    protocol_sha256: dict[Modality, str]
    split: str
    num_trials: dict[Modality, int]
    num_left_out: dict[Modality, int]
    """Of those drawn: no face was found in them."""
    steps: int
    seed: int
    device: str
    tool: str
    command: str
    seconds: float

    def victim(self, name: str) -> Victim:
        """The one of that name.

        Raises:
            ConfigError: it did not take part.
        """
        for one in self.victims:
            if one.name == name:
                return one
        raise ConfigError(f"{name} took no part in this measurement")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One row."""

    id: str
    group: str
    label: Label
    modality: Modality
    source: str
    target: str
    bound: float
    levels: int
    clean: float
    adversarial: float

    @property
    def is_spoof(self) -> bool:
        """A spoof was pushed towards bona fide, a bona fide towards spoof."""
        return self.label == "spoof"


def write(folder: Path, record: Record, attempts: Iterable[Attempt]) -> None:
    """Write both files, the record last."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(COLUMNS)]
    lines += [
        "\t".join([
            one.id, one.group, one.label, one.modality.value, one.source, one.target, f"{one.bound:g}",
            str(one.levels), f"{one.clean:.4f}", f"{one.adversarial:.4f}",
        ])
        for one in attempts
    ]  # fmt: skip
    (folder / ROWS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> tuple[Record, Sequence[Attempt]]:
    """Both files.

    Raises:
        ConfigError: one is missing or is not what `write` writes.
    """
    try:
        record = Record.model_validate_json((folder / RECORD).read_bytes())
        with (folder / ROWS).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return record, [_attempt(row) for row in rows]
    except FileNotFoundError as error:
        raise ConfigError(f"{folder} holds no finished adversarial measurement: {error.filename} is missing") from error
    except (ValidationError, ValueError, KeyError) as error:
        raise ConfigError(f"{folder} holds no adversarial measurement of this version: {error}") from error


def _attempt(row: dict[str, str]) -> Attempt:
    if row["label"] not in ("bonafide", "spoof"):
        raise ValueError(f"{row['label']!r} is no label")
    return Attempt(
        id=row["id"],
        group=row["group"],
        label=cast("Label", row["label"]),
        modality=Modality(row["modality"]),
        source=row["source"],
        target=row["target"],
        bound=float(row["bound"]),
        levels=int(row["levels"]),
        clean=float(row["clean"]),
        adversarial=float(row["adversarial"]),
    )
