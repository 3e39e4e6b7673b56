"""A small archive to scan: recordings that take no time, damaged, encrypted, hidden and doubled ones, text."""

from __future__ import annotations

import io
import tarfile
import wave
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def sound(seed: int, seconds: float = 1.0) -> bytes:
    file = io.BytesIO()
    samples = (np.random.default_rng(seed).normal(size=int(16_000 * seconds)) * 3000).astype("<i2")
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return file.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


EXPECTED = {
    "case/a.png": "no_subject",
    "case/again.png": "duplicate",
    "case/archive.zip!/deep.tar.gz!/b.wav": "no_subject",
    "case/archive.zip!/deep.tar.gz!/notes.txt": "unsupported",
    "case/archive.zip!/hidden.dat": "no_subject",
    "case/archive.zip!/same.png": "duplicate",
    "case/broken.mp4": "unreadable",
    "case/notes.txt": "unsupported",
}
"""Chain to state. A picture and a sound of noise have neither face nor voice."""


def make_case(folder: Path) -> Path:
    """Write the evidence; returns its folder."""
    case = folder / "case"
    case.mkdir()
    (case / "a.png").write_bytes(picture(1))
    (case / "again.png").write_bytes(picture(1))
    (case / "notes.txt").write_text("nothing to see")
    (case / "broken.mp4").write_bytes(b"\0\1\2\3" * 500)
    inner = tarred({"b.wav": sound(2), "notes.txt": b"text"})
    members = {"deep.tar.gz": inner, "hidden.dat": sound(3), "same.png": picture(1)}
    (case / "archive.zip").write_bytes(zipped(members))
    return case
