"""One leased item from its place in the evidence to a result and two files: what every kind of worker does.

A worker has an `Examiner`; it finds the item's bytes, gives them to the `Analyzer` and writes down what came of it.
Files and ledger are the dispatcher's: a worker that dies leaves nothing half-written behind.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detect.analyze import Analyzer
from detect.config import Config
from detect.decode import Decoder
from detect.engine import Engine
from detect.errors import InputError, UnreadableMedia
from detect.report import Report
from detect.types import Float32Array
from pipelines.evidence.options import Options
from pipelines.evidence.process import fetch_in_child
from pipelines.items import Lease, Result
from pipelines.names import unescape
from pipelines.telling import telling

Render = Callable[[Report], str]
"""A report as a page; the pages are the business of whoever asks for the scan."""

_LOOK_FRAMES = 8
"""Frames of a cheap look: a quarter of what a full examination takes at least. Only the order of work rests on it."""
_LOOK_WINDOWS = 4
"""Voice windows of a cheap look: 16 s of speech."""
_LEAST = -1e6
"""Suspicion where nothing was scored: below any logit or LLR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What came of one lease."""

    lease: Lease
    result: Result
    report_json: str | None = None
    """None for a look, and where the bytes could not be had."""
    report_html: str | None = None
    suspicion: float | None = None
    """Of a look."""


class Examiner:
    """Examines leased items one after the other.

    Args:
        config: Settings of the full examination.
        engine: Runs the models.
        decoder: Turns bytes into pictures and sound.
        options: How containers are opened again, where a copy is gone.
        scratch: Folder of the copies.
        render: Makes the page of a report; None leaves it out.
        progress: Folder where a full examination leaves word of how far it is.
    """

    def __init__(
        self,
        config: Config,
        engine: Engine,
        decoder: Decoder,
        *,
        options: Options,
        scratch: Path,
        render: Render | None = None,
        progress: Path | None = None,
    ) -> None:
        self._options, self._scratch, self._render, self._progress = options, scratch, render, progress
        self._full = Analyzer(config, engine=engine, decoder=decoder)
        self._look = Analyzer(look_config(config), engine=FewWindows(engine, _LOOK_WINDOWS), decoder=decoder)

    def examine(self, lease: Lease) -> Examined:
        """Examine one item; bad evidence is a result, not an exception.

        Raises:
            ConfigError, WeightsError, DeviceError: this worker cannot do its work.
        """
        began = time.monotonic()
        try:
            path, own = self._bytes_of(lease)
        except InputError as error:
            return Examined(lease=lease, result=_lost(error, began))
        try:
            analyzer = self._look if lease.stage == "look" else self._full
            with telling(self._progress, lease.seq) as tell:
                report = analyzer.examine(path, name=lease.chain, sha256=lease.sha256, progress=tell)
        finally:
            if own:
                path.unlink()
        if lease.stage == "look":
            result = result_of(report, time.monotonic() - began)
            return Examined(lease=lease, result=result, suspicion=suspicion(report))
        html = self._render(report) if self._render is not None else None
        result = result_of(report, time.monotonic() - began)
        return Examined(lease=lease, result=result, report_json=report.to_json(), report_html=html)

    def _bytes_of(self, lease: Lease) -> tuple[Path, bool]:
        """A file with the item's bytes, and whether it is ours to delete.

        Raises:
            InputError: they cannot be had any more.
        """
        if lease.spool is not None and (copy := self._scratch / lease.spool).is_file():
            return copy, False
        first, *inner = lease.locator
        path = Path(unescape(first.key).decode("utf-8", "surrogateescape"))
        if not inner:
            if not path.is_file():
                raise UnreadableMedia("vanished", f"The file is not there any more, seen from {socket.gethostname()}.")
            return path, False
        target = self._scratch / f"again-{lease.seq}-{lease.attempt}"
        try:
            fetch_in_child(lease.locator, self._options, target)
        except BaseException:
            with suppress(FileNotFoundError):
                target.unlink()
            raise
        return target, True


def look_config(config: Config) -> Config:
    """The settings of a cheap look: key frames, few of them, and no pictures for a report."""
    sampling = config.sampling.model_copy(
        update={"min_frames": _LOOK_FRAMES, "max_frames": _LOOK_FRAMES, "decoder": "keyframes"}
    )
    exhibits = config.exhibits.model_copy(update={"per_track": 0, "max_spectrograms": 0})
    faces = config.faces.model_copy(update={"min_observations": 1})
    return config.model_copy(update={"sampling": sampling, "exhibits": exhibits, "faces": faces})


class FewWindows:
    """An engine that scores the first voice windows of each recording only: the rest has no number.

    For a cheap look, whose report is thrown away: there it does no harm that a window that was left out looks like one
    that the network failed on.
    """

    def __init__(self, engine: Engine, count: int) -> None:
        self._engine, self._count = engine, count
        self.models, self.missing, self.fusion = engine.models, engine.missing, engine.fusion
        self.face_specs, self.voice_specs, self.device = engine.face_specs, engine.voice_specs, engine.device
        self.detect, self.refine = engine.detect, engine.refine
        self.score_crops, self.heat_maps = engine.score_crops, engine.heat_maps

    def score_windows(self, name: str, windows: Sequence[Float32Array]) -> Float32Array:
        """Logits of the first windows, NaN for the others."""
        logits = np.full(len(windows), np.nan, np.float32)
        logits[: self._count] = self._engine.score_windows(name, windows[: self._count])
        return logits


def suspicion(report: Report) -> float:
    """What a look's report says for the order of work: the highest LLR, else the highest logit, else the least."""
    findings = report.body.findings
    llrs = [finding.llr for finding in findings if finding.llr is not None]
    logits = [score.logit for finding in findings for score in finding.scores]
    return max(llrs, default=max(logits, default=_LEAST))


def result_of(report: Report, seconds: float) -> Result:
    """What the ledger keeps of a report."""
    body = report.body
    outcome, recording = body.outcome, body.recording
    whole = next((finding for finding in body.findings if finding.subject == "recording"), None)
    findings = [
        {"subject": f.subject, "status": f.status, "llr": f.llr, "verbal": f.verbal, "flagged": f.flagged}
        for f in body.findings
    ]
    flagged = [
        {"modality": s.modality.value, "start_seconds": s.span.start_seconds, "end_seconds": s.span.end_seconds}
        for s in body.segments
        if s.flagged
    ]
    return Result(
        state=outcome.state,
        reason=outcome.reason,
        message=outcome.message,
        flagged=any(finding.flagged for finding in body.findings),
        llr=whole.llr if whole is not None else None,
        summary={
            "media": recording.media,
            "container": recording.container,
            "duration_seconds": recording.duration_seconds,
            "findings": findings,
            "flagged_segments": flagged[:_MAX_SEGMENTS],
            "num_flagged_segments": len(flagged),
        },
        seconds=round(seconds, 3),
        host=socket.gethostname(),
    )


_MAX_SEGMENTS = 20
"""Flagged stretches that lists show of one recording; its report has all."""


def _lost(error: InputError, began: float) -> Result:
    return Result(
        state=error.state,
        reason=error.reason,
        message=error.message,
        seconds=round(time.monotonic() - began, 3),
        host=socket.gethostname(),
    )
