"""What services do to what is sent through them, in likeness: none publishes its settings, and all change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from benchmarks.robustness import film, pictures, sound, stills, video
from benchmarks.robustness.film import x264
from benchmarks.robustness.laundering import Family, Kind, Laundering, Way
from benchmarks.robustness.sound_codecs import AAC, AMR_NB, G711_A, OPUS, coded
from benchmarks.robustness.video import Remake


def _mono(sounds: sound.Sound, _random: object) -> sound.Sound:
    return sound.mono(sounds)


def _unchanged(sounds: sound.Sound, _random: object) -> sound.Sound:
    """Coded again in the container, and nothing else."""
    return sounds


def _fitted(short_px: int) -> pictures.Change:
    return partial(pictures.fitted, short_px=short_px)


def _still(short_px: int, *qualities: int) -> Way:
    codecs = tuple(stills.StillCodec(form="JPEG", quality=quality) for quality in qualities)
    return partial(stills.write_file, change=_fitted(short_px), codecs=codecs)


def _preset(name: str, ways: Mapping[Kind, Way], source: str) -> Laundering:
    return Laundering(
        name=name,
        family=Family.PLATFORM,
        series=name,
        strength=None,
        unit="",
        harsher=0,
        ways=ways,
        source=source,
    )


_AAC_32K, _AAC_64K = replace(AAC, bit_rate=32_000), replace(AAC, bit_rate=64_000)
_AAC_96K, _AAC_128K = replace(AAC, bit_rate=96_000), replace(AAC, bit_rate=128_000)

_MESSENGER = _preset(
    "messenger",
    {
        Kind.VIDEO: partial(
            video.write_file,
            remake=Remake(
                codec=x264(crf="30", preset="veryfast"),
                steps=(film.each(_fitted(480)),),
                sound=_mono,
                sound_codec=_AAC_32K,
            ),
        ),
        Kind.PICTURE: _still(1200, 70),
        Kind.SOUND: partial(
            sound.write_file, change=sound.chain([_mono, partial(coded, codec=replace(OPUS, bit_rate=16_000))])
        ),
    },
    "480 lines, H.264 CRF 30, AAC 32 kbit/s mono; pictures of 1,600 x 1,200 at JPEG 70; voice messages Opus 16 kbit/s: "
    "typical; chosen here",
)

_VIDEO_PLATFORM = _preset(
    "video_platform",
    {
        Kind.VIDEO: partial(
            video.write_file,
            remake=Remake(
                codec=x264(b="1500k", maxrate="2250k", bufsize="3000k", preset="fast"),
                steps=(film.each(_fitted(720)),),
                sound=_unchanged,
                sound_codec=_AAC_128K,
            ),
        ),
        Kind.SOUND: partial(sound.write_file, change=partial(coded, codec=_AAC_128K)),
    },
    "720 lines, H.264 at 1.5 Mbit/s on average and at most half as much again, AAC 128 kbit/s: typical; chosen here",
)

_SOCIAL = _preset(
    "social",
    {
        Kind.VIDEO: partial(
            video.write_file,
            remake=Remake(
                codec=x264(crf="30"),
                steps=(film.each(_fitted(720)), film.again(x264(crf="28")), film.each(_fitted(540))),
                sound=sound.chain([partial(coded, codec=_AAC_96K)]),
                sound_codec=_AAC_64K,
            ),
        ),
        Kind.PICTURE: _still(1080, 80, 70),
        Kind.SOUND: partial(
            sound.write_file,
            change=sound.chain([partial(coded, codec=_AAC_96K), partial(coded, codec=replace(OPUS, bit_rate=32_000))]),
        ),
    },
    "posted, downloaded and posted again: 720 lines at CRF 28 with AAC 96 kbit/s, then 540 lines at CRF 30 with AAC 64 "
    "kbit/s; pictures JPEG 80, then 70: typical; chosen here",
)

_TELEPHONE_LINE = sound.chain(
    [
        _mono,
        partial(sound.band_passed, low_hz=300, high_hz=3_400),
        partial(coded, codec=replace(AMR_NB, bit_rate=12_200)),
        partial(sound.lossy, share=0.01, conceal="repeat"),
        partial(coded, codec=G711_A),
    ]
)

_TELEPHONE = _preset(
    "telephone",
    {
        Kind.SOUND: partial(sound.write_file, change=_TELEPHONE_LINE),
        Kind.VIDEO: partial(video.write_file, remake=Remake(sound=_TELEPHONE_LINE)),
    },
    "from a mobile to a land line: 300 to 3,400 Hz (the band of ITU-T G.712), AMR-NB 12.2 kbit/s, 1 % of frames lost, "
    "G.711 A-law; the loss chosen here",
)

PLATFORMS = (_MESSENGER, _VIDEO_PLATFORM, _SOCIAL, _TELEPHONE)
"""All of them."""
