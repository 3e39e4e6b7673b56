"""Launderings of pictures and sound together: what transports lose, and recordings of recordings."""

from __future__ import annotations

from functools import partial

from benchmarks.robustness import film, pictures, sound, stills, video
from benchmarks.robustness.film import CARRIER, x264
from benchmarks.robustness.laundering import Family, Kind, Laundering
from benchmarks.robustness.video import Remake
from benchmarks.robustness.ways import CHOSEN, curve, on_sound, on_video

_LOSSES = f"independent losses of 20 ms frames; {CHOSEN}"
_SENT = x264(crf="28", tune="zerolatency", g="60", bf="0")
"""As a call sends pictures: none waits for a later one, and a key frame comes every two seconds at 30 a second."""

TRANSPORTS = [
    *curve(
        Family.TRANSPORT,
        "sound, silence for what is lost",
        "% lost",
        1,
        {
            f"loss_{percent}_silence": (percent, on_sound(partial(sound.lossy, share=percent / 100, conceal="silence")))
            for percent in (1, 5, 20)
        },
        _LOSSES,
    ),
    *curve(
        Family.TRANSPORT,
        "sound, last frame repeated",
        "% lost",
        1,
        {
            f"loss_{percent}_repeat": (percent, on_sound(partial(sound.lossy, share=percent / 100, conceal="repeat")))
            for percent in (1, 5, 20)
        },
        _LOSSES,
    ),
    *curve(
        Family.TRANSPORT,
        "pictures of a call",
        "% lost",
        1,
        {
            f"frames_lost_{percent}": (
                percent,
                on_video(Remake(codec=CARRIER, steps=(film.lossy(_SENT, share=percent / 100),))),
            )
            for percent in (1, 5, 20)
        },
        f"independent losses of predicted frames at CRF 28; {CHOSEN}",
    ),
]


def _rerecorded(name: str, tilt: float, psnr_db: float, snr_db: float, rt60_seconds: float) -> Laundering:
    screen = partial(pictures.screened, tilt=tilt, psnr_db=psnr_db)
    heard = sound.chain(
        [
            partial(sound.band_passed, low_hz=200, high_hz=10_000),
            partial(sound.in_room, rt60_seconds=rt60_seconds),
            partial(sound.coloured, slope=1.0, snr_db=snr_db),
        ]
    )
    return Laundering(
        name=name,
        family=Family.RERECORDING,
        series="screen and loudspeaker",
        strength=snr_db,
        unit="dB SNR of the microphone",
        harsher=-1,
        ways={
            Kind.PICTURE: partial(stills.write_file, change=screen),
            Kind.SOUND: partial(sound.write_file, change=heard),
            Kind.VIDEO: partial(
                video.write_file, remake=Remake(codec=CARRIER, steps=(film.each(screen),), sound=heard)
            ),
        },
        source=f"a small loudspeaker's band, a room, a hand-held camera in front of a screen; {CHOSEN}",
    )


RERECORDINGS = [
    _rerecorded("rerecorded_near", tilt=0.01, psnr_db=38, snr_db=30, rt60_seconds=0.3),
    _rerecorded("rerecorded_far", tilt=0.04, psnr_db=30, snr_db=15, rt60_seconds=0.6),
]
