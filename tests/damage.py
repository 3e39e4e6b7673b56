"""Surgery on finished recordings: bytes overwritten, times rewritten, packets dropped, things appended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
from PIL import Image

from tests.recipes import numbered, write_picture


def patch(source: Path, path: Path, old: bytes, new: bytes, *, offset: int = 0) -> Path:
    """Overwrite bytes in place: `new` goes `offset` bytes behind the first occurrence of `old`."""
    data = bytearray(source.read_bytes())
    place = data.index(old) + offset
    data[place : place + len(new)] = new
    path.write_bytes(data)
    return path


def _with(packet: Any, data: bytes) -> Any:
    """The same packet with other bytes."""
    changed = av.Packet(data)
    changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
    changed.duration, changed.is_keyframe = packet.duration, packet.is_keyframe
    return changed


_EARLY = 1 << 40


def remux(
    source: Path,
    path: Path,
    times: Callable[[int, int], int | None] | None = None,
    *,
    keep: Callable[[int], bool] | None = None,
    change: Callable[[int, bytes], bytes] | None = None,
    container_format: str | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Copy the packets of the first video stream into a new container, changing their presentation times.

    Args:
        source: The clip.
        path: Where to.
        times: From (position in decoding order, old pts) to a new pts, or None to write the packet without one.
        keep: Whether the packet at this position is copied.
        change: From (position in decoding order, bytes) to other bytes.
        container_format: FFmpeg's name of the muxer.
        container_options: Muxer options.
    """
    with (
        av.open(str(source)) as reader,
        av.open(
            str(path),
            "w",
            format=container_format,
            container_options={"avoid_negative_ts": "disabled", **(container_options or {})},
        ) as writer,
    ):
        stream = reader.streams.video[0]
        target = writer.add_stream_from_template(stream)
        packet: Any
        for position, packet in enumerate(reader.demux(stream)):
            if packet.dts is None or packet.pts is None or (keep is not None and not keep(position)):
                continue
            if change is not None:
                packet = _with(packet, change(position, bytes(packet)))  # noqa: PLW2901  # the same one, changed
            packet.stream = target
            if times is not None:
                packet.pts = times(position, packet.pts)
                packet.dts = position - _EARLY  # muxers insist on order here, and go by the other in the file
            writer.mux(packet)
    return path


def jpeg_with_html(path: Path) -> Path:
    """A JPEG with a page of HTML behind its end: two things to two readers."""
    write_picture(path)
    path.write_bytes(path.read_bytes() + b"<html><script>alert(1)</script></html>")
    return path


def picture_animation(
    path: Path,
    num_frames: int,
    *,
    milliseconds: int | list[int] = 100,
    size: tuple[int, int] = (96, 160),
    **options: Any,
) -> Path:
    """An animated GIF, WebP or PNG of numbered pictures."""
    first, *rest = [Image.fromarray(numbered(number, size)) for number in range(num_frames)]
    first.save(path, save_all=True, append_images=rest, duration=milliseconds, loop=0, **options)
    return path
