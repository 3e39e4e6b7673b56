"""The excerpts of sound in a bundle: what drove the score, as it is in the recording."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detect.config import Config
from detect.decode import LocalDecoder
from pipelines.sandbox import Sandbox
from service.bundle.sound import RATE, decoded_sounds, driving
from tests.conftest import ROOT
from tests.recipes import noise, write_wav
from tests.service.rendered import rendered_report


@contextlib.contextmanager
def _decoders(name: str) -> Iterator[Any]:
    if name == "local":
        yield LocalDecoder()
    else:
        with Sandbox() as sandbox:
            yield sandbox


@pytest.mark.parametrize("decoder", ["local", "sandbox"])
def test_excerpts_are_the_recordings_samples(decoder: str, tmp_path: Path) -> None:
    samples = noise(42.0, RATE, amplitude=0.2, seed=3)
    path = write_wav(tmp_path / "sound.wav", samples)
    report = rendered_report("partial")
    excerpts = [dataclasses.replace(excerpt, stream=0) for excerpt in driving(report.body)]
    assert len(excerpts) >= 4
    with _decoders(decoder) as made:
        cut = decoded_sounds(made, path, Config())(excerpts)
    for excerpt, found in zip(excerpts, cut, strict=True):
        first = round(excerpt.window.span.start_seconds * RATE)
        assert found.size == excerpt.num_samples
        assert np.abs(found - samples[first : first + found.size]).max() < 2 / 32_768


def test_where_the_recording_has_nothing_it_is_silent(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "short.wav", noise(3.0, RATE, seed=4))
    excerpts = [dataclasses.replace(excerpt, stream=0) for excerpt in driving(rendered_report("partial").body)]
    cut = decoded_sounds(LocalDecoder(), path, Config())(excerpts)
    beyond = [found for excerpt, found in zip(excerpts, cut, strict=True) if excerpt.window.span.start_seconds > 3.1]
    assert beyond
    assert all(not found.any() for found in beyond)


def test_of_windows_that_overlap_the_strongest_stands() -> None:
    report = rendered_report("supports_manipulation")
    voice = report.body.voices[0]
    utterance = voice.utterances[0]
    window = utterance.windows[0]
    start, end = window.span.start_seconds, window.span.end_seconds
    near = window.model_copy(
        update={
            "span": window.span.model_copy(update={"start_seconds": start + 0.1, "end_seconds": end + 0.1}),
            "llrs": {name: value + 9 for name, value in window.llrs.items()},
        }
    )
    far = [other for other in utterance.windows[1:] if other.span.start_seconds >= end]
    changed = voice.model_copy(
        update={"utterances": [utterance.model_copy(update={"windows": [window, near, *far]}), *voice.utterances[1:]]}
    )
    chosen = [excerpt.window for excerpt in driving(report.body.model_copy(update={"voices": [changed]}))]
    assert chosen[0] == near
    assert window not in chosen


def test_no_more_is_cut_than_one_can_listen_to() -> None:
    assert len(driving(rendered_report("two_hours").body)) == 8


def test_making_a_bundle_brings_no_decoder_and_no_model() -> None:
    code = (
        "import sys, service.bundle.write, service.bundle.sound;"
        "print(sorted({'av', 'cv2', 'ray', 'torch'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
