"""The same numbers as the original implementations, on stored input. Tolerance: 1e-4 logits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from detect.models import CATALOGUE, spoof_logit
from detect.models.aasist import Aasist
from tests.models.networks import with_upstream_weights

TOLERANCE = 1e-4


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("aasist.asvspoof2019", "AASIST"),
        ("aasist-l.asvspoof2019", "AASIST-L"),
        ("aasist.asvspoof5", "AASIST-ASVspoof5"),
    ],
)
def test_aasist(name: str, stored: str, shared: Path) -> None:
    reference = np.load(shared / "parity" / "aasist.npz")
    spec, module = CATALOGUE[name], with_upstream_weights(name, shared)
    assert isinstance(module, Aasist)
    windows = torch.from_numpy(reference["input"])
    embeddings: list[torch.Tensor] = []
    module.out_layer.register_forward_pre_hook(lambda _module, inputs: embeddings.append(inputs[0]))
    logits = module(windows)
    np.testing.assert_allclose(logits.numpy(), reference[f"{stored}_logits"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(embeddings[0].numpy(), reference[f"{stored}_embedding"], rtol=0, atol=TOLERANCE)
    # Class 1 is bona fide, so the spoof logit falls as the original's score for class 1 rises.
    expected = reference[f"{stored}_logits"] @ np.array([1, -1], np.float32)
    np.testing.assert_allclose(spoof_logit(logits, spec).numpy(), expected, rtol=0, atol=2 * TOLERANCE)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("meso4.df", "Meso4_DF"),
        ("meso4.f2f", "Meso4_F2F"),
        ("mesoinception4.df", "MesoInception_DF"),
        ("mesoinception4.f2f", "MesoInception_F2F"),
    ],
)
def test_mesonet(name: str, stored: str, shared: Path) -> None:
    reference = np.load(shared / "parity" / "mesonet.npz")
    spec, module = CATALOGUE[name], with_upstream_weights(name, shared)
    logits = module(torch.from_numpy(reference["input"]).permute(0, 3, 1, 2))
    genuine = reference[stored][:, 0].astype(np.float64)
    np.testing.assert_allclose(torch.softmax(logits, 1)[:, 1].numpy(), genuine, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(torch.sigmoid(-spoof_logit(logits, spec)).numpy(), genuine, rtol=0, atol=TOLERANCE)
    usable = (genuine > 1e-3) & (genuine < 1 - 1e-3)  # closer to 0 or 1 a float32 sigmoid has lost the logit's digits
    assert usable.any()
    expected = np.log((1 - genuine[usable]) / genuine[usable])
    np.testing.assert_allclose(spoof_logit(logits, spec).numpy()[usable], expected, rtol=0, atol=TOLERANCE)


def test_the_first_block_gives_the_same_in_tiles_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from detect.models import aasist  # noqa: PLC0415 - only this test looks inside

    torch.manual_seed(3)
    for first, channels in ((True, (1, 32)), (False, (32, 32)), (False, (32, 24))):
        block = aasist._Residual(*channels, first=first).eval()
        for num_columns in (3, 29, 30, 31, 95, 96, 97):
            x = torch.randn(2, channels[0], 5, num_columns)
            monkeypatch.setattr(aasist, "_TILE", 10_000)
            whole = block(x)
            assert whole.shape == (2, channels[1], 5, num_columns // 3)
            for tile in (1, 4, 10):
                monkeypatch.setattr(aasist, "_TILE", tile)
                torch.testing.assert_close(block(x), whole, atol=1e-5, rtol=1e-5)
