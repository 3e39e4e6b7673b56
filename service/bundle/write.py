"""Put a bundle together: report, pictures, sound, README, manifest, signature; the recording itself if asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, BinaryIO

from detect.errors import InputError, UnmaskError
from detect.report import Report
from service.bundle.archive import Archive
from service.bundle.custody import custody_log
from service.bundle.facts import EvidenceFacts
from service.bundle.readme import Holdings, readme
from service.bundle.sound import Excerpt, Sounds, driving, wav
from service.bundle.texts import say_bundled
from service.pdf.render import render_pdf
from service.render import render_html
from service.results.manifest import RUN_LOG, VERIFY_SCRIPT, seal, verify_script
from service.results.signing import SigningKey
from service.results.verifier import MANIFEST, PUBLIC_KEY, SIGNATURE
from service.shown import picture_of

_CHUNK_BYTES = 1 << 20
_NAME_CHARACTERS = 48
"""Of an exhibit's own name in that of its file."""
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png"}
_EVIDENCE = "evidence/recording.bin"
"""A neutral name: what is in a recording's own name, and what a system would do with its ending, is nobody's choice
who unpacks a bundle."""

Opener = Callable[[], BinaryIO]
"""Opens the recording for reading."""


class EvidenceChanged(UnmaskError):
    """The recording is not the one that was examined: it has other bytes than the report and the facts name."""


def write_bundle(
    target: BinaryIO,
    report: Report,
    *,
    facts: EvidenceFacts,
    created: datetime,
    key: SigningKey,
    sounds: Sounds | None = None,
    evidence: Opener | None = None,
    blur_faces: bool = True,
) -> None:
    """Write a bundle. The same arguments give the same bytes.

    Args:
        target: Takes the zip file; is only written to. If this raises, what it got is no zip file.
        report: The report, under the name that its reader knows.
        facts: Of the recording.
        created: When the bundle is made; with a time zone.
        key: What signs it.
        sounds: Gives the sound of the windows that drove the scores; None where the recording is not at hand.
        evidence: Opens the recording, which goes in as well; None leaves it out.
        blur_faces: Whether faces are blurred in the PDF.

    Raises:
        EvidenceChanged: facts, report and recording are not of the same bytes.
        PdfError: the report could not be set.
        OSError: `target` or the recording fails.
    """
    if facts.sha256 != report.body.recording.sha256:
        raise EvidenceChanged(f"the report is of the bytes {report.body.recording.sha256}, the facts of {facts.sha256}")
    with Archive(target, f"unmask-{facts.sha256[:12]}", created) as archive:
        archive.add("report.pdf", render_pdf(report, blur_faces=blur_faces))
        archive.add("report.html", render_html(report).encode())
        archive.add("report.json", report.to_json().encode())
        pictures = _add_pictures(archive, report)
        excerpts, why_no_sound = _add_sound(archive, driving(report.body), sounds)
        if evidence is not None:
            _add_evidence(archive, facts, evidence)
        contents = {"pictures": pictures, "sound": [_described(path, excerpt) for path, excerpt in excerpts]}
        archive.add("contents.json", json.dumps(contents, indent=2, sort_keys=True).encode() + b"\n")
        holdings = Holdings(
            excerpts=excerpts,
            why_no_sound=why_no_sound,
            num_frames=sum(entry["file"].startswith("frames/") for entry in pictures),
            num_spectrograms=sum(entry["file"].startswith("spectrograms/") for entry in pictures),
            num_missing=len(report.body.exhibits) - len(pictures),
            evidence="" if evidence is None else _EVIDENCE,
            blur_faces=blur_faces,
        )
        archive.add("README.txt", readme(report, facts, created, key.fingerprint, holdings))
        log, head = custody_log(facts, created)
        archive.add(RUN_LOG, log)
        archive.add(VERIFY_SCRIPT, verify_script().encode())
        archive.add(PUBLIC_KEY, key.public_pem)
        manifest, signature = seal(
            archive.files, job=facts.job, tool=report.body.tool, created=created, head=head, key=key
        )
        archive.add(MANIFEST, manifest)
        archive.add(SIGNATURE, signature)


def _add_pictures(archive: Archive, report: Report) -> list[dict[str, Any]]:
    entries = []
    for number, exhibit in enumerate(report.body.exhibits, start=1):
        data = picture_of(report, exhibit)
        if data is None:
            continue
        folder = "spectrograms" if exhibit.kind == "spectrogram" else "frames"
        path = f"{folder}/{number:03d}-{_plain(exhibit.id)}.{_ENDINGS[exhibit.media_type]}"
        archive.add(path, data)
        entries.append({"file": path, **exhibit.model_dump(mode="json")})
    return entries


def _add_sound(
    archive: Archive, excerpts: list[Excerpt], sounds: Sounds | None
) -> tuple[list[tuple[str, Excerpt]], str]:
    """Paths and windows, or why there are none."""
    if not excerpts:
        return [], say_bundled("sound_none")
    if sounds is None:
        return [], say_bundled("sound_not_asked")
    try:
        cut = sounds(excerpts)
    except InputError as error:
        return [], say_bundled("sound_not_cut", reason=error.message.rstrip("."))
    found = []
    for number, (excerpt, samples) in enumerate(zip(excerpts, cut, strict=True), start=1):
        span = excerpt.window.span
        path = f"sound/{number:02d}-{_plain(excerpt.voice)}-{span.start_seconds:.3f}-{span.end_seconds:.3f}s.wav"
        archive.add(path, wav(samples))
        found.append((path, excerpt))
    return found, ""


def _add_evidence(archive: Archive, facts: EvidenceFacts, evidence: Opener) -> None:
    with evidence() as file:
        digest = archive.stream(_EVIDENCE, _chunks(file), facts.num_bytes)
    if digest != facts.sha256:
        raise EvidenceChanged(f"the recording's bytes have the SHA-256 {digest}, not {facts.sha256}")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK_BYTES), b"")


def _described(path: str, excerpt: Excerpt) -> dict[str, Any]:
    return {
        "file": path,
        "voice": excerpt.voice,
        "stream": excerpt.stream,
        "channel": excerpt.channel,
        **excerpt.window.model_dump(mode="json"),
    }


def _plain(name: str) -> str:
    """A name from a report as part of a file's."""
    return re.sub("[^A-Za-z0-9]+", "-", name)[:_NAME_CHARACTERS].strip("-") or "unnamed"
