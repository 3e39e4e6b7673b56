"""The evidence bundle: complete, the same for the same content, and found out at one altered byte, without us."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import re
import stat
import subprocess
import sys
import wave
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from detect.errors import UnreadableMedia
from detect.report import Report
from detect.types import Float32Array
from pipelines.runlog import verify_log
from service.bundle.facts import Custody, EvidenceFacts
from service.bundle.sound import RATE, Excerpt
from service.bundle.write import EvidenceChanged, write_bundle
from service.results.manifest import verify_folder
from service.results.signing import SigningKey, load_or_create_key
from tests.recipes import noise
from tests.service import sample_reports
from tests.service.rendered import every, rendered_report

MADE = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
RECORDING = b"the bytes of a recording that never was\n" * 1_000


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return load_or_create_key(tmp_path_factory.mktemp("keys") / "key.pem")


def of(report: Report, data: bytes = RECORDING) -> tuple[Report, EvidenceFacts]:
    """A report of these bytes, and the facts of them."""
    digest = hashlib.sha256(data).hexdigest()
    recording = report.body.recording.model_copy(update={"sha256": digest, "num_bytes": len(data)})
    facts = EvidenceFacts(
        job="job_5f2a",
        case="2026/17 harbour",
        name=recording.name,
        sha256=digest,
        num_bytes=len(data),
        custody=(
            Custody(at=MADE - timedelta(days=2), what="received", who="A. Analyst"),
            Custody(at=MADE - timedelta(days=1), what="examined", who=""),
        ),
    )
    return sample_reports.with_body(report, recording=recording), facts


def hum(excerpts: Sequence[Excerpt]) -> list[Float32Array]:
    return [noise(excerpt.num_samples / RATE, RATE, seed=number) for number, excerpt in enumerate(excerpts)]


def bundled(report: Report, key: SigningKey, **options: Any) -> bytes:
    report, facts = of(report)
    target = io.BytesIO()
    write_bundle(target, report, **{"facts": facts, "created": MADE, "key": key, "sounds": hum, **options})
    return target.getvalue()


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    (out,) = folder.iterdir()
    return out


@pytest.fixture(scope="module")
def whole(key: SigningKey) -> bytes:
    return bundled(rendered_report("partial"), key, evidence=lambda: io.BytesIO(RECORDING))


@pytest.fixture
def out(whole: bytes, tmp_path: Path) -> Path:
    return unpacked(whole, tmp_path / "unpacked")


def run_verifier(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", str(folder / "verify.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# Checked without this program.


def test_it_verifies_with_python_alone(out: Path, key: SigningKey) -> None:
    answer = run_verifier(out)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "GOOD: all is as it was signed" in answer.stdout
    assert key.fingerprint in answer.stdout
    assert verify_folder(out).good
    assert verify_folder(out).num_files == len(files(out)) - 2


def test_one_altered_byte_anywhere_is_found(out: Path) -> None:
    for path in files(out):
        file = out / path
        data = file.read_bytes()
        place = len(data) // 2
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        verification = verify_folder(out)
        assert not verification.good, path
        named = {problem.where for problem in verification.problems}
        assert named & {path, "manifest.sig", "manifest.json"}, path
        file.write_bytes(data)
    assert verify_folder(out).good


@pytest.mark.parametrize("path", ["report.json", "evidence/recording.bin", "README.txt"])
def test_the_script_in_the_bundle_finds_an_altered_byte(out: Path, path: str) -> None:
    data = bytearray((out / path).read_bytes())
    data[10] ^= 1
    (out / path).write_bytes(data)
    answer = run_verifier(out)
    assert answer.returncode == 1
    assert f"problem (changed): {path}" in answer.stdout
    assert "NOT GOOD" in answer.stdout


def test_a_file_that_is_taken_away_or_added_is_found(out: Path) -> None:
    (out / "report.pdf").unlink()
    (out / "frames" / "extra.jpg").write_bytes(b"x")
    kinds = {(problem.kind, problem.where) for problem in verify_folder(out).problems}
    assert kinds == {("missing", "report.pdf"), ("extra", "frames/extra.jpg")}


def test_its_run_log_is_the_custody(out: Path) -> None:
    head = verify_log(out / "run.jsonl", "job_5f2a")
    events = [json.loads(line) for line in (out / "run.jsonl").read_bytes().splitlines()]
    assert head.num_lines == len(events) == 3
    assert [(event["event"], event["who"]) for event in events] == [
        ("received", "A. Analyst"),
        ("examined", ""),
        ("bundled", ""),
    ]
    assert events[2]["at"] == "2026-03-04T05:06:07.000Z"


# Complete.


@every
def test_every_report_can_be_bundled(name: str, key: SigningKey, tmp_path: Path) -> None:
    report = rendered_report(name)
    out = unpacked(bundled(report, key), tmp_path / "unpacked")
    assert verify_folder(out).good
    pictures = [path for path in files(out) if path.startswith(("frames/", "spectrograms/"))]
    assert len(pictures) == len(report.body.exhibits)
    delivered = Report.model_validate_json((out / "report.json").read_text("utf-8"))
    assert delivered == of(report)[0]
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF-1.7")
    assert (out / "report.html").read_bytes().startswith(b"<!DOCTYPE html>")


def test_pictures_are_the_exhibits(out: Path) -> None:
    contents = json.loads((out / "contents.json").read_bytes())
    report = rendered_report("partial")
    for entry, exhibit in zip(contents["pictures"], report.body.exhibits, strict=True):
        assert (out / entry["file"]).read_bytes() == base64.b64decode(report.exhibits[exhibit.id])
        assert entry["sha256"] == exhibit.sha256
        assert entry["file"].startswith("spectrograms/" if exhibit.kind == "spectrogram" else "frames/")


def test_sound_is_wav_of_the_strongest_windows(out: Path) -> None:
    contents = json.loads((out / "contents.json").read_bytes())["sound"]
    heights = [max(entry["llrs"].values()) for entry in contents]
    windows = [
        window
        for voice in rendered_report("partial").body.voices
        for utterance in voice.utterances
        for window in utterance.windows
    ]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] == max(max(window.llrs.values()) for window in windows)
    for entry in contents:
        with wave.open(str(out / entry["file"])) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
            seconds = entry["span"]["end_seconds"] - entry["span"]["start_seconds"]
            assert abs(file.getnframes() / RATE - seconds) < 1 / RATE


def test_the_recording_goes_in_only_when_asked(out: Path, key: SigningKey, tmp_path: Path) -> None:
    assert (out / "evidence" / "recording.bin").read_bytes() == RECORDING
    without = unpacked(bundled(rendered_report("partial"), key), tmp_path / "without")
    assert not (without / "evidence").exists()
    assert "The recording itself is not in this bundle." in (without / "README.txt").read_text("utf-8")


def test_the_readme_says_the_result_and_how_to_verify(out: Path, key: SigningKey) -> None:
    text = " ".join((out / "README.txt").read_text("utf-8").split())
    report, facts = of(rendered_report("partial"))
    for said in (report.body.findings[0].verbal, "This is not the probability", facts.sha256, facts.case):
        assert said is not None
        assert said in text
    assert "python3 -I verify.py" in text
    assert key.fingerprint in text
    assert "2026-03-02 05:06:07 UTC received A. Analyst" in text


def test_what_cannot_be_had_is_said(key: SigningKey, tmp_path: Path) -> None:
    def broken(excerpts: Sequence[Excerpt]) -> Sequence[Float32Array]:
        raise UnreadableMedia("no_such_stream", "stream 1 is not an audio stream of this recording")

    report = rendered_report("partial")
    pictures = {**report.exhibits, report.body.exhibits[0].id: base64.b64encode(b"another").decode()}
    for number, (sounds, said) in enumerate(
        [
            (broken, "The sound could not be cut from the recording: stream 1 is not an audio stream"),
            (None, "The recording was not at hand when this bundle was made"),
        ]
    ):
        changed = report.model_copy(update={"exhibits": pictures})
        out = unpacked(bundled(changed, key, sounds=sounds), tmp_path / str(number))
        text = " ".join((out / "README.txt").read_text("utf-8").split())
        assert said in text
        assert "1 pictures that the report names are not here" in text
        assert not (out / "sound").exists()
        assert verify_folder(out).good


# The zip file.


def test_the_same_content_gives_the_same_bytes(whole: bytes, key: SigningKey) -> None:
    again = bundled(
        rendered_report("partial"),
        key,
        evidence=lambda: io.BytesIO(RECORDING),
        created=MADE.astimezone(timezone(timedelta(hours=9))),
    )
    assert again == whole


class _Pipe(io.RawIOBase):
    """Takes bytes, and cannot be sought in."""

    def __init__(self) -> None:
        super().__init__()
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


def test_it_streams(whole: bytes, key: SigningKey) -> None:
    report, facts = of(rendered_report("partial"))
    pipe = _Pipe()
    write_bundle(
        pipe,  # type: ignore[arg-type]
        report,
        facts=facts,
        created=MADE,
        key=key,
        sounds=hum,
        evidence=lambda: io.BytesIO(RECORDING),
    )
    assert bytes(pipe.data) == whole


def test_all_lies_in_one_folder_as_plain_files(whole: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        for entry in archive.infolist():
            assert re.fullmatch(r"unmask-[0-9a-f]{12}(/[A-Za-z0-9._-]+){1,2}", entry.filename)
            assert ".." not in entry.filename
            assert stat.S_IMODE(entry.external_attr >> 16) == 0o644
            assert entry.date_time == (2026, 3, 4, 5, 6, 6)  # zip files count two seconds at a time


def test_hostile_names_reach_no_path_and_no_terminal(key: SigningKey, tmp_path: Path) -> None:
    report, facts = of(rendered_report("hostile"))
    bad = "../../etc/x\0\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}\nRun: rm -rf ~"
    exhibits = [
        exhibit.model_copy(update={"id": f"../{exhibit.id}/C:\\{bad}"})
        for exhibit in rendered_report("partial").body.exhibits
    ]
    source = rendered_report("partial").exhibits
    report = sample_reports.with_body(report, exhibits=exhibits).model_copy(
        update={"exhibits": {f"../{name}/C:\\{bad}": data for name, data in source.items()}}
    )
    facts = dataclasses.replace(facts, name=bad, case=bad, custody=(Custody(at=MADE, what="received", who=bad),))
    target = io.BytesIO()
    write_bundle(target, report, facts=facts, created=MADE, key=key, sounds=hum)
    out = unpacked(target.getvalue(), tmp_path / "unpacked")
    assert len([path for path in files(out) if path.startswith("frames/")]) == 12
    text = (out / "README.txt").read_text("utf-8")
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "⟨U+202E⟩⟨U+000A⟩Run" in "".join(text.split())
    assert not re.search(r"^\s*Run: rm", text, re.MULTILINE)
    assert verify_folder(out).good


def test_a_recording_of_other_bytes_is_refused(key: SigningKey) -> None:
    target = io.BytesIO()
    report, facts = of(rendered_report("partial"))
    with pytest.raises(EvidenceChanged):
        write_bundle(
            target, report, facts=facts, created=MADE, key=key, evidence=lambda: io.BytesIO(RECORDING[:-1] + b"x")
        )
    assert not zipfile.is_zipfile(target)
    assert b"manifest.sig" not in target.getvalue()


def test_facts_of_another_recording_are_refused(key: SigningKey) -> None:
    report, _ = of(rendered_report("partial"))
    _, facts = of(rendered_report("partial"), b"other")
    with pytest.raises(EvidenceChanged):
        write_bundle(io.BytesIO(), report, facts=facts, created=MADE, key=key)
