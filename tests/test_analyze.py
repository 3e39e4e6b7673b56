"""One recording from bytes to report, on media made by recipe and on real recordings."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from detect.analyze import Analyzer
from detect.config import Config, Scoring, Speech
from detect.decode import Decoder, LocalDecoder
from detect.engine import LocalEngine
from detect.errors import ConfigError, WeightsMismatch
from detect.models import CATALOGUE
from detect.report import Report
from detect.types import Float32Array, ItemState, Modality, Reason
from pipelines.sandbox import Sandbox
from service.demo import make_demo
from service.render import render_html
from tests.recipes import tone
from tests.test_calibrate import calibration_dict
from training.separation import auc
from weights import load_manifest

FACE, VOICE = "meso4.df", "aasist-l.asvspoof2019"
COMPACT = Config(scoring=Scoring(face_models=(FACE,), voice_models=(VOICE,)))
PACKAGE = Path(__file__).parent.parent / "weights"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Decoder]:
    with Sandbox() as decoder:
        yield decoder


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.mp4"
    make_demo(path)
    return path


@pytest.fixture(scope="module")
def upstream(shared: Path) -> Path:
    return shared / "weights" / "upstream"


@pytest.fixture(scope="module")
def engine(upstream: Path) -> LocalEngine:
    return LocalEngine(COMPACT, weights=[upstream])


@pytest.fixture(scope="module")
def report(engine: LocalEngine, sandbox: Decoder, demo: Path) -> Report:
    return Analyzer(COMPACT, engine=engine, decoder=sandbox).examine(demo)


@pytest.mark.shared
def test_face_and_voice_of_one_recording_are_found_and_scored(report: Report, demo: Path) -> None:
    body = report.body
    assert (body.outcome.examination, body.outcome.state) == ("complete", ItemState.EXAMINED)
    assert body.recording.sha256 == hashlib.sha256(demo.read_bytes()).hexdigest()
    assert [track.id for track in body.tracks] == ["face-1"]
    assert body.tracks[0].num_scored == len(body.coverage[0].sampled_seconds) == 32
    assert body.voices[0].speech_seconds > 2
    assert {score.model for finding in body.findings for score in finding.scores} == {FACE, VOICE}
    assert body.defects == []


@pytest.mark.shared
def test_without_calibration_there_are_logits_and_neither_llr_nor_verdict(report: Report) -> None:
    document = json.loads(report.body_json())
    assert {finding["status"] for finding in document["findings"]} == {"uncalibrated"}

    def walk(node: object) -> Iterator[tuple[str, object]]:
        if isinstance(node, dict):
            for name, value in node.items():
                yield name, value
                yield from walk(value)
        elif isinstance(node, list):
            for value in node:
                yield from walk(value)

    assert all(value in (None, {}) for name, value in walk(document) if name in ("llr", "llrs", "verbal"))
    assert "support for the proposition" not in render_html(report)


@pytest.mark.shared
def test_the_body_is_the_same_byte_for_byte_again_and_without_the_sandbox(
    report: Report, engine: LocalEngine, sandbox: Decoder, demo: Path
) -> None:
    again = Analyzer(COMPACT, engine=engine, decoder=sandbox).examine(demo)
    local = Analyzer(COMPACT, engine=engine, decoder=LocalDecoder()).examine(demo)
    assert again.body_json() == report.body_json() == local.body_json()
    assert again.exhibits == report.exhibits == local.exhibits
    assert local.run.decoder["isolation"].startswith("none")


@pytest.mark.shared
def test_every_exhibit_is_there_with_the_digest_the_body_names(report: Report) -> None:
    assert {exhibit.kind for exhibit in report.body.exhibits} == {"face", "heat_map", "spectrogram"}
    for exhibit in report.body.exhibits:
        assert hashlib.sha256(base64.b64decode(report.exhibits[exhibit.id])).hexdigest() == exhibit.sha256


@pytest.mark.shared
def test_a_report_survives_being_written_and_read(report: Report) -> None:
    assert Report.model_validate_json(report.to_json()) == report


@pytest.mark.shared
@pytest.mark.cuda
def test_a_gpu_says_what_the_cpu_says(cuda: str, report: Report, sandbox: Decoder, upstream: Path, demo: Path) -> None:
    """Within .2 of a logit: cuDNN convolves in TF32 where the device has it, with 10 bits of mantissa."""
    engine = LocalEngine(COMPACT, device=cuda, weights=[upstream])
    body = Analyzer(COMPACT, engine=engine, decoder=sandbox).examine(demo).body
    for ours, theirs in zip(body.findings[1:], report.body.findings[1:], strict=True):
        assert ours.scores[0].logit == pytest.approx(theirs.scores[0].logit, abs=0.2)


@pytest.mark.shared
def test_with_calibrations_on_file_there_are_llrs_words_and_a_flag(
    demo: Path, sandbox: Decoder, upstream: Path, tmp_path: Path
) -> None:
    """The whole calibrated path, with maps that push the demonstration over the flag whatever the networks say."""
    text = (PACKAGE / "manifest.toml").read_text(encoding="utf-8")
    for name in (FACE, VOICE):
        checkpoint = load_manifest().checkpoint(name)
        line = {"a": 1e-6, "b": 2.5, "lower": -3.0, "upper": 3.0}
        maps = {level: line for level in ("window", "subject", "modality")}  # noqa: C420 - reads as what it is
        (tmp_path / f"{name}.json").write_text(json.dumps(calibration_dict(checkpoint.sha256, maps=maps)))
        text = text.replace(f'name = "{name}"\n', f'name = "{name}"\ncalibration = "{name}.json"\n')
    fusion = {
        "format_version": 1, "weights": {"face": 0.5, "voice": 0.5}, "b": 0.0, "lower": -4, "upper": 4,
        "population": {"description": "generated", "num_bonafide": 9, "num_spoof": 9, "command": "none"},
    }  # fmt: skip
    (tmp_path / "fusion.json").write_text(json.dumps(fusion))
    manifest = tmp_path / "manifest.toml"
    manifest.write_text(text, encoding="utf-8")  # it names fusion.json already
    engine = LocalEngine(COMPACT, manifest=load_manifest(manifest), weights=[upstream])
    body = Analyzer(COMPACT, engine=engine, decoder=sandbox).examine(demo).body
    recording = body.findings[0]
    assert recording.llr == pytest.approx(2.5, abs=0.01)
    assert recording.flagged
    assert "moderate support" in (recording.verbal or "")
    assert all(entry.llr is not None for track in body.tracks for entry in track.scores)
    assert all(segment.flagged for segment in body.segments)
    assert {model.status for model in body.models} == {"calibrated"}


def test_without_checkpoints_the_rest_is_examined_and_the_lack_is_named(
    demo: Path, sandbox: Decoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path))
    monkeypatch.delenv("UNMASK_WEIGHTS", raising=False)
    body = Analyzer(COMPACT, decoder=sandbox).examine(demo).body
    assert (body.outcome.state, body.outcome.reason) == (ItemState.PARTIAL, "weights_not_found")
    assert {entry.subject for entry in body.abstentions if entry.reason is Reason.WEIGHTS_NOT_FOUND} == {FACE, VOICE}
    assert len(body.tracks) == 1
    assert all(finding.status == "not_scored" for finding in body.findings)
    assert {model.status for model in body.models} == {"not_found"}


@pytest.mark.shared
def test_an_altered_checkpoint_stops_everything(upstream: Path, tmp_path: Path) -> None:
    for file in upstream.iterdir():
        shutil.copy(file, tmp_path / file.name)
    path = tmp_path / "AASIST-L.pth"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsMismatch, match=r"AASIST-L\.pth"):
        LocalEngine(COMPACT, weights=[tmp_path])


@pytest.mark.parametrize("names", [("xception",), (VOICE,)])
def test_a_model_that_is_none_or_of_the_other_modality_is_the_requests_fault(names: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError):
        LocalEngine(Config(scoring=Scoring(face_models=names)))


@pytest.mark.shared
def test_a_missing_file_is_the_requests_fault_and_bad_evidence_is_not(engine: LocalEngine, tmp_path: Path) -> None:
    analyzer = Analyzer(COMPACT, engine=engine)
    with pytest.raises(ConfigError, match="no such file"):
        analyzer.examine(tmp_path / "nothing.mp4")
    path = tmp_path / "notes.mp4"
    path.write_text("Not a recording.")
    report = analyzer.examine(path)
    assert (report.body.outcome.examination, report.body.outcome.state) == ("failed", ItemState.UNSUPPORTED)
    assert report.body.recording.sha256 == hashlib.sha256(b"Not a recording.").hexdigest()


@pytest.mark.shared
def test_voices_beyond_the_limit_are_named_and_not_listened_to(
    engine: LocalEngine, sandbox: Decoder, tmp_path: Path
) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(2)]
        samples = tone(2.0).reshape(1, -1)
        for stream in streams:
            frame = av.AudioFrame.from_ndarray((samples * 32_767).astype(np.int16), format="s16", layout="mono")
            frame.sample_rate = 16_000
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    config = COMPACT.model_copy(update={"speech": Speech(max_voice_streams=1)})
    body = Analyzer(config, engine=engine, decoder=sandbox).examine(path).body
    assert [voice.stream for voice in body.voices] == [0]
    assert [entry.subject for entry in body.abstentions if entry.reason is Reason.CHANNELS_BEYOND_LIMIT] == ["stream 1"]


@pytest.mark.shared
def test_progress_reaches_the_end_of_every_branch(engine: LocalEngine, sandbox: Decoder, demo: Path) -> None:
    seen: dict[str, float] = {}
    Analyzer(COMPACT, engine=engine, decoder=sandbox).examine(
        demo, progress=lambda branch, fraction: seen.__setitem__(branch, max(fraction, seen.get(branch, 0.0)))
    )
    assert seen == {"identify": 1.0, "video 0": 1.0, "audio 1": 1.0, "report": 1.0}


@pytest.mark.shared
@pytest.mark.slow
def test_every_shared_recording_is_examined_and_yields_a_face(
    engine: LocalEngine, sandbox: Decoder, shared: Path
) -> None:
    with (shared / "media" / "protocol.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    analyzer = Analyzer(COMPACT, engine=engine, decoder=sandbox)
    bodies = {row["path"]: analyzer.examine(shared / "media" / row["path"]).body for row in rows}
    assert {path: body.outcome.state for path, body in bodies.items() if body.outcome.state != "examined"} == {}
    unscored = [path for path, body in bodies.items() if not any(track.num_scored for track in body.tracks)]
    assert unscored == []


@pytest.mark.shared
@pytest.mark.parametrize("name", [name for name, spec in CATALOGUE.items() if spec.modality is Modality.FACE])
def test_face_polarity_on_the_attack_a_checkpoint_was_trained_on(
    name: str, upstream: Path, sandbox: Decoder, shared: Path
) -> None:
    """A larger logit for the Deepfakes clip than for the original it was made from."""
    config = Config(scoring=Scoring(face_models=(name,), voice_models=()))
    analyzer = Analyzer(config, engine=LocalEngine(config, weights=[upstream]), decoder=sandbox)
    folder = shared / "media" / "ffpp_c23"
    spoof, bonafide = (
        analyzer.examine(folder / path).body.findings[1].scores[0].logit
        for path in ("spoof/519_515_Deepfakes.mp4", "bonafide/519.mp4")
    )
    assert spoof > bonafide


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, spec in CATALOGUE.items() if spec.modality is Modality.VOICE])
def test_voice_polarity_on_utterances_with_labels(name: str, upstream: Path, shared: Path) -> None:
    """More spoofs above bona fide than below: published checkpoints do badly on these, but not upside down."""
    with (shared / "voice" / "protocol.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val"]
    engine = LocalEngine(Config(scoring=Scoring(face_models=(), voice_models=(name,))), weights=[upstream])
    logits = {}
    for label in ("bonafide", "spoof"):
        chosen = [row["path"] for row in rows if row["label"] == label]
        chosen = chosen[:: len(chosen) // 16][:16]
        longest = engine.voice_specs[0].input.num_samples
        heard = [read_utterance(shared / "voice", path)[:longest] for path in chosen]
        logits[label] = engine.score_windows(name, heard)
    assert auc(bonafide=logits["bonafide"], spoof=logits["spoof"]) > 0.5, logits


def read_utterance(folder: Path, member: str) -> Float32Array:
    """Mono 16 kHz samples of one `zip!/member`."""
    archive, _, name = member.partition("!/")
    with zipfile.ZipFile(folder / archive) as file, av.open(io.BytesIO(file.read(name)), "r") as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=16_000)
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32)
