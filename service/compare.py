"""What changed between two scans: item by item, and what they were begun with.

Items are the same where they lie at the same place; of what is left over, where they have the same bytes. The rows of
both scans are put into a temporary database first: memory stays flat with millions of items.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

from detect.errors import ConfigError
from service import figures, phrases
from service.results.sentences import say

LLR_TOLERANCE = 0.01
"""Nats: a likelihood ratio that changes by one per cent. Graphics cards and CPUs differ by less: up to 1e-3."""
MAX_LISTED = 10_000
"""Changed items that are kept of each kind; all are counted."""
_MAX_SHOWN = 50
"""Changed items of one kind in the text: a screen or two."""
_BATCH = 5_000

Kind = Literal["new", "gone", "moved", "bytes", "state", "flag", "llr"]
"""`moved`: the same bytes at another place; `bytes`: other bytes at the same place; `state`: of state or reason;
`flag`: flagged, not flagged or without a result; `llr`: of the recording, its faces or its voices."""

_LLRS = ("llr", "face_llr", "voice_llr")
_FIELDS = ("seq", "chain", "sha256", "state", "reason", "flagged", *_LLRS)
_HEADER = ("tool", "config_digest", "roots")
_SECTIONS = ("models", "config", "options")
"""What two scans can be begun with differently; their ids and times differ always."""

_LEFT_OVER = """
CREATE TABLE {side}_left AS
    SELECT seq, sha256, row_number() OVER (PARTITION BY sha256 ORDER BY seq) AS rank
    FROM {side} WHERE chain NOT IN (SELECT chain FROM {other});
CREATE INDEX {side}_bytes ON {side}_left (sha256, rank);
"""
_PAIRS = """
CREATE TABLE pairs AS
    SELECT old.seq AS old_seq, new.seq AS new_seq FROM old JOIN new USING (chain)
    UNION ALL
    SELECT old_left.seq, new_left.seq FROM old_left JOIN new_left USING (sha256, rank);
CREATE INDEX pairs_old ON pairs (old_seq);
CREATE INDEX pairs_new ON pairs (new_seq);
"""
"""The same place, whatever the bytes; then the same bytes, the first with the first, the second with the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """An item in one of the two scans; fields as in `items.jsonl`."""

    seq: int
    chain: str
    sha256: str | None
    state: str
    reason: str | None
    flagged: bool | None
    llr: float | None
    face_llr: float | None
    voice_llr: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One item that is not the same in both."""

    kinds: tuple[Kind, ...]
    old: Side | None
    new: Side | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that the two scans were begun with, and that is not the same."""

    name: str
    """`tool`, `config_digest`, `roots`, `config.scoring.flag_llr`, `options.triage`, `models.NAME`."""
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that is not the same."""

    num_old: int
    num_new: int
    num_same: int
    """Items without a change."""
    header: tuple[Difference, ...]
    counts: Mapping[Kind, int]
    """Changes by kind; an item can count under several."""
    changes: tuple[Change, ...]
    """At most `MAX_LISTED` of each kind."""

    @property
    def same(self) -> bool:
        """Whether neither an item differs nor what the scans were begun with."""
        return not self.header and not any(self.counts.values())


def compare(old: Path, new: Path) -> Comparison:
    """Compare two result folders.

    Args:
        old: Holds `job.json` and `items.jsonl`.
        new: The same.

    Raises:
        ConfigError: one of them holds no results that this version can read.
    """
    header = _header(_job(old), _job(new))
    with closing(sqlite3.connect("")) as db:  # without a name it lies in a temporary file that nobody else sees
        num_old, num_new = (_fill(db, side, folder) for side, folder in (("old", old), ("new", new)))
        db.executescript(_LEFT_OVER.format(side="old", other="new") + _LEFT_OVER.format(side="new", other="old"))
        counts: Counter[Kind] = Counter(dict.fromkeys(get_args(Kind), 0))
        changes, num_changed_pairs, num_pairs = [], 0, 0
        for before, after in _pairs(db):
            kinds = _kinds(before, after)
            num_pairs += before is not None and after is not None
            if not kinds:
                continue
            num_changed_pairs += before is not None and after is not None
            if any(counts[kind] < MAX_LISTED for kind in kinds):
                changes.append(Change(kinds=kinds, old=before, new=after))
            counts.update(kinds)
    return Comparison(
        num_old=num_old,
        num_new=num_new,
        num_same=num_pairs - num_changed_pairs,
        header=header,
        counts=dict(counts),
        changes=tuple(changes),
    )


def _job(folder: Path) -> dict[str, Any]:
    path = folder / "job.json"
    try:
        job = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    if not isinstance(job, dict) or not {*_HEADER, *_SECTIONS} <= job.keys():
        raise ConfigError(f"{path} is not what a scan writes")
    return job


def _header(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Difference, ...]:
    before, after = _told(old), _told(new)
    return tuple(
        Difference(name=name, old=before.get(name), new=after.get(name))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    )


def _told(job: Mapping[str, Any]) -> dict[str, str]:
    told = {name: phrases.plain(job[name]) for name in _HEADER}
    for section in _SECTIONS:
        told |= phrases.flat({section: job[section]})
    return told


def _fill(db: sqlite3.Connection, side: str, folder: Path) -> int:
    """Put the rows of one scan into a table.

    Raises:
        ConfigError: the folder has no rows that can be read.
    """
    columns = ", ".join(_FIELDS).replace("seq", "seq INTEGER PRIMARY KEY").replace("chain", "chain TEXT UNIQUE")
    db.execute(f"CREATE TABLE {side} ({columns})")
    path = folder / "items.jsonl"
    insert = f"INSERT INTO {side} VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608 - both parts are ours
    try:
        with path.open(encoding="utf-8") as file:
            lines = (json.loads(line) for line in file)
            values = (tuple(row[name] for name in _FIELDS) for row in lines)
            while batch := list(islice(values, _BATCH)):
                db.executemany(insert, batch)
    except (OSError, ValueError, KeyError, TypeError, sqlite3.Error) as error:
        raise ConfigError(f"{path} is not what a scan writes: {error!r}") from error
    (count,) = db.execute(f"SELECT count(*) FROM {side}").fetchone()  # noqa: S608 - as above
    return int(count)


def _pairs(db: sqlite3.Connection) -> Iterator[tuple[Side | None, Side | None]]:
    """Both sides of every item, in the order of the new scan; what is gone comes last."""
    db.executescript(_PAIRS)
    both = ", ".join(f"{side}.{name}" for side in ("old", "new") for name in _FIELDS)
    paired = (
        f"SELECT {both} FROM new LEFT JOIN pairs ON new_seq = new.seq "  # noqa: S608 - all parts are ours
        "LEFT JOIN old ON old.seq = old_seq ORDER BY new.seq"
    )
    for row in db.execute(paired):
        yield _side(row[: len(_FIELDS)]), _side(row[len(_FIELDS) :])
    gone = "SELECT * FROM old WHERE seq NOT IN (SELECT old_seq FROM pairs) ORDER BY seq"
    for row in db.execute(gone):
        yield _side(row), None


def _side(row: tuple[Any, ...]) -> Side | None:
    if row[0] is None:
        return None
    values = dict(zip(_FIELDS, row, strict=True))
    values["flagged"] = None if values["flagged"] is None else bool(values["flagged"])
    return Side(**values)


def _kinds(old: Side | None, new: Side | None) -> tuple[Kind, ...]:
    if old is None:
        return ("new",)
    if new is None:
        return ("gone",)
    differs: dict[Kind, bool] = {
        "moved": old.chain != new.chain,
        "bytes": old.chain == new.chain and old.sha256 != new.sha256,
        "state": (old.state, old.reason) != (new.state, new.reason),
        "flag": old.flagged != new.flagged,
        "llr": any(_apart(getattr(old, name), getattr(new, name)) for name in _LLRS),
    }
    return tuple(kind for kind, is_so in differs.items() if is_so)


def _apart(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is not new
    # LLRs have four decimals; half of the last keeps a difference of just the tolerance within it.
    return abs(old - new) > LLR_TOLERANCE + 5e-5


def render_comparison(comparison: Comparison, style: Literal["text", "json"]) -> str:
    """A comparison for a person, or for a program."""
    if style == "json":
        return json.dumps({"same": comparison.same, **asdict(comparison)}, indent=2, ensure_ascii=False)
    lines = [
        _words("items", old=comparison.num_old, new=comparison.num_new, same=comparison.num_same),
        *(
            _words("header", name=each.name, old=_or_none(each.old), new=_or_none(each.new))
            for each in comparison.header
        ),
    ]
    for kind in get_args(Kind):
        count = comparison.counts[kind]
        if not count:
            continue
        lines += ["", _words(f"kind_{kind}", count=count)]
        listed = [change for change in comparison.changes if kind in change.kinds][:_MAX_SHOWN]
        lines += [f"  {_line(kind, change)}" for change in listed]
        if count > len(listed):
            lines.append("  " + _words("more", count=count - len(listed)))
    if comparison.same:
        lines.append(_words("same"))
    return "\n".join(lines)


def _line(kind: Kind, change: Change) -> str:
    old, new = change.old, change.new
    if old is None or new is None:
        only = new or old
        return "" if only is None else _words("one", chain=only.chain, what=_state(only))
    before, after = {
        "moved": (old.chain, new.chain),
        "bytes": (_or_none(old.sha256), _or_none(new.sha256)),
        "state": (_state(old), _state(new)),
        "flag": (phrases.plain(old.flagged), phrases.plain(new.flagged)),
        "llr": (_weights(old), _weights(new)),
    }[kind]
    if kind == "moved":
        return _words("moved", old=before, new=after)
    return _words("two", chain=new.chain, old=before, new=after)


def _state(side: Side) -> str:
    return f"{side.state}:{side.reason}" if side.reason else side.state


def _weights(side: Side) -> str:
    values = [(name, getattr(side, name)) for name in _LLRS]
    return ", ".join(f"{name} {figures.signed(llr)}" for name, llr in values if llr is not None) or _or_none(None)


def _or_none(text: str | None) -> str:
    return say("page.none") if text is None else text


def _words(key: str, /, **values: object) -> str:
    return say(f"summary.compare.{key}", **values)
