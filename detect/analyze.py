"""One recording from bytes to report: read this first.

`Analyzer.examine` announces seven obligations and discharges them in order:

1. identify   what the bytes are, and that they may be decoded at all
2. split      sampled pictures and the whole sound, both branches at the same time
3. find       faces followed into tracks, speech cut into windows
4. score      one logit for each crop and window and checkpoint
5. calibrate  logits to log-likelihood ratios, where a calibration is on file
6. fuse       windows to subjects to segments to modalities to the recording
7. report     all of it, and all that was not examined, in one document

Bad evidence never raises: its fault becomes the outcome of the report. A bad request, installation or machine does.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from detect.account import account
from detect.ahead import read_ahead
from detect.config import Config
from detect.decode import Decoder, LocalDecoder
from detect.decoded import AudioOutcome, Media, VideoOutcome
from detect.engine import Engine, LocalEngine
from detect.errors import ConfigError, DecoderCrashed, InputError, UnreadableMedia
from detect.found import Found
from detect.host import run_facts
from detect.listen import Heard, Listener
from detect.report import Report
from detect.stopwatch import Stopwatch
from detect.types import Abstention, Modality, Reason
from detect.watch import Watched, Watcher

DECODER_THREADS = max(1, (os.cpu_count() or 1) // 2)
"""Pictures and sound are examined at the same time, and each branch has half of the cores."""

Progress = Callable[[str, float], None]
"""Told the name of a branch (`identify`, `video 0`, `audio 1`, `report`) and how far it is, from 0 to 1."""


class Analyzer:
    """Examines recordings one after the other; loading the models happens once.

    Args:
        config: Settings; None takes the defaults.
        engine: Runs the models; None runs the manifest's defaults in this process on the CPU.
        decoder: Turns bytes into pictures and sound; None decodes in this process. Give a `pipelines.sandbox.Sandbox`
            for recordings that you do not trust.

    Raises:
        WeightsMismatch: a checkpoint is not the one the manifest names.
    """

    def __init__(
        self, config: Config | None = None, *, engine: Engine | None = None, decoder: Decoder | None = None
    ) -> None:
        self.config = config if config is not None else Config()
        self._decoder: Decoder = decoder if decoder is not None else LocalDecoder()
        self._engine = engine if engine is not None else LocalEngine(self.config)

    def examine(
        self,
        path: Path | str,
        *,
        name: str | None = None,
        sha256: str | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Examine one recording.

        Args:
            path: A regular file; it is opened for reading only.
            name: How the report calls it, for a member of an archive its chain; None takes the file's name.
            sha256: Digest the bytes had when they were found; other bytes now are `changed_during_read`.
            progress: Told how far each branch is, from several threads.

        Returns:
            The report; for bad evidence one whose outcome says what is wrong.

        Raises:
            ConfigError: there is no such file.
            WeightsError, DeviceError: this installation or machine cannot do it.
        """
        path = Path(path)
        if not path.is_file():
            raise ConfigError(f"{path}: no such file" if not path.exists() else f"{path}: not a regular file")
        tell = progress or _silent
        started, stopwatch = datetime.now(UTC), Stopwatch()
        examination = _Examination(path, self.config, self._engine, self._decoder, tell, stopwatch)
        with stopwatch.stage("total"):
            found = examination.run(name if name is not None else path.name, sha256)
            with stopwatch.stage("report"):
                body, pictures = account(found, self.config, self._engine)
        tell("report", 1.0)
        return Report(
            body=body,
            run=run_facts(started, stopwatch.seconds, self._engine.device, self._decoder.facts()),
            exhibits=pictures,
        )


@dataclass(slots=True)
class _Examination:
    """One recording on its way through."""

    path: Path
    config: Config
    engine: Engine
    decoder: Decoder
    progress: Progress
    stopwatch: Stopwatch

    def run(self, name: str, expected: str | None) -> Found:
        # 1. Identify. Hashing only reads; what parses the bytes is the decoder, sandboxed or not.
        before = self.path.stat()
        with ThreadPoolExecutor(1) as hashing, self.stopwatch.stage("identify"):
            digest = hashing.submit(_sha256, self.path)
            try:
                media = self.decoder.survey(self.path, self.config)
            except InputError as error:
                return Found(name=name, sha256=digest.result(), num_bytes=before.st_size, error=error)
            found = Found(name=name, sha256=digest.result(), num_bytes=before.st_size, media=media)
        if expected not in (None, found.sha256):
            found.error = UnreadableMedia(
                "changed_during_read", "Its bytes are not those that were there when it was found."
            )
            return found
        self.progress("identify", 1.0)

        # 2, 3, 4. Split, find and score: pictures and sound at the same time.
        with ThreadPoolExecutor(2) as branches:
            watching = branches.submit(self._watch, media)
            listening = branches.submit(self._listen, media)
            found.watched, video_errors = watching.result()
            found.heard, audio_errors = listening.result()
        found.lost = video_errors | audio_errors

        after = self.path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            found.error = UnreadableMedia("changed_during_read", "The file was written to while it was examined.")
        # 5, 6, 7 are `account`: nothing below touches the recording again.
        return found

    def _watch(self, media: Media) -> tuple[list[Watched], dict[int, InputError]]:
        """Every planned video stream, one after the other."""
        results, lost, first = [], {}, 1
        for stream in media.streams:
            if stream.plan is None:
                continue
            index = stream.facts.index
            try:
                watched = self._watch_stream(media, index, first)
            except _StreamLost as loss:
                lost[index] = loss.error
                watched = loss.watched
            results.append(watched)
            first += len(watched.tracks)
            self.progress(f"video {index}", 1.0)
        return results, lost

    def _watch_stream(self, media: Media, index: int, first: int) -> Watched:
        """One stream: on many threads, and once more on one thread where that is needed for a repeatable result."""
        for num_threads in (DECODER_THREADS, 1):
            watcher = Watcher(
                self.engine,
                self.config,
                stream=index,
                names=_names("face", first),
                still=media.kind == "image",
                stopwatch=self.stopwatch,
            )
            try:
                outcome = self._look_through(media, index, watcher, num_threads)
            except DecoderCrashed as error:
                if num_threads == 1:
                    raise _StreamLost(error, watcher.finish(None)) from error
                continue
            except InputError as error:
                raise _StreamLost(error, watcher.finish(None)) from error
            if not outcome.repeat_on_one_thread:
                return watcher.finish(outcome)
        raise AssertionError("a decoder on one thread asked to be repeated on one thread")

    def _look_through(self, media: Media, index: int, watcher: Watcher, num_threads: int) -> VideoOutcome:
        plan = next(stream.plan for stream in media.streams if stream.facts.index == index)
        frames = self.decoder.frames(self.path, media, index, self.config, num_threads=num_threads)
        outcome: VideoOutcome | None = None
        with read_ahead(frames, depth=2) as ahead:
            for frame in ahead:
                if isinstance(frame, VideoOutcome):
                    outcome = frame
                    break
                watcher.look(frame)
                if plan is not None and plan.end:
                    self.progress(f"video {index}", min(1.0, float(frame.time / plan.end)))
        if outcome is None:
            raise UnreadableMedia("no_outcome", "The decoder ended without saying how.")
        return outcome

    def _listen(self, media: Media) -> tuple[list[Heard], dict[int, InputError]]:
        """Every decodable audio stream, one after the other."""
        results: list[Heard] = []
        lost: dict[int, InputError] = {}
        names = _names("voice", 1)
        for stream in media.streams:
            if stream.facts.kind != "audio" or not stream.facts.examined:
                continue
            index, outcome = stream.facts.index, None
            if sum(len(heard.voices) for heard in results) >= self.config.speech.max_voice_streams:
                results.append(Heard(stream=index, voices=[], outcome=None, abstentions=[_beyond(index)]))
                continue
            listener = Listener(self.engine, self.config, stream=index, names=names, stopwatch=self.stopwatch)
            try:
                blocks = self.decoder.audio(self.path, media, index, self.config)
                with read_ahead(blocks, depth=4) as ahead:
                    for block in ahead:
                        if isinstance(block, AudioOutcome):
                            outcome = block
                            break
                        listener.hear(block)
                        if stream.seconds:
                            self.progress(f"audio {index}", min(1.0, float(block.start / stream.seconds)))
            except InputError as error:
                lost[index] = error
            results.append(listener.finish(outcome))
            self.progress(f"audio {index}", 1.0)
        return results, lost


class _StreamLost(Exception):
    """A stream's decoder failed; what was found before that still counts."""

    def __init__(self, error: InputError, watched: Watched) -> None:
        super().__init__(str(error))
        self.error, self.watched = error, watched


def _beyond(index: int) -> Abstention:
    return Abstention(
        reason=Reason.CHANNELS_BEYOND_LIMIT,
        subject=f"stream {index}",
        detail="The streams before it hold as many voices as speech.max_voice_streams allows.",
        modality=Modality.VOICE,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(prefix: str, first: int) -> Iterator[str]:
    number = first
    while True:
        yield f"{prefix}-{number}"
        number += 1


def _silent(_branch: str, _fraction: float) -> None:
    """Progress nobody asked for."""
