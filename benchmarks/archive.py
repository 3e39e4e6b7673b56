"""A real archive: the development recordings packed into one another, with damage, copies and locks among them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import py7zr

from benchmarks.tables import table
from detect.version import VERSION


def measure(shared: Path, out: Path) -> None:
    """Pack, scan as an examiner would, and compare with what was packed; filed as `archive.md`."""
    media = sorted(path for path in (shared / "media").rglob("*") if path.suffix in (".mp4", ".mpg", ".mov", ".avi"))
    with TemporaryDirectory(prefix="unmask-archive-") as place:
        evidence, results = Path(place) / "case", Path(place) / "results"
        expected = pack(media, evidence)
        command = [
            sys.executable,
            "-m",
            "service.cli",
            "scan",
            str(evidence),
            "--out",
            str(results),
            "--progress",
            "none",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1, 3):
            raise RuntimeError(done.stderr)
        items = [json.loads(line) for line in (results / "items.jsonl").read_text().splitlines()]
        verified = subprocess.run(
            [sys.executable, "-I", "-S", str(results / "verify.py")], capture_output=True, check=False
        )
    states = Counter(f"{item['state']}:{item['reason']}" if item["reason"] else item["state"] for item in items)
    rows = [[f"`{state}`", str(number)] for state, number in sorted(states.items())]
    whole = set(expected.values())
    found = {item["sha256"] for item in items if item["sha256"]}
    about = (
        f"{len(media)} recordings in a folder, a zip in a tar, a 7z, a locked 7z and an ext4 disk image, some "
        "twice, one cut, one zip cut in the middle, one with a wrong checksum, one recording named .dat."
    )
    verdict = "yes" if verified.returncode == 0 else "NO"
    lines = [
        "# A real archive",
        "",
        f"Made by `python -m benchmarks archive` with unmask {VERSION} on {os.cpu_count()} CPU cores.",
        "",
        about,
        "",
        *table(["state", "files"], rows),
        f"Recordings packed whole that were found by their SHA-256: {len(whole & found)} of {len(whole)}.",
        f"The results verify: {verdict}.",
        "",
    ]
    text = "\n".join(lines)
    (out / "archive.md").write_text(text, encoding="utf-8")
    print(text)


def pack(media: list[Path], evidence: Path) -> dict[str, str]:
    """Make the archive; name to SHA-256 of what was packed whole and unlocked."""
    evidence.mkdir()
    whole: dict[str, str] = {}

    def note(path: Path) -> Path:
        whole[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return path

    parts = [media[start::5] for start in range(5)]
    for path in parts[0]:
        shutil.copy(note(path), evidence)
    shutil.copy(parts[0][0], evidence / "again.mp4")
    shutil.copy(note(parts[1][0]), evidence / "holiday.dat")
    with zipfile.ZipFile(evidence / "inner.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in parts[1]:
            archive.write(note(path), f"clips/{path.name}")
        archive.writestr("notes.txt", "nothing")
    subprocess.run(["tar", "-C", str(evidence), "-cf", str(evidence / "backup.tar"), "inner.zip"], check=True)
    (evidence / "inner.zip").unlink()
    with py7zr.SevenZipFile(evidence / "phone.7z", "w") as archive7:
        for path in parts[2]:
            archive7.write(note(path), path.name)
    with py7zr.SevenZipFile(evidence / "locked.7z", "w", password="secret", header_encryption=True) as archive7:  # noqa: S106
        archive7.write(parts[3][0], "locked.mp4")
    _disk_image([note(path) for path in parts[4]], evidence / "disk.dd")
    content = parts[3][1].read_bytes()
    (evidence / "cut.mp4").write_bytes(content[: len(content) // 2])
    with zipfile.ZipFile(evidence / "cut.zip", "w", zipfile.ZIP_STORED) as archive:
        for path in parts[3][2:4]:
            archive.write(path, path.name)
    cut = (evidence / "cut.zip").read_bytes()
    (evidence / "cut.zip").write_bytes(cut[: parts[3][2].stat().st_size + 1000])
    with zipfile.ZipFile(evidence / "crc.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.write(parts[3][4], "flipped.mp4")
    flipped = bytearray((evidence / "crc.zip").read_bytes())
    flipped[5000] ^= 0xFF
    (evidence / "crc.zip").write_bytes(flipped)
    return whole


def _disk_image(files: list[Path], image: Path) -> None:
    with TemporaryDirectory() as place:
        for path in files:
            shutil.copy(path, place)
        size = sum(path.stat().st_size for path in files) // 1024 + 16_384
        tool = shutil.which("mke2fs") or "/usr/sbin/mke2fs"
        subprocess.run([tool, "-q", "-t", "ext4", "-d", place, str(image), f"{size}k"], check=True)
