"""What a spec does to crops and windows on their way to the network."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import pytest
import torch

from detect.models import FaceInput, aasist, mesonet, spoof_logit

FACE, VOICE = mesonet.SPECS[0], aasist.SPECS[0]


def test_crops_are_scaled_and_keep_their_colours_and_places() -> None:
    crops = np.zeros((2, 256, 256, 3), np.uint8)
    crops[1, 10, 20] = (255, 51, 0)
    batch = FACE.prepare(crops)
    assert batch.shape == (2, 3, 256, 256)
    assert batch.dtype == torch.float32
    assert batch[1, :, 10, 20].tolist() == pytest.approx([1.0, 0.2, 0.0])
    assert batch.sum() == pytest.approx(1.2)


def test_mean_and_deviation_are_taken_channel_by_channel() -> None:
    spec = dataclasses.replace(
        FACE, input=FaceInput(size_px=2, margin=1.0, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0))
    )
    batch = spec.prepare(np.full((1, 2, 2, 3), 255, np.uint8))
    assert batch[0, :, 0, 0].tolist() == pytest.approx([1.0, 3.0, 0.5])


def test_read_only_arrays_are_taken_and_left_alone() -> None:
    crops = np.full((1, 256, 256, 3), 7, np.uint8)
    window = np.full(10, 0.5, np.float32)
    crops.flags.writeable = window.flags.writeable = False
    FACE.prepare(crops)
    VOICE.prepare([window])
    assert (crops == 7).all()
    assert (window == 0.5).all()


def test_short_windows_are_repeated_from_their_beginning() -> None:
    short = np.arange(1, 25_001, dtype=np.float32)
    full = np.arange(64_600, dtype=np.float32)
    batch = VOICE.prepare([short, full]).numpy()
    np.testing.assert_array_equal(batch[0], np.concatenate([short, short, short])[:64_600])
    np.testing.assert_array_equal(batch[1], full)


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((1, 255, 256, 3), np.uint8),
        np.zeros((256, 256, 3), np.uint8),
        np.zeros((1, 3, 256, 256), np.uint8),
        np.zeros((1, 256, 256, 3), np.float32),
    ],
)
def test_other_crops_are_a_programming_error(crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"meso4\.df takes"):
        FACE.prepare(crops)


@pytest.mark.parametrize(
    "window",
    [
        np.zeros(0, np.float32),
        np.zeros(64_601, np.float32),
        np.zeros((1, 100), np.float32),
        np.zeros(100, np.float64),
        np.zeros(100, np.int16),
    ],
)
def test_other_windows_are_a_programming_error(window: np.ndarray) -> None:
    with pytest.raises(ValueError, match="takes float32"):
        VOICE.prepare([window])


@pytest.mark.parametrize("index", [0, 1])
def test_the_spoof_logit_follows_the_declared_polarity(index: Literal[0, 1]) -> None:
    spec = dataclasses.replace(FACE, spoof_index=index)
    output = torch.tensor([[3.0, 1.0], [-1.0, 4.0]])
    expected = [2.0, -5.0] if index == 0 else [-2.0, 5.0]
    assert spoof_logit(output, spec).tolist() == expected
    probability = torch.softmax(output, 1)[:, index]
    torch.testing.assert_close(torch.sigmoid(spoof_logit(output, spec)), probability)
