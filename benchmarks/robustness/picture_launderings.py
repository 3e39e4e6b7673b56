"""Launderings of pictures, still and moving: codecs, sizes, frame rates, blur, noise."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

from benchmarks.robustness import film, pictures, stills
from benchmarks.robustness.film import CARRIER, VideoCodec, x264
from benchmarks.robustness.laundering import Family, Kind, Laundering, Way
from benchmarks.robustness.video import Remake
from benchmarks.robustness.ways import CHOSEN, curve, on_pictures, on_video, why_not


def _coded_pictures(
    label: str, series: str, unit: str, codecs: Mapping[float, VideoCodec], source: str
) -> list[Laundering]:
    return [
        Laundering(
            name=f"{label}{strength:g}",
            family=Family.VIDEO_CODEC,
            series=series,
            strength=strength,
            unit=unit,
            harsher=1,
            ways=on_video(Remake(codec=codec)),
            source=source,
            missing=why_not(codec.encoder),
        )
        for strength, codec in codecs.items()
    ]


_X265 = (("preset", "fast"), ("x265-params", "log-level=none:pools=1:frame-threads=1"))
_VP9 = (("deadline", "good"), ("cpu-used", "4"), ("threads", "1"), ("b", "0"))

VIDEO_CODECS = [
    *_coded_pictures(
        "h264_crf",
        "H.264",
        "CRF",
        {crf: x264(crf=str(crf)) for crf in (17, 23, 28, 35, 40)},
        "23 is x264's default and c23 of FaceForensics++, 40 its c40 (Roessler et al., ICCV 2019); 17 is the carrier "
        "of all changes of pictures, and shows what carrying alone costs; 28 and 35 chosen here",
    ),
    *_coded_pictures(
        "h265_crf",
        "H.265",
        "CRF",
        {crf: VideoCodec(encoder="libx265", options=(("crf", str(crf)), *_X265)) for crf in (28, 34, 40)},
        "28 is x265's default; 34 and 40 chosen here",
    ),
    *_coded_pictures(
        "vp9_crf",
        "VP9",
        "CRF",
        {crf: VideoCodec(encoder="libvpx-vp9", options=(("crf", str(crf)), *_VP9)) for crf in (31, 45, 58)},
        "31 is what FFmpeg's guide to VP9 names for 1080p; 45 and 58 chosen here",
    ),
    *_coded_pictures(
        "mpeg4_q",
        "MPEG-4 part 2",
        "quantiser",
        {q: VideoCodec(encoder="mpeg4", options=(("qmin", str(q)), ("qmax", str(q)))) for q in (4, 8, 16)},
        f"DivX and Xvid files and older cameras; {CHOSEN}",
    ),
    *_coded_pictures(
        "mjpeg_q",
        "Motion JPEG",
        "quantiser",
        {
            q: VideoCodec(encoder="mjpeg", options=(("qmin", str(q)), ("qmax", str(q))), pixel_format="yuvj420p")
            for q in (4, 12)
        },
        f"webcams and surveillance cameras; {CHOSEN}",
    ),
    Laundering(
        name="av1",
        family=Family.VIDEO_CODEC,
        series="AV1",
        strength=None,
        unit="",
        harsher=0,
        ways={},
        source="none yet",
        missing="SVT-AV1, the encoder at hand, leaves its caller at a real-time priority when it runs as root",
    ),
]


def _still(form: Literal["JPEG", "WEBP"], quality: int) -> Mapping[Kind, Way]:
    return {Kind.PICTURE: partial(stills.write_file, codecs=(stills.StillCodec(form=form, quality=quality),))}


PICTURES = [
    *curve(
        Family.IMAGE_CODEC,
        "JPEG",
        "quality",
        -1,
        {f"jpeg_{q}": (q, _still("JPEG", q)) for q in (90, 50, 20)},
        f"90 cameras, 50 messengers, 20 far below what anybody sends; {CHOSEN}",
    ),
    *curve(
        Family.IMAGE_CODEC,
        "WebP",
        "quality",
        -1,
        {f"webp_{q}": (q, _still("WEBP", q)) for q in (75, 30)},
        "75 is the default of libwebp's cwebp; 30 chosen here",
    ),
    *curve(
        Family.RESIZE,
        "smaller",
        "of the side",
        -1,
        {
            name: (factor, on_pictures(partial(pictures.scaled, factor=factor, back=False)))
            for name, factor in {"half_size": 0.5, "quarter_size": 0.25}.items()
        },
        CHOSEN,
    ),
    *curve(
        Family.RESIZE,
        "smaller and back",
        "of the side",
        -1,
        {
            name: (factor, on_pictures(partial(pictures.scaled, factor=factor, back=True)))
            for name, factor in {"half_size_back": 0.5, "quarter_size_back": 0.25}.items()
        },
        CHOSEN,
    ),
    *curve(
        Family.FRAME_RATE,
        "frames kept",
        "of the frames",
        -1,
        {
            name: (1 / number, on_video(Remake(codec=CARRIER, steps=(film.every(number),))))
            for name, number in {"half_rate": 2, "quarter_rate": 4}.items()
        },
        CHOSEN,
    ),
    *curve(
        Family.BLUR,
        "Gaussian",
        "px sigma at 480 lines",
        1,
        {f"blur_{sigma}": (sigma, on_pictures(partial(pictures.blurred, sigma_px=sigma))) for sigma in (1, 2, 4)},
        CHOSEN,
    ),
    *curve(
        Family.PICTURE_NOISE,
        "Gaussian",
        "dB PSNR",
        -1,
        {f"noise_{psnr}db": (psnr, on_pictures(partial(pictures.noisy, psnr_db=psnr))) for psnr in (40, 30, 20)},
        "30 dB as in the laundering of face crops (training.face.launder); 40 and 20 chosen here",
    ),
]
