"""What a container's header claims, held against what reading it through has shown.

A file that was cut shows it in its structure: fewer bytes than its outermost elements need. Only then is a shorter
duration damage; otherwise the header is wrong, which loses nothing but says something.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from detect.layout import Layout
from detect.packets import Packets, Reading
from detect.provenance import clean
from detect.report import CaveatEntry, DefectEntry
from detect.streams import rate
from detect.timeline import PLAUSIBLE_RATES
from detect.types import CaveatKind, DefectKind

_TOLERANCE_SECONDS = Fraction(1, 2)
_TOLERANCE_SHARE = Fraction(1, 100)
"""Headers round, and count a last picture's or packet's length differently; measured under 0.1 s on whole files."""

_TOLERANCE_FRAMES = 2
"""FFmpeg's own AVI writer declares one more than it writes where pictures are reordered."""

_EXACT = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "wav", "flac", "w64"})
"""Demuxers whose duration comes from the header alone; the others estimate it from what is there."""

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Where the claims stand."""

    container: InputContainer
    layout: Layout
    num_bytes: int


def compare(
    claims: Claims, reading: Reading, duration: Fraction | None, examined: set[int]
) -> tuple[list[DefectEntry], list[CaveatEntry]]:
    """Find what is missing, and what is claimed wrongly.

    Args:
        claims: The container, and its structure.
        reading: Its packets.
        duration: Seconds by the packets; None where they carry no times.
        examined: Streams that count.
    """
    defects: list[DefectEntry] = []
    caveats: list[CaveatEntry] = []
    container, promised = claims.container, claims.layout.promised
    declared = claims.layout.declared
    if declared is None and container.duration is not None:
        declared = Fraction(container.duration, _MICROSECONDS)
    exact = container.format.name in _EXACT
    cut = promised is not None and promised > claims.num_bytes
    found = duration or Fraction(0)
    differs = (
        declared is not None and exact and abs(declared - found) > max(_TOLERANCE_SECONDS, declared * _TOLERANCE_SHARE)
    )

    if not cut and differs and container.format.name == "flac" and declared is not None and declared > found:
        cut = True  # FLAC has no outer length, but its first block counts the samples
    if cut:
        defects.append(_truncated(claims, promised, declared if exact else None, found))
    elif differs and declared is not None:
        detail = f"The header declares {_text(declared)}; the packets cover {_text(found)}."
        caveats.append(CaveatEntry(kind=CaveatKind.METADATA_INCONSISTENT, detail=detail))

    failed = cut or reading.num_failures > 0 or any("partial file" in line for line in reading.messages)
    for stream in container.streams:
        if stream.index not in examined:
            continue
        packets = reading.streams[stream.index]
        _compare_stream(stream, packets, declared if exact else None, defects, caveats, cut=cut, failed=failed)
    count = max(reading.num_failures, reading.num_messages)
    if count and not cut:
        said = f", first: {clean(reading.messages[0])}" if reading.messages else ""
        detail = f"Reading the container reported {count} errors{said}."
        defects.append(DefectEntry(kind=DefectKind.DECODE_ERRORS, stream=None, detail=detail, count=count))
    return defects, caveats


def _truncated(claims: Claims, promised: int | None, declared: Fraction | None, found: Fraction) -> DefectEntry:
    detail = "The file is cut"
    if promised is not None and promised > claims.num_bytes:
        detail += f": {claims.num_bytes} of {promised} bytes are there"
    if declared is not None and declared > found:
        detail += f"; its header declares {_text(declared)}, {_text(found)} are there"
    missing = None if promised is None else max(0, promised - claims.num_bytes)
    return DefectEntry(kind=DefectKind.TRUNCATED, stream=None, detail=detail + ".", count=missing or None)


def _compare_stream(
    stream: Stream,
    packets: Packets,
    declared: Fraction | None,
    defects: list[DefectEntry],
    caveats: list[CaveatEntry],
    *,
    cut: bool,
    failed: bool,
) -> None:
    """Count what one stream lacks."""
    index = stream.index
    is_video = isinstance(stream, VideoStream)
    there = packets.count + packets.num_empty
    expected, source = stream.frames, "its index lists"
    if cut and not expected and declared is not None and isinstance(stream, VideoStream):
        average = rate(stream)
        expected, source = (round(declared * average), "by its duration it had about") if average else (0, "")
    missing = expected - there
    unit = "pictures" if is_video else "packets of sound"
    tolerance = max(_TOLERANCE_FRAMES, expected // 100)
    if (missing > (0 if cut else tolerance) and failed) or (missing > 0 and not there):
        kind = DefectKind.FRAMES_MISSING if is_video else DefectKind.AUDIO_MISSING
        detail = f"Stream {index} holds {there} {unit}; {source} {expected}."
        defects.append(DefectEntry(kind=kind, stream=index, detail=detail, count=missing))
    elif stream.frames and is_video and abs(missing) > tolerance:
        detail = f"The header declares {stream.frames} {unit} in stream {index}; there are {there}."
        caveats.append(CaveatEntry(kind=CaveatKind.METADATA_INCONSISTENT, detail=detail, stream=index))
    if isinstance(stream, VideoStream) and (rate(stream) or 0) > PLAUSIBLE_RATES[1]:
        detail = f"The header declares {float(rate(stream) or 0):.0f} pictures a second in stream {index}."
        caveats.append(CaveatEntry(kind=CaveatKind.METADATA_INCONSISTENT, detail=detail, stream=index))
    short_read = packets.last_corrupt and (cut or packets.codec.startswith("pcm_"))
    if packets.num_corrupt > short_read:
        detail = f"{packets.num_corrupt} packets of stream {index} are incomplete or follow a gap."
        defects.append(
            DefectEntry(kind=DefectKind.DECODE_ERRORS, stream=index, detail=detail, count=packets.num_corrupt)
        )


def _text(seconds: Fraction) -> str:
    return f"{float(seconds):.3f} s"
