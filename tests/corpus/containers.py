"""Cases 1 to 13: files that are no recordings, are cut, lie about themselves, or point at something else."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from tests.corpus.scene import FPS, NUM_FRAMES, SIZE, Recipe, encode, face_clip, packets_of, picture, pictures, write
from tests.corpus.surgery import Packet, Track, box, find_boxes, full_box, insert_in_box, matroska, overwrite

_EVERYTHING = 0xFFFFFFFF
_TEN_HOURS = 36_000


# -------------------------------------------------------------------------------------------- 1 to 4: cut and noise


def _noise() -> bytes:
    return random.Random(2).randbytes(200_000)  # noqa: S311  # repeatable noise, not secrecy


def _half(clip: bytes) -> bytes:
    return clip[: len(clip) // 2]


def _index_first() -> bytes:
    bitexact = {"movflags": "+faststart", "fflags": "+bitexact"}
    return encode(".mp4", frames=pictures(), container_options=bitexact)


# --------------------------------------------------------------------------------------- 5, 6, 7, 13: lying numbers


def _patched(kind: bytes, offset: int, value: int) -> bytes:
    clip = face_clip()
    start, _ = find_boxes(clip, kind)[0]
    return overwrite(clip, start + offset, struct.pack(">I", value))


def _ten_hours(num_frames: int) -> bytes:
    """Movie, track and media headers (ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2) claim ten hours."""
    clip = encode(".mp4", frames=pictures(num_frames))
    for kind, timescale, duration in ((b"mvhd", 20, 24), (b"tkhd", None, 28), (b"mdhd", 20, 24)):
        start, _ = find_boxes(clip, kind)[0]
        units = 1000 if timescale is None else struct.unpack_from(">I", clip, start + timescale)[0]
        clip = overwrite(clip, start + duration, struct.pack(">I", _TEN_HOURS * units))
    return _without_edits(clip)


def _without_edits(clip: bytes) -> bytes:
    for start, _ in find_boxes(clip, b"edts"):
        clip = overwrite(clip, start + 4, b"free")
    return clip


def _ten_hours_in_matroska() -> bytes:
    private, packets = packets_of(face_clip())
    track = Track(codec="V_MPEG4/ISO/AVC", private=private, size=SIZE)
    return matroska([track], _blocks(packets), duration=1000.0 * _TEN_HOURS)


def _million_frames_a_second(num_frames: int) -> bytes:
    """The track header claims a microsecond a frame; the blocks stand 40 ms apart."""
    private, packets = packets_of(face_clip())
    blocks = [Packet(time=1000 // FPS * n, data=data, key=key) for n, (data, key) in enumerate(packets[:num_frames])]
    track = Track(codec="V_MPEG4/ISO/AVC", private=private, size=SIZE, default_duration=1000)
    return matroska([track], blocks)


# -------------------------------------------------------------------------------------- 8, 9: references to elsewhere


def _playlist(*lines: str) -> Callable[[str], bytes]:
    """Text with `{}` where the target goes."""
    return lambda target: "\n".join([*lines, ""]).replace("{}", target).encode()


def _alias(target: str) -> bytes:
    """A QuickTime file whose media data lie in another file: the path stands in an alias record."""
    path = target.encode()
    name = Path(target).name.encode()[:63]
    record = b"\0" * 10 + bytes([1]) + b"/".ljust(27, b"\0") + b"\0" * 12 + bytes([len(name)]) + name.ljust(63, b"\0")
    record += b"\0" * 16 + struct.pack(">hh", 1, 1) + b"\0" * 16
    record += struct.pack(">HH", 2, len(path)) + path + b"\0" * (len(path) % 2) + struct.pack(">HH", 0xFFFF, 0)
    clip = face_clip(".mov")
    start, size = find_boxes(clip, b"dref")[0]
    entry = full_box(b"alis", 0, 0, record.ljust(160, b"\0"))
    extra = full_box(b"dref", 0, 0, struct.pack(">I", 1), entry)
    for outer, outer_size in [find_boxes(clip, kind)[0] for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf")]:
        clip = overwrite(clip, outer, struct.pack(">I", outer_size + len(extra) - size))
    return clip[:start] + extra + clip[start + size :]


REFERENCES: dict[str, Callable[[str], bytes]] = {
    "case08_hls.mp4": _playlist("#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", "{}", "#EXT-X-ENDLIST"),
    "case08_hls_key.mp4": _playlist(
        "#EXTM3U", "#EXT-X-TARGETDURATION:1", '#EXT-X-KEY:METHOD=AES-128,URI="{}"', "#EXTINF:1,", "x.ts"
    ),
    "case08_hls_master.mp4": _playlist("#EXTM3U", "#EXT-X-STREAM-INF:BANDWIDTH=1", "{}"),
    "case08_dash.mp4": _playlist(
        '<?xml version="1.0"?>',
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">',
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1" codecs="avc1.42c01e">',
        "<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    ),
    "case08_sdp.mp4": _playlist(
        "v=0", "o=- 0 0 IN IP4 127.0.0.1", "s={}", "c=IN IP4 127.0.0.1", "t=0 0", "m=video 5004 RTP/AVP 96",
        "a=rtpmap:96 H264/90000",
    ),
    "case09_ffconcat.mp4": lambda target: _playlist("ffconcat version 1.0", "file '{}'")(target.removeprefix("file://")),
    "case09_quicktime_alias.mov": lambda target: _alias(target.removeprefix("file://")),
}  # fmt: skip
"""Files that ask whoever opens them to open a target, a `file:` or `http:` address, as well; by name."""


# ------------------------------------------------------------------------------------- 10, 11: other kinds of content


_SVG = b"""<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="320" height="240">
<image xlink:href="file:///etc/hostname" width="320" height="240"/></svg>
"""
_MVG = b"push graphic-context\nviewbox 0 0 320 240\nimage over 0,0 0,0 'https://127.0.0.1/x.png'\npop graphic-context\n"
_XML = b'<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>\n<a>&b;</a>\n'
_SRT = b"1\n00:00:00,000 --> 00:00:02,000\nno recording\n\n"


def _mp4_and_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("payload.txt"), "another view of the same bytes")
    return face_clip() + file.getvalue()


_PAGE = b"<html><body><script>alert(document.domain)</script></body></html>"


def _jpeg_and_html() -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture(0)).save(file, "JPEG", quality=90, comment=_PAGE)
    return file.getvalue() + _PAGE


# --------------------------------------------------------------------------------------------------- 12: too many


def _many_tracks() -> bytes:
    private, packets = packets_of(face_clip())
    first = Track(codec="V_MPEG4/ISO/AVC", private=private, size=SIZE)
    silent = Track(codec="A_PCM/INT/LIT")
    return matroska([first, *[silent] * 9_999], _blocks(packets))


def _blocks(packets: list[tuple[bytes, bool]]) -> list[Packet]:
    return [Packet(time=1000 // FPS * place, data=data, key=key) for place, (data, key) in enumerate(packets)]


def _many_sounds() -> bytes:
    """A hundred real sound tracks of a tenth of a second beside the pictures."""
    private, packets = packets_of(face_clip())
    sound = [Packet(time=0, data=b"\0\0" * 1600, track=number) for number in range(2, 102)]
    first = Track(codec="V_MPEG4/ISO/AVC", private=private, size=SIZE)
    return matroska([first, *[Track(codec="A_PCM/INT/LIT")] * 100], [*sound, *_blocks(packets)])


def _many_attachments() -> bytes:
    private, packets = packets_of(face_clip())
    track = Track(codec="V_MPEG4/ISO/AVC", private=private, size=SIZE)
    return matroska([track], _blocks(packets), attachments=1_000)


def _many_edits() -> bytes:
    """5,000 entries of one frame, each from another place in the clip (ISO/IEC 14496-12, 8.6.6)."""
    clip = _without_edits(face_clip())
    start, _ = find_boxes(clip, b"mdhd")[0]
    (timescale,) = struct.unpack_from(">I", clip, start + 20)
    places = (number * 7 % NUM_FRAMES * timescale // FPS for number in range(5_000))
    entries = b"".join(struct.pack(">IiI", 1000 // FPS, place, 0x10000) for place in places)
    edits = box(b"edts", full_box(b"elst", 0, 0, struct.pack(">I", 5_000), entries))
    return insert_in_box(clip, [b"moov", b"trak"], edits)


_ELSEWHERE = "file:///etc/hostname"
_NETWORK = "http://127.0.0.1:9/x.ts"

CONTAINERS: dict[str, Recipe] = {
    "case01_empty.mp4": write(bytes),
    "case02_random.mp4": write(_noise),
    "case03_index_missing.mp4": write(lambda: _half(face_clip())),
    "case03_index_first_cut.mp4": write(lambda: _half(_index_first())),
    "case04_cut.mkv": write(lambda: _half(face_clip(".mkv"))),
    "case05_stts_count.mp4": write(partial(_patched, b"stts", 12, _EVERYTHING)),
    "case06_stsz_count.mp4": write(partial(_patched, b"stsz", 16, 0x7FFFFFFF)),
    "case06_stsz_size.mp4": write(partial(_patched, b"stsz", 12, 0x7FFFFFFF)),
    "case07_moov_size.mp4": write(partial(_patched, b"moov", 0, _EVERYTHING)),
    **{name: write(partial(content, _ELSEWHERE)) for name, content in REFERENCES.items()},
    "case08_hls_network.mp4": write(partial(REFERENCES["case08_hls.mp4"], _NETWORK)),
    "case10_svg.mp4": write(lambda: _SVG),
    "case10_mvg.mp4": write(lambda: _MVG),
    "case10_xml.mp4": write(lambda: _XML),
    "case10_subtitles.mp4": write(lambda: _SRT),
    "case11_mp4_and_zip.mp4": write(_mp4_and_zip),
    "case11_jpeg_and_html.jpg": write(_jpeg_and_html),
    "case12_10000_tracks.mkv": write(_many_tracks),
    "case12_100_sounds.mkv": write(_many_sounds),
    "case12_1000_attachments.mkv": write(_many_attachments),
    "case12_5000_edits.mp4": write(_many_edits),
    "case13_ten_hours_one_frame.mp4": write(partial(_ten_hours, 1)),
    "case13_ten_hours.mp4": write(partial(_ten_hours, NUM_FRAMES)),
    "case13_ten_hours.mkv": write(_ten_hours_in_matroska),
    "case13_million_fps_one_frame.mkv": write(partial(_million_frames_a_second, 1)),
    "case13_million_fps.mkv": write(partial(_million_frames_a_second, NUM_FRAMES)),
}
