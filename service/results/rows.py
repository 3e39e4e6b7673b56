"""One item as one row: the same values in every table, on the summary page and between two scans.

Items that are open when results are written stand there as `cancelled`, so that the states always add up to the number
of files found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from detect.types import ItemState
from pipelines.items import Item
from pipelines.ledger import Ledger
from service.results.sentences import say
from service.texts import MAX_CHARACTERS, visible

Kind = Literal["integer", "number", "text", "truth", "list"]

COLUMNS: Mapping[str, Kind] = {
    "seq": "integer",
    "chain": "text",
    "name": "text",
    "state": "text",
    "reason": "text",
    "message": "text",
    "flagged": "truth",
    "llr": "number",
    "verbal": "text",
    "face_llr": "number",
    "voice_llr": "number",
    "alert": "text",
    "media": "text",
    "container": "text",
    "duration_seconds": "number",
    "num_bytes": "integer",
    "modified": "text",
    "md5": "text",
    "sha1": "text",
    "sha256": "text",
    "duplicate_of": "integer",
    "original_state": "text",
    "original_flagged": "truth",
    "notes": "list",
    "attempts": "integer",
    "orphaned": "integer",
    "suspicion": "number",
    "report": "text",
    "seconds": "number",
    "host": "text",
    "finished_at": "text",
}
"""The columns of all tables, in their order; `web/summary.toml` says what each means. Any of them but `seq`, `chain`,
`name`, `state`, `message`, `notes`, `attempts` and `orphaned` can be without a value."""

Row = dict[str, Any]
"""`COLUMNS`, and two things that only the JSON lines have: `locator`, and `summary`, what the ledger keeps of the
report."""

_STATES = list(ItemState)
_FLAGS = (None, False, True)


def rows(ledger: Ledger, open_reason: str) -> Iterator[Row]:
    """All items by number, streaming; what is kept meanwhile is one byte an item.

    Args:
        ledger: The scan's.
        open_reason: Why items are still open: `interrupted`, `time_limit`.
    """
    endings = bytearray(1)
    for item in ledger.items():
        row = _row(item, open_reason)
        if item.duplicate_of is not None:  # the first item with the same bytes, so it was here before
            flag, state = divmod(endings[item.duplicate_of], len(_STATES))
            row["original_state"], row["original_flagged"] = _STATES[state].value, _FLAGS[flag]
        endings.extend(bytes(item.seq + 1 - len(endings)))
        endings[item.seq] = _FLAGS.index(row["flagged"]) * len(_STATES) + _STATES.index(ItemState(row["state"]))
        yield row


def _row(item: Item, open_reason: str) -> Row:
    entry, result = item.entry, item.result
    summary = dict(result.summary) if result is not None else {}
    of = {finding["subject"]: finding for finding in summary.get("findings", [])}
    ended = result if result is not None else entry
    state, reason, message = entry.state, ended.reason, ended.message
    if state is None:
        state, reason, message = ItemState.CANCELLED, open_reason, say("summary.open_message")
    return {
        "seq": item.seq,
        "chain": entry.chain,
        "name": entry.chain.rsplit("/", 1)[-1],
        "state": state.value,
        "reason": reason,
        "message": _plain(message),
        "flagged": result.flagged if result is not None and _weighed(summary) else None,
        "llr": result.llr if result is not None else None,
        "verbal": of.get("recording", {}).get("verbal"),
        "face_llr": of.get("face", {}).get("llr"),
        "voice_llr": of.get("voice", {}).get("llr"),
        "alert": None if entry.alert is None else _plain(entry.alert),
        "media": summary.get("media"),
        "container": summary.get("container"),
        "duration_seconds": summary.get("duration_seconds"),
        "num_bytes": entry.num_bytes,
        "modified": entry.modified,
        "md5": entry.md5,
        "sha1": entry.sha1,
        "sha256": entry.sha256,
        "duplicate_of": item.duplicate_of,
        "original_state": None,
        "original_flagged": None,
        "notes": [_plain(note) for note in entry.notes],
        "attempts": item.attempts,
        "orphaned": item.orphaned,
        "suspicion": item.suspicion,
        "report": result.report if result is not None else None,
        "seconds": result.seconds if result is not None else None,
        "host": result.host if result is not None else None,
        "finished_at": item.finished_at,
        "locator": [list(step) for step in entry.locator],
        "summary": summary,
    }


def _weighed(summary: Mapping[str, Any]) -> bool:
    """Whether anything of a recording has a calibrated result: only then is it flagged or not."""
    return any(finding["status"] == "calibrated" for finding in summary.get("findings", []))


def _plain(text: str) -> str:
    """Text that may come from a decoder or an archive, with nothing hidden in it. Chains have their own escapes."""
    return text if len(text) <= MAX_CHARACTERS and text.isprintable() else visible(text)


def strength(row: Row) -> float:
    """What rows are sorted by: the LLR of the recording, else of the modality that speaks loudest, else the least."""
    if row["llr"] is not None:
        return float(row["llr"])
    return max((float(row[key]) for key in ("face_llr", "voice_llr") if row[key] is not None), default=float("-inf"))
