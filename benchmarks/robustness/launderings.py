"""Every laundering there is."""

from __future__ import annotations

from benchmarks.robustness.journeys import RERECORDINGS, TRANSPORTS
from benchmarks.robustness.laundering import Laundering
from benchmarks.robustness.picture_launderings import PICTURES, VIDEO_CODECS
from benchmarks.robustness.platforms import PLATFORMS
from benchmarks.robustness.sound_launderings import AUDIO_CODECS, ROOMS
from detect.errors import ConfigError

LAUNDERINGS: tuple[Laundering, ...] = (
    *VIDEO_CODECS,
    *PICTURES,
    *AUDIO_CODECS,
    *TRANSPORTS,
    *ROOMS,
    *RERECORDINGS,
    *PLATFORMS,
)
"""In the order of tables. Those that this machine cannot do are among them and say why."""


def laundering(name: str) -> Laundering:
    """The one of that name.

    Raises:
        ConfigError: there is none.
    """
    for one in LAUNDERINGS:
        if one.name == name:
            return one
    raise ConfigError(f"no laundering is named {name}; there are {', '.join(one.name for one in LAUNDERINGS)}")
