"""What both ledgers agree on: how words become columns and come back, and what a batch of finds changes."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

from detect.types import ItemState
from pipelines.items import Container, Counts, Entry, Item, JobFacts, Lease, Locator, Result, Step

_FOLDER_KEY_BYTES = 4
"""Members of one folder lie side by side in the index, so that a batch touches few of its pages."""
_CHAIN_KEY_BYTES = 20
"""Names are chosen by whoever made the evidence: with 160 bits two of one key cost 2**80 trials."""
ENDED = "ended:"
"""Prefix of the tallies of final states."""

Tally = Counter[str]
"""Changes of the numbers that `counts` shows: its fields, and `ended:` with a state."""


class EntryRow(NamedTuple):
    """Columns that are written when an item is found, in the order of the schema."""

    seq: int
    chain_key: bytes
    chain: str
    locator: str
    num_bytes: int | None
    modified: str | None
    md5: bytes | None
    sha1: bytes | None
    sha256: bytes | None
    state: str | None
    reason: str | None
    message: str
    notes: str
    alert: str | None
    spool: str | None
    original: bool
    """Later items with the same bytes are duplicates of this one."""
    duplicate_of: int | None


class ItemRow(NamedTuple):
    """Columns that are read, in the order of `READ`."""

    seq: int
    chain: str
    locator: str
    num_bytes: Any
    modified: str | None
    md5: bytes | None
    sha1: bytes | None
    sha256: bytes | None
    state: str | None
    reason: str | None
    message: str
    notes: str
    alert: str | None
    spool: str | None
    duplicate_of: int | None
    result: str | None
    charged: int
    orphaned: int
    suspicion: float | None
    finished_at: Any


READ = ", ".join(ItemRow._fields)


class OpenRow(NamedTuple):
    """Columns of an open item that decide what comes of its lease, in the order of `OPEN`."""

    seq: int
    num_bytes: Any
    charged: int
    orphaned: int
    suspicion: float | None


OPEN = ", ".join(OpenRow._fields)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call of `add` writes."""

    rows: list[EntryRow]
    tally: Tally
    spare: list[str]
    """Copies that no row of this batch needs; an open item of before may."""


def chain_key(chain: str) -> bytes:
    """What finds a chain in the index: chains reach thousands of characters, keys do not."""
    folder = chain.rpartition("/")[0]
    return (
        hashlib.blake2b(folder.encode("utf-8", "surrogatepass"), digest_size=_FOLDER_KEY_BYTES).digest()
        + hashlib.blake2b(chain.encode("utf-8", "surrogatepass"), digest_size=_CHAIN_KEY_BYTES).digest()
    )


def batch(
    entries: Sequence[Entry],
    keys: Sequence[bytes],
    *,
    last_seq: int,
    there: Collection[bytes],
    originals: Mapping[bytes, int],
) -> Batch:
    """Number the entries that are new and tell duplicates.

    Args:
        entries: As found.
        keys: Their chain keys.
        last_seq: Number of the last item that is there.
        there: Chain keys that are there, of those in `keys`.
        originals: First items to be examined by their SHA-256, of those in `entries`.
    """
    seen, first = set(there), dict(originals)
    rows: list[EntryRow] = []
    tally: Tally = Counter()
    spare: list[str] = []
    for entry, key in zip(entries, keys, strict=True):
        if key in seen:
            spare += [entry.spool] if entry.spool is not None else []
            continue
        seen.add(key)
        seq = last_seq + len(rows) + 1
        digest = _digest(entry.sha256)
        duplicate_of = first.get(digest) if entry.state is None and digest is not None else None
        state = ItemState.DUPLICATE if duplicate_of is not None else entry.state
        original = state is None and digest is not None
        if original and digest is not None:
            first[digest] = seq
        rows.append(_entry_row(entry, seq, key, state, original=original, duplicate_of=duplicate_of))
        spare += [entry.spool] if entry.spool is not None and state is not None else []
        num_bytes = entry.num_bytes or 0
        tally["bytes_found"] += num_bytes
        tally["alerts"] += entry.alert is not None
        if state is None:
            tally["pending"] += 1
        else:
            tally[ENDED + state] += 1
            tally["bytes_done"] += num_bytes
    tally["found"] = len(rows)
    return Batch(rows, tally, spare)


def _entry_row(
    entry: Entry, seq: int, key: bytes, state: ItemState | None, *, original: bool, duplicate_of: int | None
) -> EntryRow:
    return EntryRow(
        seq=seq,
        chain_key=key,
        chain=storable(entry.chain),
        locator=as_json(entry.locator),
        num_bytes=entry.num_bytes,
        modified=_storable(entry.modified),
        md5=_digest(entry.md5),
        sha1=_digest(entry.sha1),
        sha256=_digest(entry.sha256),
        state=state,
        reason=_storable(entry.reason),
        message=storable(entry.message),
        notes=as_json(entry.notes),
        alert=_storable(entry.alert),
        spool=_storable(entry.spool),
        original=original,
        duplicate_of=duplicate_of,
    )


def item_of(row: ItemRow) -> Item:
    """The item that a row holds."""
    entry = Entry(
        chain=row.chain,
        locator=locator_of(row.locator),
        num_bytes=None if row.num_bytes is None else int(row.num_bytes),
        modified=row.modified,
        md5=_hexadecimal(row.md5),
        sha1=_hexadecimal(row.sha1),
        sha256=_hexadecimal(row.sha256),
        state=None if row.state is None else ItemState(row.state),
        reason=row.reason,
        message=row.message,
        notes=tuple(json.loads(row.notes)),
        alert=row.alert,
        spool=row.spool,
    )
    return Item(
        seq=row.seq,
        entry=entry,
        result=None if row.result is None else result_of(row.result),
        duplicate_of=row.duplicate_of,
        attempts=row.charged,
        orphaned=row.orphaned,
        suspicion=row.suspicion,
        finished_at=row.finished_at,
    )


def lease_of(row: Sequence[Any]) -> Lease:
    """The lease that the columns `seq, leases, stage, chain, locator, num_bytes, sha256, spool` describe."""
    seq, leases, stage, chain, locator, num_bytes, sha256, spool = row
    return Lease(
        seq=seq,
        attempt=leases,
        stage=stage,
        chain=chain,
        locator=locator_of(locator),
        num_bytes=None if num_bytes is None else int(num_bytes),
        sha256=_hexadecimal(sha256),
        spool=spool,
    )


def locator_of(text: str) -> Locator:
    """The locator that `as_json` wrote."""
    return tuple(Step(kind, key) for kind, key in json.loads(text))


def result_text(result: Result) -> str:
    """A result as JSON.

    Raises:
        ValueError: a number in it is not finite, which JSON cannot say.
    """
    return as_json({field.name: getattr(result, field.name) for field in fields(result)})


def result_of(text: str) -> Result:
    """The result that `result_text` wrote."""
    values = json.loads(text)
    return Result(**values | {"state": ItemState(values["state"])})


def facts_text(facts: JobFacts) -> str:
    """A job's facts as JSON."""
    return as_json(asdict(facts))


def facts_of(text: str) -> JobFacts:
    """The facts that `facts_text` wrote."""
    values = json.loads(text)
    return JobFacts(**values | {"roots": tuple(values["roots"])})


def container_values(container: Container) -> tuple[str, str, str, int, str, str]:
    """The columns `chain, kind, state, num_members, detail, facts`."""
    return (
        storable(container.chain),
        container.kind,
        container.state,
        container.num_members,
        storable(container.detail),
        as_json(dict(container.facts)),
    )


def container_of(row: Sequence[Any]) -> Container:
    """The container that `container_values` made columns of."""
    chain, kind, state, num_members, detail, facts = row
    return Container(
        chain=chain, kind=kind, state=state, num_members=num_members, detail=detail, facts=json.loads(facts)
    )


def counts_of(tally: Iterable[tuple[str, Any]], *, inventory_complete: bool) -> Counts:
    """The counts that all tallies add up to."""
    values: Tally = Counter()
    for name, value in tally:
        values[name] += int(value)
    return Counts(
        found=values["found"],
        final={state: values[ENDED + state] for state in ItemState if values[ENDED + state]},
        pending=values["pending"],
        leased=values["leased"],
        looked=values["looked"],
        flagged=values["flagged"],
        alerts=values["alerts"],
        bytes_found=values["bytes_found"],
        bytes_done=values["bytes_done"],
        inventory_complete=inventory_complete,
    )


def ending(row: OpenRow, result: Result) -> Tally:
    """What the end of a leased item changes."""
    tally: Tally = Counter({"leased": -1, ENDED + result.state: 1})
    tally["bytes_done"] = 0 if row.num_bytes is None else int(row.num_bytes)
    tally["looked"] = 0 if row.suspicion is None else -1
    tally["flagged"] = int(result.flagged)
    return tally


def reopening() -> Tally:
    """What giving back a leased item changes."""
    return Counter({"leased": -1, "pending": 1})


def looking() -> Tally:
    """What a cheap look that is done changes."""
    return Counter({"leased": -1, "pending": 1, "looked": 1})


def orphan() -> Result:
    """How an item ends that too many dispatchers died with."""
    return Result(
        state=ItemState.CRASHED,
        reason="orphaned",
        message="each time it was examined, the process that had ordered the examination died",
    )


def finite(suspicion: float) -> float:
    """A suspicion that can be ordered.

    Raises:
        ValueError: it is not a number, or infinite.
    """
    if not math.isfinite(suspicion):
        raise ValueError(f"a suspicion must be a finite number, this is {suspicion}")
    return float(suspicion)


_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
"""`json.dumps` with settings makes an encoder at every call: a third of the time of adding a row."""


def as_json(value: object) -> str:
    """JSON in ASCII: no text, whatever it came from, is one that a database refuses.

    Raises:
        ValueError: a number in it is not finite.
    """
    return _encode(value)


def storable(text: str) -> str:
    """Text that every database takes: names are escaped long before; in messages of libraries anything can be."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _digest(hexadecimal: str | None) -> bytes | None:
    return None if hexadecimal is None else bytes.fromhex(hexadecimal)


def _hexadecimal(digest: bytes | None) -> str | None:
    return None if digest is None else bytes(digest).hex()
