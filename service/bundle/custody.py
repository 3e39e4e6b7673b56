"""The custody of a recording as a run log: the chain of lines that `verify.py` follows, made in one piece.

The format is that of `pipelines.runlog`: each line carries the SHA-256 of the one before it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from pipelines.runlog import Head
from service.bundle.facts import EvidenceFacts

_BUNDLED = "bundled"
"""Event of the last line: this bundle was made."""


def custody_log(facts: EvidenceFacts, created: datetime) -> tuple[bytes, Head]:
    """The lines, and where they end.

    Args:
        facts: Whose custody it is.
        created: When the bundle is made.
    """
    events: list[dict[str, Any]] = [
        {"at": _time(event.at), "event": event.what, "who": event.who} for event in facts.custody
    ]
    events.append({"at": _time(created), "event": _BUNDLED, "evidence_sha256": facts.sha256, "who": ""})
    lines, previous = b"", "0" * 64 + facts.job
    for seq, event in enumerate(events, start=1):
        chained = {**event, "prev": previous, "seq": seq}
        line = json.dumps(chained, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        lines, previous = lines + line, hashlib.sha256(line).hexdigest()
    return lines, Head(num_lines=len(events), sha256=previous)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
