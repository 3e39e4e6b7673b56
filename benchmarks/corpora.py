"""Which corpora are made of which: what a checkpoint has seen reaches further than the name it was trained on.

A network trained on FaceForensics++ has seen the bona fide videos of DeeperForensics and DF40; one trained on VCTK
knows every speaker of ASVspoof 2019. Two corpora are related where what they are made of, all the way down, has
a part in common: that marks more than it must, and never less.
"""

from __future__ import annotations

from collections.abc import Iterable

from detect.errors import ConfigError

SOURCES: dict[str, frozenset[str]] = {
    name: frozenset(sources)
    for name, sources in {
        # Faces. Sources as the data sets' papers and pages name them.
        "faceforensics": (),
        "faceshifter": ("faceforensics",),
        "dfd": (),
        "celeb-df": (),
        "celeb-df-v1": ("celeb-df",),
        "celeb-df-v2": ("celeb-df",),
        "dfdc": (),
        "dfdc-preview": ("dfdc",),
        "deeperforensics": ("faceforensics",),
        "wilddeepfake": (),
        "openforensics": ("open-images",),
        "open-images": (),
        "imagenet": (),
        "mesonet": (),
        "uadfv": (),
        "vfhq": (),
        "ffhq": (),
        "celeba": (),
        "df40": ("faceforensics", "celeb-df"),
        "grid": (),
        "lrs2": (),
        "lrs3": (),
        "wav2lip": ("lrs2",),
        # Faces and voices.
        "voxceleb2": (),
        "fakeavceleb": ("voxceleb2",),
        "lav-df": ("voxceleb2",),
        "av-deepfake1m": ("voxceleb2",),
        "av-deepfake1m-plusplus": ("av-deepfake1m", "lrs3"),
        "deepfake-eval-2024": (),
        # Voices.
        "librivox": (),
        "librispeech": ("librivox",),
        "libritts": ("librispeech",),
        "ljspeech": ("librivox",),
        "mls": ("librivox",),
        "m-ailabs": ("librivox",),
        "vctk": (),
        "asvspoof2019-la": ("vctk",),
        "asvspoof2021-la": ("asvspoof2019-la",),
        "asvspoof2021-df": ("asvspoof2019-la", "vcc2018", "vcc2020"),
        "asvspoof5": ("mls",),
        "in-the-wild": (),
        "jsut": (),
        "wavefake": ("ljspeech", "jsut"),
        "mlaad": ("m-ailabs",),
        "vcc2016": (),
        "vcc2018": (),
        "vcc2020": (),
        "cmu-arctic": (),
        "speechcommands": (),
        "fsdd": (),
        "mycroft-precise": (),
        "picovoice": (),
        "aishell3": (),
        "baker-zh": (),
        "thorsten": (),
        "korean-spk": (),
        "pocketsphinx": (),
        "speechbrain-samples": (),
    }.items()
}
"""Corpus to what it is directly made of."""

_SPELLINGS = {
    "ffpp-c23": "faceforensics",
    "celebdf-v2": "celeb-df-v2",
    "picovoice-intent": "picovoice",
    "picovoice-wake": "picovoice",
    "thorsten-emotional": "thorsten",
    "audiobook": "librivox",
    "fsgan-source": "youtube",
    "retalking-source": "youtube",
    "driving": "youtube",
}
"""Names in protocols of the development data, where they differ from ours."""


def corpora_named(text: str) -> frozenset[str]:
    """What a cell of a protocol names: lower case, hyphens, several joined by `/`; unknown ones stay as they are."""
    parts = (part.strip().lower().replace("_", "-").replace(" ", "-") for part in text.split("/"))
    return frozenset(_SPELLINGS.get(part, part) for part in parts if part)


def made_of(corpora: Iterable[str]) -> frozenset[str]:
    """The corpora and all that they are made of, all the way down."""
    seen: set[str] = set()
    waiting = list(corpora)
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += SOURCES.get(name, ())
    return frozenset(seen)


def shared(trained_on: Iterable[str], measured_on: Iterable[str]) -> tuple[str, ...]:
    """What both are made of, by name; empty where nothing is known to be common.

    Args:
        trained_on: Corpora of a checkpoint, as the manifest names them.
        measured_on: Corpora of the trials.

    Raises:
        ConfigError: the manifest names a corpus of which this table knows nothing, so nothing can be ruled out.
    """
    trained = made_of(trained_on)
    if unknown := trained - SOURCES.keys():
        raise ConfigError(f"benchmarks/corpora.py does not know {', '.join(sorted(unknown))}, named in the manifest")
    return tuple(sorted(trained & made_of(measured_on)))
