"""This program, as the command line runs it: decoding in a sandbox, models in this process."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from benchmarks.throughput.contestants import Facts
from detect.ahead import read_ahead
from detect.analyze import Analyzer
from detect.config import Config, Scoring
from detect.decoded import AudioOutcome
from detect.engine import LocalEngine
from detect.listen import Listener
from detect.report import Body
from detect.stopwatch import Stopwatch
from pipelines.sandbox import Sandbox


class Unmask:
    """Examines recordings.

    Args:
        device: Where the models run.
        config: Settings.
    """

    def __init__(self, device: str, config: Config) -> None:
        self._sandbox = Sandbox()
        self._analyzer = Analyzer(config, engine=LocalEngine(config, device=device), decoder=self._sandbox)

    def run(self, recording: Path) -> Facts:
        """Examine one recording, its report included.

        Raises:
            RuntimeError: it was not examined, so its time tells nothing.
        """
        body = self._analyzer.examine(recording).body
        # A recording cut between packets may lack some milliseconds of sound: partial, and the same work.
        if body.outcome.examination == "failed":
            raise RuntimeError(f"{recording} was not examined: {body.outcome.message}")
        return facts_of(body)

    def close(self) -> None:
        """End the decoding children."""
        self._sandbox.close()


def facts_of(body: Body) -> Facts:
    """What a report is made of, in numbers."""
    videos = [one for one in body.coverage if one.kind == "video"]
    return {
        "frames decoded": sum(one.num_decoded for one in videos),
        "frames looked at": sum(len(one.sampled_seconds) for one in videos),
        "faces found": sum(track.num_samples for track in body.tracks),
        "faces scored": sum(track.num_scored for track in body.tracks),
        "voice windows scored": sum(
            bool(window.logits)
            for voice in body.voices
            for utterance in voice.utterances
            for window in utterance.windows
        ),
    }


class SoundBranch:
    """Only what stands against loading and scoring sound: no digest, no report.

    Args:
        device: Where the model runs.
    """

    def __init__(self, device: str) -> None:
        self._config = Config(scoring=Scoring(face_models=()))
        self._sandbox = Sandbox()
        self._engine = LocalEngine(self._config, device=device)

    def run(self, recording: Path) -> Facts:
        """Score the speech of every sound track."""
        media = self._sandbox.survey(recording, self._config)
        num_scored = 0
        for stream in media.streams:
            if stream.facts.kind != "audio":
                continue
            index = stream.facts.index
            names = (f"voice-{number}" for number in count(1))
            listener = Listener(self._engine, self._config, stream=index, names=names, stopwatch=Stopwatch())
            with read_ahead(self._sandbox.audio(recording, media, index, self._config), depth=4) as blocks:
                outcome = None
                for block in blocks:
                    if isinstance(block, AudioOutcome):
                        outcome = block
                    else:
                        listener.hear(block)
            heard = listener.finish(outcome)
            num_scored += sum(bool(window.logits) for voice in heard.voices for window in voice.windows)
        return {"voice windows scored": num_scored}

    def close(self) -> None:
        """End the decoding children."""
        self._sandbox.close()


def whole(device: str) -> Unmask:
    """Faces and voices."""
    return Unmask(device, Config())


def faces(device: str) -> Unmask:
    """No voice checkpoint; the sound is still decoded and searched for speech."""
    return Unmask(device, Config(scoring=Scoring(voice_models=())))


def sound(device: str) -> SoundBranch:
    """The sound alone, without a report."""
    return SoundBranch(device)
