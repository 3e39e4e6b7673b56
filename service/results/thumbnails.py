"""The first face of a report as a small picture for the summary page, and what the report says of its models."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from pydantic import ValidationError

from detect.report import Exhibit, Report

SIDE_PX = 96
"""Enough to know a face again; the report has the larger picture."""
_QUALITY = 70
"""JPEG; a face of `SIDE_PX` takes about 3 kB, two hundred of them under 1 MB."""


def read_report(path: Path) -> Report | None:
    """A report of this scan; None where it is gone or is not what this version writes."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def first_face(report: Report) -> str | None:
    """Its first picture of a face as base64 JPEG; None where it has none that it vouches for."""
    for exhibit in report.body.exhibits:
        if exhibit.kind == "face" and (picture := _vouched(report, exhibit)) is not None:
            return _small(picture)
    return None


def _vouched(report: Report, exhibit: Exhibit) -> bytes | None:
    """The bytes of an exhibit, if they are those that the body names."""
    try:
        picture = base64.b64decode(report.exhibits.get(exhibit.id, ""), validate=True)
    except (binascii.Error, ValueError):
        return None
    return picture if hashlib.sha256(picture).hexdigest() == exhibit.sha256 else None


def _small(picture: bytes) -> str | None:
    try:
        image = Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")).convert("RGB")
    except (UnidentifiedImageError, OSError):
        return None
    image.thumbnail((SIDE_PX, SIDE_PX))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY)
    return base64.b64encode(stream.getvalue()).decode("ascii")
