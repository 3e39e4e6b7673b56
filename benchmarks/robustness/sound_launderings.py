"""Launderings of sound, alone or of a video's: codecs, noise, rooms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from benchmarks.robustness import sound
from benchmarks.robustness.laundering import Family, Laundering
from benchmarks.robustness.sound_codecs import (
    AAC,
    AMR_NB,
    AMR_WB,
    G711_A,
    G711_MU,
    G722,
    GSM,
    MP3,
    OPUS,
    SPEEX,
    VORBIS,
    SoundCodec,
    coded,
)
from benchmarks.robustness.ways import CHOSEN, curve, on_sound, why_not


def _coded_sound(codec: SoundCodec, label: str, series: str, kbits: float | None, source: str) -> Laundering:
    rate = codec if kbits is None or codec.bit_rate else replace(codec, bit_rate=round(kbits * 1000))
    return Laundering(
        name=label,
        family=Family.AUDIO_CODEC,
        series=series,
        strength=kbits,
        unit="" if kbits is None else "kbit/s",
        harsher=0 if kbits is None else -1,
        ways=on_sound(partial(coded, codec=rate)),
        source=source,
        missing=why_not(codec.encoder),
    )


_AMR_MODES = "modes of 3GPP TS 26.071"

AUDIO_CODECS = [
    *(_coded_sound(MP3, f"mp3_{k}k", "MP3", k, f"128 LAME's default; {CHOSEN}") for k in (128, 64, 32)),
    *(_coded_sound(AAC, f"aac_{k}k", "AAC", k, f"128 FFmpeg's default; {CHOSEN}") for k in (128, 64, 32)),
    *(
        _coded_sound(OPUS, f"opus_{k}k", "Opus", k, "from near the least, 6, of RFC 6716 to good speech; chosen here")
        for k in (32, 16, 8)
    ),
    _coded_sound(VORBIS, "vorbis_64k", "Vorbis", 64, CHOSEN),
    _coded_sound(G711_A, "g711_alaw", "G.711 A-law", None, "ITU-T G.711: 64 kbit/s, 8 kHz"),
    _coded_sound(G711_MU, "g711_mulaw", "G.711 mu-law", None, "ITU-T G.711: 64 kbit/s, 8 kHz"),
    _coded_sound(G722, "g722", "G.722", None, "ITU-T G.722: 64 kbit/s, 16 kHz"),
    *(_coded_sound(AMR_NB, f"amr_nb_{k:g}k", "AMR-NB", k, _AMR_MODES) for k in (12.2, 7.4, 4.75)),
    _coded_sound(AMR_WB, "amr_wb_12.65k", "AMR-WB", 12.65, "a mode of 3GPP TS 26.171"),
    _coded_sound(GSM, "gsm", "GSM full rate", None, "ETSI EN 300 961: 13 kbit/s, 8 kHz"),
    _coded_sound(SPEEX, "speex_16k", "Speex", 16, CHOSEN),
]

_NOISES: Mapping[str, Callable[[float], sound.Change]] = {
    "white": lambda snr_db: partial(sound.coloured, slope=0.0, snr_db=snr_db),
    "pink": lambda snr_db: partial(sound.coloured, slope=1.0, snr_db=snr_db),
    "babble": lambda snr_db: partial(sound.babble, snr_db=snr_db),
}

ROOMS = [
    *(
        one
        for colour, noise in _NOISES.items()
        for one in curve(
            Family.SOUND_NOISE,
            colour,
            "dB SNR",
            -1,
            {f"{colour}_{snr}db": (snr, on_sound(noise(snr))) for snr in (20, 10, 5, 0)},
            "0, 10 and 20 dB as in the ASVspoof laundered database (Ali et al., IH&MMSec 2024); 5 dB chosen here",
        )
    ),
    *curve(
        Family.REVERBERATION,
        "critical distance",
        "s RT60",
        1,
        {
            f"reverb_{seconds:g}s": (seconds, on_sound(partial(sound.in_room, rt60_seconds=seconds)))
            for seconds in (0.3, 0.6, 0.9)
        },
        "RT60 of 0.3, 0.6 and 0.9 s, as in the ASVspoof laundered database (Ali et al., IH&MMSec 2024); Polack's "
        "model, as much energy in the reflections as in the direct path",
    ),
]
