"""Cases 35 to 38: pictures that explode, are cut, come in odd colours, never end, or carry poisoned words."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from tests.corpus.scene import SIZE, Recipe, background, encode, packets_of, picture, pictures, write
from tests.corpus.surgery import box, find_boxes, full_box, insert_in_box
from tests.recipes import Pixels, exif_oriented, stored_for

TWIN = "case37_twin.png"
"""8-bit RGB, upright: what the others of case 37 must look like."""

# ------------------------------------------------------------------------------------------ 35, 36: bombs and cuts


def _chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_header(height: int, width: int, bits: int, colour: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def _png_bomb() -> bytes:
    """30,000 x 30,000 pixels of one bit: 112 MB of zeros in 109 kB."""
    side = 30_000
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(1 + (side + 7) // 8)) for _ in range(side)) + rows.flush()
    return _png_header(side, side, 1, 0) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _jpeg(**options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture()).save(file, "JPEG", **{"quality": 92, **options})
    return file.getvalue()


def _jpeg_bomb() -> bytes:
    """A small JPEG whose frame header claims 60,000 x 60,000 (ITU-T T.81, B.2.2)."""
    data = _jpeg()
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", 60_000, 60_000) + data[place + 4 :]


def _gif(num_frames: int, size: tuple[int, int], screen: tuple[int, int]) -> bytes:
    """One picture over and over, 20 ms each (GIF89a specification)."""
    file = io.BytesIO()
    small = Image.fromarray(background(size)).quantize(4, dither=Image.Dither.NONE)
    small.save(file, "GIF")
    single = file.getvalue()
    palette = 3 << (single[10] & 7) + 1
    place = single.index(b",\0\0\0\0", 13 + palette)
    frame = b"!\xf9\x04\0\x02\0\0\0" + single[place:-1]
    head = b"GIF89a" + struct.pack("<HH", screen[1], screen[0]) + single[10 : 13 + palette]
    return head + frame * num_frames + b";"


# ---------------------------------------------------------------------------------------------------- 37: colours


def _save(image: Image.Image, path: Path, **options: Any) -> None:
    image.save(path, **options)


def _cmyk(path: Path) -> None:
    _save(Image.fromarray(picture()).convert("CMYK"), path, quality=92)


def _sixteen_bits(path: Path) -> None:
    """16-bit RGB: what Pillow cannot write, in PNG chunks."""
    wide = picture().astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    path.write_bytes(_png_header(*SIZE, 16, 2) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b""))


def _sixteen_bits_grey(path: Path) -> None:
    grey = np.asarray(Image.fromarray(picture()).convert("L")).astype(np.uint16) * 257
    _save(Image.fromarray(grey), path)


def _palette_with_alpha(path: Path) -> None:
    """255 opaque colours, and one that is transparent in a corner."""
    image = Image.fromarray(picture()).quantize(255)
    image.paste(255, (0, 0, 8, 8))
    _save(image, path, transparency=255)


def _oriented(orientation: int, path: Path) -> None:
    pixels: Pixels = stored_for(orientation, picture())
    _save(Image.fromarray(pixels), path, quality=92, exif=exif_oriented(orientation))


def _profiled(path: Path) -> None:
    """A profile that swaps red and blue, around swapped pixels: right only for those who read the profile."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    entries = {bytes(profile[132 + 12 * n :][:4]): 132 + 12 * n for n in range(count)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    _save(Image.fromarray(picture()[..., ::-1].copy()), path, icc_profile=bytes(profile))


# ----------------------------------------------------------------------------------------------- 37: animations

_ENDLESS = 10_000
_SMALL = (64, 64)


def _animated_webp() -> bytes:
    """RFC 9649, section 2.7.1.1."""
    file = io.BytesIO()
    Image.fromarray(background(_SMALL)).save(file, "WEBP", quality=10, method=0)
    still = file.getvalue()[12:]
    height, width = _SMALL
    place = struct.pack("<I", 0)[:3] * 2 + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = place + struct.pack("<I", 20)[:3] + b"\0" + still
    frame = b"ANMF" + struct.pack("<I", len(body)) + body
    canvas = b"\x02\0\0\0" + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    head = b"WEBPVP8X" + struct.pack("<I", 10) + canvas + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return b"RIFF" + struct.pack("<I", len(head) + len(frame) * _ENDLESS) + head + frame * _ENDLESS


def _animated_png() -> bytes:
    """PNG Specification, third edition, section 11.3.6."""
    height, width = _SMALL
    image = Image.fromarray(background(_SMALL)).convert("L")
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in np.asarray(image) & 0xE0), 9)
    parts = [_png_header(height, width, 8, 0), _chunk(b"acTL", struct.pack(">II", _ENDLESS, 0))]
    for number in range(_ENDLESS):
        sequence = max(0, 2 * number - 1)
        control = struct.pack(">IIIIIHHBB", sequence, width, height, 0, 0, 1, 50, 0, 0)
        parts.append(_chunk(b"fcTL", control))
        parts.append(_chunk(b"IDAT", data) if number == 0 else _chunk(b"fdAT", struct.pack(">I", sequence + 1) + data))
    return b"".join([*parts, _chunk(b"IEND", b"")])


def _heic() -> bytes:
    """One H.265 picture as an image item (ISO/IEC 23008-12): what a telephone writes."""
    clip = encode(".mp4", frames=[picture()], codec="libx265", pix_fmt="yuv420p")
    configuration, packets = packets_of(clip)
    height, width = SIZE
    data = packets[0][0]
    types = box(b"ftyp", b"heic", struct.pack(">I", 0), b"mif1heic")
    properties = box(
        b"iprp",
        box(b"ipco", box(b"hvcC", configuration), full_box(b"ispe", 0, 0, struct.pack(">II", width, height))),
        full_box(b"ipma", 0, 0, struct.pack(">IHBBB", 1, 1, 2, 0x81, 0x02)),
    )
    entry = full_box(b"infe", 2, 0, struct.pack(">HH4s", 1, 0, b"hvc1"), b"\0")

    def meta(offset: int) -> bytes:
        return full_box(
            b"meta",
            0,
            0,
            full_box(b"hdlr", 0, 0, b"\0" * 4 + b"pict" + b"\0" * 13),
            full_box(b"pitm", 0, 0, struct.pack(">H", 1)),
            full_box(b"iloc", 0, 0, struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(data))),
            full_box(b"iinf", 0, 0, struct.pack(">H", 1), entry),
            properties,
        )

    return types + meta(len(types) + len(meta(0)) + 8) + box(b"mdat", data)


# ----------------------------------------------------------------------------------------------- 38: poisoned words

POISON = {
    "script": "<script>alert('unmask')</script><img src=x onerror=alert(1)>",
    "formula": "=cmd|' /C calc'!A0",
    "direction": "gpj.\u202exe\u202c \u200b\u2066hidden\u2069",
    "control": "before\x00after\x1b[31mred\x07",
}
"""What a careless reader runs, shows reversed, or stops at; by name."""

_LONG = "A" * 1_000_000


@cache
def _poisoned_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = POISON["script"]  # ImageDescription
    exif[0x010F] = POISON["formula"]  # Make
    exif[0x0110] = POISON["direction"].encode()  # Model
    exif[0x0131] = POISON["control"]  # Software
    exif[0x8298] = b"\xff\xfe\x80 not UTF-8 \xc3\x28"  # Copyright
    return exif.tobytes()


def _poisoned_xmp() -> bytes:
    escaped = POISON["script"].replace("<", "&lt;")
    return (
        '<?xpacket begin="\ufeff"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<rdf:Description><dc:title>{escaped}{POISON['direction']}</dc:title>"
        f"<dc:source><![CDATA[{POISON['script']}{POISON['formula']}]]></dc:source>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def _poisoned_jpeg(path: Path) -> None:
    path.write_bytes(_jpeg(exif=_poisoned_exif(), xmp=_poisoned_xmp()))


def _invalid_xmp(path: Path) -> None:
    path.write_bytes(_jpeg(xmp=b"\xff\xfe<x:xmpmeta>" + b"\x80\xc3\x28\0" * 400))


def _long_words(path: Path) -> None:
    """A megabyte in one text chunk, compressed to a kilobyte, and a short one beside it."""
    words = PngImagePlugin.PngInfo()
    words.add_text("Description", _LONG, zip=True)
    words.add_text("Title", POISON["script"])
    _save(Image.fromarray(picture()), path, pnginfo=words)


def _poisoned_mp4() -> bytes:
    """iTunes-style and 3GPP tags, one of them not UTF-8, one a megabyte long."""
    clip = encode(".mp4", frames=pictures())

    def item(kind: bytes, value: bytes) -> bytes:
        return box(kind, full_box(b"data", 0, 1, b"\0" * 4, value))

    tags = [
        item(b"\xa9nam", POISON["script"].encode()),
        item(b"\xa9ART", POISON["formula"].encode()),
        item(b"\xa9alb", POISON["direction"].encode()),
        item(b"\xa9cmt", POISON["control"].encode()),
        item(b"\xa9too", b"\xff\xfe\x80 not UTF-8 \xc3\x28"),
        item(b"desc", _LONG.encode()),
    ]
    handler = full_box(b"hdlr", 0, 0, b"\0" * 4 + b"mdirappl" + b"\0" * 9)
    meta = full_box(b"meta", 0, 0, handler, box(b"ilst", *tags))
    for start, _ in find_boxes(clip, b"udta"):
        clip = clip[: start + 4] + b"free" + clip[start + 8 :]
    return insert_in_box(clip, [b"moov"], box(b"udta", meta))


PICTURES: dict[str, Recipe] = {
    "case35_bomb.png": write(_png_bomb),
    "case35_bomb.jpg": write(_jpeg_bomb),
    "case35_bomb.gif": write(lambda: _gif(1, SIZE, (65_535, 65_535))),
    "case36_cut.jpg": write(lambda: _jpeg()[:6_000]),
    "case36_header_only.jpg": write(lambda: _jpeg()[:300]),
    "case36_garbage.jpg": write(lambda: b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40),
    TWIN: lambda path: _save(Image.fromarray(picture()), path),
    "case37_cmyk.jpg": _cmyk,
    "case37_16_bits.png": _sixteen_bits,
    "case37_16_bits_grey.png": _sixteen_bits_grey,
    "case37_palette_alpha.png": _palette_with_alpha,
    **{f"case37_orientation_{value}.jpg": partial(_oriented, value) for value in range(1, 9)},
    "case37_profile.png": _profiled,
    "case37_animation.gif": write(lambda: _gif(_ENDLESS, _SMALL, _SMALL)),
    "case37_animation.webp": write(_animated_webp),
    "case37_animation.png": write(_animated_png),
    "case37_telephone.heic": write(_heic),
    "case37_still.avif": lambda path: _save(Image.fromarray(picture()), path, quality=90),
    "case38_poisoned.jpg": _poisoned_jpeg,
    "case38_invalid_xmp.jpg": _invalid_xmp,
    "case38_long_words.png": _long_words,
    "case38_poisoned.mp4": write(_poisoned_mp4),
}
