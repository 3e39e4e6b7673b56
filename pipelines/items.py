"""The words that the parts of a scan exchange: what was found, what is leased, how it ended.

An *item* is one file that was found, wherever it lies: in a folder, in an archive, in a disk image. It ends in exactly
one `ItemState`. A *container* is a file that holds others; it is accounted for beside the items, and is an item itself
only where something of it could not be listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from detect.types import ItemState


class Step(NamedTuple):
    """One step of the way to a file's bytes."""

    kind: str
    """`file` for the first; then what the file before is opened as: `zip`, `tar`, `7z`, `gz`, `image`, ..."""
    key: str
    """For `file` the absolute path, escaped as in `pipelines.names`; for the others what their reader finds a member
    by: an index, never a name that the evidence chose."""


Locator = tuple[Step, ...]
"""The way to a file's bytes; as JSON a list of pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file that was found."""

    chain: str
    """Its name for people and its key in the ledger: `case7.E01!/p2/x/clips.zip!/a.mov`, see `pipelines.names`."""
    locator: Locator
    num_bytes: int | None = None
    """What was counted where the bytes were read, else what the directory says; None where neither is known."""
    modified: str | None = None
    """ISO 8601, as the file system or archive says; without an offset where it names none."""
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    """Digests of the content, hexadecimal. A recording that is to be examined has its SHA-256 always."""
    state: ItemState | None = None
    """None: to be examined. Else it ended where it was found: `unsupported`, `encrypted`, `known`, ..."""
    reason: str | None = None
    message: str = ""
    """One sentence for a person."""
    notes: tuple[str, ...] = ()
    """What else a reader should know: `deleted`, `alternate data stream`, `lies on damaged sectors`, ..."""
    alert: str | None = None
    """Name of the known-file set that flags this file; it is examined all the same."""
    spool: str | None = None
    """Name of its copy in the scratch folder; None where its bytes lie in a plain file."""


ContainerState = Literal["listed", "incomplete", "damaged", "encrypted", "limit", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One folder given on the command line, archive or disk image that was opened."""

    chain: str
    kind: str
    """`folder`, `zip`, `tar`, `7z`, `image`, ..."""
    state: ContainerState
    num_members: int
    """Files found directly in it."""
    detail: str = ""
    """One sentence for a person, where the state is not `listed`."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the container says of itself: an image's stored hashes, acquisition data, partitions, damaged sectors."""


Stage = Literal["look", "full"]
"""With `--triage` every item gets a cheap look first; the full examination makes the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One item given to one worker for a time."""

    seq: int
    """The item's number in the ledger, from 1, in the order of finding."""
    attempt: int
    """From 1; committed before work begins. With `seq` it is the key under which a result is accepted."""
    stage: Stage
    chain: str
    locator: Locator
    num_bytes: int | None
    sha256: str | None
    spool: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an examination ended."""

    state: ItemState
    reason: str | None
    message: str
    flagged: bool = False
    llr: float | None = None
    """Of the whole recording, natural log; None where none was given."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What lists show of the report: `media`, `container`, `duration_seconds`, and `findings`, a list of `subject`,
    `status`, `llr`, `verbal`, `flagged`. JSON values only."""
    report: str | None = None
    """Folder of its `report.json` and `report.html`, relative to the result folder."""
    seconds: float | None = None
    """Wall time of the examination."""
    host: str | None = None
    """Where it was examined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row of the ledger."""

    seq: int
    entry: Entry
    """As found; its `state` is the one it ended in, None while it is open."""
    result: Result | None
    """None while it is open, and where it ended without an examination."""
    duplicate_of: int | None = None
    """`seq` of the first item with the same bytes."""
    attempts: int = 0
    """Examinations that were begun and charged to the item."""
    orphaned: int = 0
    """Examinations that ended with the process that had ordered them."""
    suspicion: float | None = None
    """What the cheap look gave, larger is more suspicious."""
    finished_at: str | None = None
    """ISO 8601, UTC, by the ledger's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """What a job is: given when it begins, and compared when it is resumed."""

    id: str
    tool: str
    config_digest: str
    config: Mapping[str, Any]
    models: Mapping[str, str]
    """Checkpoint name to SHA-256."""
    roots: tuple[str, ...]
    """Evidence as given, absolute, escaped."""
    options: Mapping[str, Any]
    """Whatever else decides what is found: limits, known sets, triage."""
    created_at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Where a job stands. `sum(final.values()) + pending + leased == found`."""

    found: int
    final: Mapping[ItemState, int]
    pending: int
    leased: int
    looked: int
    """Open items whose cheap look is done."""
    flagged: int
    alerts: int
    bytes_found: int
    bytes_done: int
    inventory_complete: bool
