"""Still pictures and animations, through Pillow: upright RGB as a viewer shows it.

The header is read first and its size checked; only then is anything decoded. Only five formats are let in, whatever
else Pillow could open. What has no single right answer is chosen here once: transparent parts lie on mid grey, 16-bit
grey keeps its upper eight bits, an embedded colour profile is applied, the EXIF orientation is obeyed, of several
pages of a TIFF or pictures of an MPO the first is taken.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import accumulate
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import (
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from detect import provenance
from detect.config import Config, Limits
from detect.decoded import Media, SamplingPlan, Stream, VideoOutcome
from detect.errors import InputError, LimitExceeded, UnreadableMedia, UnsupportedMedia
from detect.identify import Identity, identify, second_nature
from detect.layout import Layout, read_riff
from detect.layout_pictures import read_gif, read_jpeg, read_png
from detect.report import AbstentionEntry, CaveatEntry, DefectEntry, StreamFacts
from detect.sampling import plan
from detect.streams import size_objection
from detect.timeline import Timeline
from detect.types import CaveatKind, DefectKind, Frame, Modality, Reason, UInt8Array

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF")

_PLUGINS = (GifImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
"""Imported by name: Pillow would look for them at the first picture, when the file system may be closed already."""
Image.preinit()

_GREY = (128, 128, 128)
"""Behind transparent parts: neither of the extremes, which would draw an edge around a cut-out face."""

_SHORTEST = Fraction(1, 50)
_INSTEAD = Fraction(1, 10)
"""Browsers show frames of less than 20 ms for 100 ms (WebKit and Gecko alike, for GIF, and so do viewers)."""

_MILLISECOND = Fraction(1, 1000)

_UNREADABLE = (
    OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError, TypeError,
    OverflowError, ZeroDivisionError, AttributeError, RuntimeError, AssertionError,
)  # fmt: skip
"""What Pillow's parsers raise on damaged files, by fuzzing: it has no error of its own for most."""


def survey_picture(file: BinaryIO, identity: Identity, config: Config) -> Media:
    """Probe a picture without decoding it.

    Args:
        file: Seekable.
        identity: What its first bytes say.
        config: Limits and sampling.

    Raises:
        UnreadableMedia: its header is damaged.
        UnsupportedMedia: a variant that Pillow cannot decode.
        LimitExceeded: `pixels`.
    """
    layout = _layout(file, identity)
    with _opened(file, config.limits) as image:
        num_pages = 1 if layout.frame_seconds else _num_pages(image)
        size, mode, info = image.size, image.mode, image.info
        orientation, exif, trouble = _exif(image)
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    times = _frame_times(layout)
    looked_at = times[: config.limits.max_animation_frames + 1]
    abstentions, caveats, notes = [], [], [] if trouble is None else [trouble]
    if len(looked_at) < len(times):
        first, total = len(looked_at) - 1, len(times) - 1
        detail = f"Frames {first} to {total - 1} of {total} are beyond limits.max_animation_frames."
        abstentions.append(
            AbstentionEntry(
                reason=Reason.STREAMS_BEYOND_LIMIT, subject="stream 0", detail=detail, modality=Modality.FACE
            )
        )
    if num_pages != 1:
        count = "an unknown number of" if num_pages is None else num_pages
        detail = f"The file holds {count} pictures; the first was examined."
        caveats.append(CaveatEntry(kind=CaveatKind.SPARSELY_SAMPLED, detail=detail, stream=0))
    for what in second_nature(file, identity, layout.end):
        caveats.append(CaveatEntry(kind=CaveatKind.POLYGLOT, detail=f"The file is also {what}."))  # noqa: PERF401  # three appends read alike
    if layout.end is not None and layout.end < identity.num_bytes:
        notes.append(f"{identity.num_bytes - layout.end} bytes follow the end of the picture.")
        hidden = _follows(file, layout.end)
        if hidden is not None and num_pages == 1:
            detail = f"Behind the end of the picture, at byte {layout.end}, begins {hidden}; it was not examined."
            caveats.append(CaveatEntry(kind=CaveatKind.POLYGLOT, detail=detail))
    if "icc_profile" in info:
        notes.append("Its embedded colour profile was applied.")
    duration = looked_at[-1] if len(times) > 2 else None
    facts = StreamFacts(
        index=0,
        kind="video",
        codec=identity.kind,
        width_px=size[0],
        height_px=size[1],
        pixel_format=mode,
        rotation_degrees=_TURNS.get(orientation),
        declared_frames=len(times) - 1,
        num_packets=len(times) - 1,
        examined=True,
    )
    return Media(
        kind="image",
        container=identity.kind,
        duration=duration,
        streams=(Stream(facts=facts, plan=_plan(looked_at, config), seconds=duration),),
        caveats=tuple(caveats),
        abstentions=tuple(abstentions),
        provenance=provenance.state(
            exif=exif, xmp=xmp.encode() if isinstance(xmp, str) else xmp, c2pa=layout.c2pa, notes=notes
        ),
    )


def _follows(file: BinaryIO, end: int) -> str | None:
    """What begins behind a picture: telephones append the seconds before the shot, cameras the next picture."""
    file.seek(end)
    head = file.read(16)
    if head.startswith(b"\xff\xd8\xff"):
        return "another JPEG picture"
    return "a recording (MP4)" if head[4:8] == b"ftyp" else None


_ORIENTATION = 0x0112
_TURNS = {1: 0, 2: 0, 3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}
"""EXIF 2.32, tag 274: degrees clockwise; even mirrored ones are turned so after mirroring."""


def _layout(file: BinaryIO, identity: Identity) -> Layout:
    walk = {"jpeg": read_jpeg, "png": read_png, "gif": read_gif, "webp": read_riff}.get(identity.kind)
    return walk(file, identity.num_bytes) if walk else Layout()


def _frame_times(layout: Layout) -> list[Fraction]:
    """When each frame of an animation begins, and when the last ends; (0, 0) for a still picture."""
    if len(layout.frame_seconds) < 2:
        return [Fraction(0), Fraction(0)]
    shown = (seconds if seconds >= _SHORTEST else _INSTEAD for seconds in layout.frame_seconds)
    return list(accumulate(shown, initial=Fraction(0)))


def _plan(times: list[Fraction], config: Config) -> SamplingPlan:
    if len(times) == 2:
        why = "a single picture"
        return SamplingPlan(decoder="picture", targets=(times[0],), interval=Fraction(0), end=times[1], why=why)
    ticks = np.array([int(time / _MILLISECOND) for time in times], np.int64)
    every = np.ones(len(ticks) - 1, np.bool_)
    timeline = Timeline(
        ticks=ticks[:-1], key=every, reference=every, unit=_MILLISECOND, start=0, end=max(int(ticks[-1]), 1)
    )
    sampling = config.sampling.model_copy(update={"decoder": "full"})
    planned = plan(timeline, Fraction(0), sampling, can_skip=False)
    return planned.model_copy(update={"decoder": "picture", "why": "frames of an animation"})


def read_picture(file: BinaryIO, planned: SamplingPlan, config: Config) -> Iterator[Frame | VideoOutcome]:
    """Yield the planned frames of a picture, then the outcome.

    Raises:
        UnreadableMedia: not even the first frame can be decoded.
        UnsupportedMedia: of a kind that cannot be converted to RGB.
        LimitExceeded: `pixels` or `memory`.
    """
    caveats: list[CaveatEntry] = []
    defects: list[DefectEntry] = []
    num_sampled = 0
    with _opened(file, config.limits) as image:
        for position, time in _wanted(file, planned) if len(planned.targets) > 1 else [(0, Fraction(0))]:
            try:
                with _translated():
                    if position:
                        image.seek(position)
                    pixels, trouble = _upright(image)
            except UnreadableMedia as error:
                if not num_sampled:
                    raise
                lost = len(planned.targets) - num_sampled
                detail = f"From frame {position} on this animation cannot be decoded: {error.message}."
                defects.append(DefectEntry(kind=DefectKind.FRAMES_MISSING, stream=0, detail=detail, count=lost))
                break
            if trouble and not caveats:
                caveats.append(CaveatEntry(kind=CaveatKind.METADATA_INCONSISTENT, detail=trouble, stream=0))
            yield Frame(pixels=pixels, time=time, stream=0, index=num_sampled, key_frame=True)
            num_sampled += 1
    yield VideoOutcome(
        num_decoded=num_sampled, num_expected=len(planned.targets), defects=tuple(defects), caveats=tuple(caveats)
    )


def _wanted(file: BinaryIO, planned: SamplingPlan) -> list[tuple[int, Fraction]]:
    """(position, time) of the planned frames of an animation."""
    times = [Fraction(int(time / _MILLISECOND), 1000) for time in _frame_times(_layout(file, identify(file)))]
    targets = set(planned.targets)
    return [(position, time) for position, time in enumerate(times[:-1]) if time in targets]


@contextmanager
def _opened(file: BinaryIO, limits: Limits) -> Iterator[Image.Image]:
    """Open a picture by its header and check its size."""
    file.seek(0)
    with _translated():
        image = Image.open(file, formats=_FORMATS)
    with image:
        error = size_objection("the picture", image.width, image.height, limits)
        if error is not None:
            raise error
        yield image


def _exif(image: Image.Image) -> tuple[int, dict[str, str], str | None]:
    """(orientation, fields, what is wrong): a damaged EXIF block costs its fields, not the picture."""
    orientation = 1
    try:
        with _translated():
            exif = image.getexif()
            orientation = exif.get(_ORIENTATION, 1)
            return orientation, provenance.exif_tags(exif), None
    except UnreadableMedia as error:
        return orientation, {}, f"Its EXIF block is damaged: {error.message}."


def _num_pages(image: Image.Image) -> int | None:
    """Pictures in the file; None where its list of them is damaged."""
    try:
        with _translated():
            return int(getattr(image, "n_frames", 1))
    except UnreadableMedia:
        return None


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what Pillow raises into `InputError`s, and keep its warnings to itself: sizes are checked here.

    Raises:
        InputError: in place of the foreign exception.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except InputError:
            raise
        except Image.DecompressionBombError as error:
            raise LimitExceeded("pixels", f"the picture is larger than Pillow decodes: {error}") from error
        except MemoryError as error:
            raise LimitExceeded("memory", "the picture asks for more memory than is allowed") from error
        except NotImplementedError as error:
            raise UnsupportedMedia("codec", f"Pillow cannot decode this variant: {error}") from error
        except UnidentifiedImageError as error:
            raise UnreadableMedia("damaged", "the picture's header is damaged: Pillow does not recognise it") from error
        except _UNREADABLE as error:
            cut = "truncated" in str(error).lower() or isinstance(error, EOFError)
            reason = "truncated" if cut else "damaged"
            text = provenance.clean(str(error))[:200]
            raise UnreadableMedia(reason, f"the picture cannot be decoded: {text}") from error


def _upright(image: Image.Image) -> tuple[UInt8Array, str | None]:
    """Decode the current frame.

    Returns:
        (H, W, 3) uint8 RGB, and what was wrong with its colour profile, if anything.
    """
    image.load()
    profile = image.info.get("icc_profile")
    orientation, _, _ = _exif(image)
    plain = _plain(image)
    trouble = None
    if profile and plain.mode in ("RGB", "RGBA", "CMYK", "L"):
        plain, trouble = _in_srgb(plain, profile)
    if plain.mode == "RGBA":
        behind = Image.new("RGBA", plain.size, (*_GREY, 255))
        plain = Image.alpha_composite(behind, plain)
    rgb = np.asarray(plain.convert("RGB"))
    return np.ascontiguousarray(_oriented(rgb, orientation)), trouble


def _plain(image: Image.Image) -> Image.Image:
    """Reduce Pillow's modes to RGB, RGBA, CMYK or L of 8 bits."""
    mode = image.mode
    if mode in ("RGB", "RGBA", "CMYK", "L"):
        return image.convert("RGBA") if "transparency" in image.info and mode != "CMYK" else image
    if mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if mode in ("I", "F"):
        return Image.fromarray(_stretched(np.asarray(image).astype(np.float64)))
    if mode in ("P", "PA", "LA", "La", "RGBa"):
        return image.convert("RGBA")
    if mode in ("1", "YCbCr", "HSV", "RGBX"):
        return image.convert("RGB")
    raise UnsupportedMedia("colour", f"pictures of Pillow's mode {mode} are not supported")


def _stretched(values: NDArray[np.float64]) -> UInt8Array:
    """32-bit grey, which has no fixed white, over its own range."""
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    lowest, highest = float(finite.min()), float(finite.max())
    if highest <= lowest:
        return np.zeros(values.shape, np.uint8)
    return np.rint((finite - lowest) / (highest - lowest) * 255).astype(np.uint8)


def _in_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, str | None]:
    """Apply an embedded profile; one that does not fit the picture is left aside, and that is said."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        shown = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        text = provenance.clean(str(error))[:200]
        return image, f"The embedded colour profile cannot be used, the colours are taken as sRGB: {text}"
    return (image if shown is None else shown), None


def _oriented(pixels: UInt8Array, orientation: int) -> UInt8Array:
    """Undo what EXIF 2.32, tag 274, says of where row 0 and column 0 are."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
