"""MLAAD: lone quotation marks, a row that stands twice, rows that name another language, and M-AILABS with a stub."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trials import labels_of
from tests.benchmarks.datasets.tree import Media, Row, Tree

_HEADER = "path|original_file|language|is_original_language|duration|training_data|model_name|architecture|transcript"
_BOOK = "en_US/by_book/male/elliot_miller/silent_bullet/wavs/silent_bullet_09_f0002"
_MIX = "de_DE/by_book/mix/tom_sawyer/wavs/tom_sawyer_01_f000024.wav"
_VITS, _THORSTEN = "fake/en/tts_models_en_ljspeech_vits", "fake/de/tts_models_de_thorsten_vits"
_OPENVOICE, _OPENVOICE_IN_ROWS = "fake/zh-cn/OpenVoiceV2", "fake/zh/OpenVoiceV2"
_LJSPEECH_MODEL = "LJSpeech|tts_models/en/ljspeech/vits|VITS"
_LINES = {
    _VITS: (
        f'./{_VITS}/silent_bullet_09_f000284.wav|{_BOOK}84.wav|en|True|4.41|{_LJSPEECH_MODEL}|"I see, he said.',
        f"./{_VITS}/silent_bullet_09_f000285.wav|{_BOOK}85.wav|en|True|3.2|{_LJSPEECH_MODEL}|He went out.",
        f"./{_VITS}/silent_bullet_09_f000285.wav|{_BOOK}85.wav|en|True|3.2|{_LJSPEECH_MODEL}|He went out.",
    ),
    _THORSTEN: (
        f"./{_THORSTEN}/tom_sawyer_01_f000024.wav|{_MIX}|de|True|5.0|Thorsten|tts_models/de/thorsten/vits|VITS|Tom!",
    ),
    _OPENVOICE: (
        f"./{_OPENVOICE_IN_ROWS}/silent_bullet_09_f000284.wav|{_BOOK}84.wav|zh|False|4|-|OpenVoiceV2|OpenVoice|x",
    ),
}
_MODELS = {
    _VITS: "tts_models/en/ljspeech/vits",
    _THORSTEN: "tts_models/de/thorsten/vits",
    _OPENVOICE: "OpenVoiceV2",
}
_MILLER, _SAWYER = "en_US/male/elliot_miller", "de_DE/mix/tom_sawyer"
_FILES = (
    (f"{_VITS}/silent_bullet_09_f000284.wav", _MILLER),
    (f"{_VITS}/silent_bullet_09_f000285.wav", _MILLER),
    (f"{_THORSTEN}/tom_sawyer_01_f000024.wav", _SAWYER),
    (f"{_OPENVOICE}/silent_bullet_09_f000284.wav", _MILLER),
)
_ORIGINALS = ((f"{_BOOK}84.wav", _MILLER, "en"), (f"{_BOOK}85.wav", _MILLER, "en"), (_MIX, _SAWYER, "de"))
_MISSING = (f"{_VITS}/silent_bullet_09_f000285.wav", f"M-AILABS/{_BOOK}85.wav")


def _make(root: Path, media: Media) -> None:
    for folder, lines in _LINES.items():
        (root / folder).mkdir(parents=True)
        (root / folder / "meta.csv").write_text("\n".join((_HEADER, *lines)) + "\n", encoding="utf-8")
    for path in (*(path for path, _ in _FILES), *(f"M-AILABS/{original}" for original, *_ in _ORIGINALS)):
        if path not in _MISSING:
            media.write(root / path)
    (root / f"M-AILABS/{_MIX}").with_name("._tom_sawyer_01_f000024.wav").write_bytes(b"AppleDouble")


def _claim_a_model_without_its_list(root: Path) -> None:
    (root / "fake/en/new_model").mkdir()


TREE = Tree(
    name="mlaad",
    make=_make,
    rows=[
        *(
            Row(
                id=path,
                path=path,
                labels=labels_of(voice="spoof"),
                split="all",
                attack=_MODELS[path.rsplit("/", 1)[0]],
                group=reader,
                missing=path in _MISSING,
                facts={"language": path.split("/")[1], "architecture": "OpenVoice" if "zh-cn" in path else "VITS"},
            )
            for path, reader in _FILES
        ),
        *(
            Row(
                id=f"M-AILABS/{original}",
                path=f"M-AILABS/{original}",
                labels=labels_of(voice="bonafide"),
                split="all",
                group=reader,
                missing=f"M-AILABS/{original}" in _MISSING,
                facts={"language": language},
            )
            for original, reader, language in _ORIGINALS
        ),
    ],
    break_label=_claim_a_model_without_its_list,
    notes=["1 rows name a file for a second time", "1 rows name another folder"],
)
