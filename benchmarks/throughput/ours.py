"""This program, as the command line runs it: decoding in a sandbox, models in this process."""

from __future__ import annotations

from pathlib import Path

from benchmarks.throughput.contestants import Facts
from detect.analyze import Analyzer
from detect.config import Config, Scoring
from detect.engine import LocalEngine
from detect.report import Body
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


def whole(device: str) -> Unmask:
    """Faces and voices."""
    return Unmask(device, Config())


def faces(device: str) -> Unmask:
    """No voice checkpoint; the sound is still decoded and searched for speech."""
    return Unmask(device, Config(scoring=Scoring(voice_models=())))
