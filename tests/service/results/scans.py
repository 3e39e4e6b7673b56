"""Makes scans: a ledger with items in every state, hostile names, and the reports of what was flagged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from detect.config import Config
from detect.report import Report
from detect.types import ItemState
from pipelines.items import Container, Entry, JobFacts, Result, Step
from pipelines.ledger.sqlite import SqliteLedger
from pipelines.names import escape, member
from service.results.run import gather
from tests.service import sample_reports
from tests.service.sample_parts import models

HOSTILE_NAMES = (
    b"=cmd|' /C calc'!A0",
    b"@SUM(1+1)",
    b"+1-1\r\n=2",
    b"-2",
    b"\xff\xfe\x80 half\x00nul",
    "gpj.\N{RIGHT-TO-LEFT OVERRIDE}4pm".encode(),
    b"</td><script>alert(1)</script>",
    b'"quoted", and; =divided',
    "Zoë 日本 \N{LINE SEPARATOR}x".encode(),
    b"{{ 7 * 7 }}{% raw %}",
    b"'",
    b"a!/b\\x41",
    "\N{FULLWIDTH EQUALS SIGN}1".encode(),
)

RUN = gather(
    [
        {"event": "begin", "at": "2025-11-22T08:00:00.000Z", "engine": "ray"},
        {"event": "worker_died", "at": "2025-11-22T08:10:00.000Z"},
        {"event": "resume", "at": "2025-11-22T09:00:00.000Z", "engine": "ray"},
        {"event": "interrupt", "at": "2025-11-22T10:00:00.000Z", "why": "time_limit"},
        {"event": "recovered", "at": "2025-11-22T10:30:00.000Z"},
        {"event": "resume", "at": "2025-11-22T10:30:01.000Z", "engine": "local"},
    ],
    {"lab-1": {"network": "refused", "privileges": "dropped"}},
)


def facts(**changes: Any) -> JobFacts:
    values: dict[str, Any] = {
        "id": "0b6ad9a4-7a0e-4a53-9a1e-0d2b8f1f5a11",
        "tool": "unmask 0.2.0",
        "config_digest": Config().digest(),
        "config": Config().model_dump(mode="json"),
        "models": {model.name: model.sha256 for model in models(calibrated=True)},
        "roots": ("/evidence/case7.E01", "/evidence/phone"),
        "options": {"triage": False, "known_alert": {"watch.txt": "f" * 64}, "limits": {"depth": 8}},
        "created_at": "2025-11-22T08:00:00+00:00",
    }
    return JobFacts(**values | changes)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def entry(name: bytes | str, *, root: str = "/evidence/phone", content: str | None = None, **fields: Any) -> Entry:
    raw = name if isinstance(name, bytes) else name.encode()
    chain = member(root, escape(raw))
    values: dict[str, Any] = {
        "chain": chain,
        "locator": (Step("file", root), Step("zip", "3")),
        "num_bytes": 1_000_000,
        "modified": "2025-06-01T12:00:00",
        "sha256": digest(content if content is not None else chain),
    }
    return Entry(**values | fields)


def result(
    face: float | None = None,
    voice: float | None = None,
    *,
    fused: float | None = None,
    state: ItemState = ItemState.EXAMINED,
    status: str = "calibrated",
    **fields: Any,
) -> Result:
    llrs = {"recording": fused if fused is not None else face if voice is None else voice, "face": face, "voice": voice}
    threshold = 2.302585
    findings = [
        {
            "subject": subject,
            "status": "not_scored" if llr is None and status == "calibrated" else status,
            "llr": llr,
            "verbal": None if llr is None else f"The findings weigh {llr}.",
            "flagged": llr is not None and llr >= threshold,
        }
        for subject, llr in llrs.items()
    ]
    flagged = any(finding["flagged"] for finding in findings)
    summary = {
        "media": "video",
        "container": "mov,mp4",
        "duration_seconds": 12.5,
        "findings": findings,
        "flagged_segments": [{"modality": "face", "start_seconds": 0.0, "end_seconds": 4.0}] if flagged else [],
        "num_flagged_segments": 9 if flagged else 0,
    }
    values: dict[str, Any] = {
        "state": state,
        "reason": None,
        "message": "Faces and voices were scored.",
        "flagged": flagged,
        "llr": llrs["recording"],
        "summary": summary,
        "seconds": 3.25,
        "host": "lab-1",
    }
    return Result(**values | fields)


def scan(
    out: Path,
    entries: Sequence[Entry],
    results: Iterable[Result] = (),
    *,
    containers: Sequence[Container] = (),
    report: Report | None = None,
    complete: bool = True,
    job: JobFacts | None = None,
) -> SqliteLedger:
    """A result folder with its ledger.

    The open entries end with `results`, in their order, as far as those go; `report` is written for each flagged one.
    """
    job = job or facts()
    (out / "work").mkdir(parents=True)
    (out / "job.json").write_text(json.dumps(asdict(job)), encoding="utf-8")
    ledger = SqliteLedger(out / "work" / "ledger.sqlite")
    ledger.begin(job)
    for start in range(0, max(len(entries), 1), 10_000):
        ledger.add(entries[start : start + 10_000], containers if start == 0 else ())
    if complete:
        ledger.complete_inventory()
    results = list(results)
    for lease, each in zip(ledger.lease("test", len(results), 60.0), results, strict=True):
        folder = f"reports/0000/{lease.seq:07d}-{(lease.sha256 or '')[:12]}"
        if report is not None and each.flagged:
            (out / folder).mkdir(parents=True)
            (out / folder / "report.json").write_text(report.to_json(), encoding="utf-8")
        assert ledger.finish(lease, replace(each, report=folder if each.state == "examined" else None))
    return ledger


def every_state(out: Path) -> SqliteLedger:
    """A small scan with everything in it."""
    ended = [
        entry(f"doc/{state}-{number}.bin", state=state, reason=reason, message=f"It is {state}.")
        for state, reason, count in (
            (ItemState.UNSUPPORTED, "no_recording", 5),
            (ItemState.ENCRYPTED, "password", 2),
            (ItemState.LIMIT, "too_large", 1),
            (ItemState.KNOWN, "nsrl", 3),
        )
        for number in range(count)
    ]
    flagged = entry("DCIM/fake.mov", content="one", alert="watch.txt", notes=("deleted",))
    open_entries = [
        flagged,
        entry("DCIM/calm.mov"),
        entry("DCIM/face.mov"),
        entry("DCIM/damaged.mov"),
        entry("DCIM/wall.mov"),
        entry("DCIM/raw.wav"),
        entry("DCIM/slow.mov"),
        *[entry(name) for name in HOSTILE_NAMES],
        entry("last.mov", num_bytes=None),
    ]
    results = [
        result(face=3.2, voice=1.0, fused=2.9),
        result(face=-1.5),
        result(face=2.5),
        result(voice=0.4, state=ItemState.PARTIAL, reason="defects", message="Sound is missing."),
        Result(state=ItemState.NO_SUBJECT, reason=None, message="No face.", summary={"findings": []}),
        result(status="uncalibrated"),
        Result(state=ItemState.TIMEOUT, reason="deadline", message="Stopped at its deadline."),
        *[result(face=-0.5) for _ in HOSTILE_NAMES],
    ]
    copies = [entry(f"backup/copy-{number}.mov", content="one") for number in range(7)]
    containers = [
        Container(chain="/evidence/phone", kind="folder", state="listed", num_members=40),
        Container(
            chain="/evidence/case7.E01",
            kind="image",
            state="damaged",
            num_members=3,
            detail="Sectors 7 to 9 cannot be read.",
            facts={"md5 (stored)": "d" * 32, "examiner": "<b>J. Doe</b>"},
        ),
    ]
    everything = [*ended[:4], *open_entries, *ended[4:], *copies]
    return scan(out, everything, results, containers=containers, report=sample_reports.supports_manipulation())
