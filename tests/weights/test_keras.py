"""Keras HDF5 -> safetensors: every number in its place, and always the same bytes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import safetensors.numpy

from weights import WeightsMismatch
from weights.keras import convert

CONVOLUTIONS = {5: (3, 3, 3, 8), 6: (5, 5, 8, 8), 7: (5, 5, 8, 16), 8: (5, 5, 16, 16)}
DENSE = {3: (1024, 16), 4: (16, 1)}


def a_keras_file(path: Path, seed: int = 1) -> dict[str, np.ndarray]:
    """A Meso-4 file as Keras 2.1.5 lays it out, with random numbers; returns them by layer and name."""
    rng = np.random.default_rng(seed)
    written: dict[str, np.ndarray] = {}
    with h5py.File(path, "w") as file:
        for prefix, layers in (("conv2d", CONVOLUTIONS), ("dense", DENSE)):
            for number, shape in layers.items():
                written[f"{prefix}_{number}/kernel"] = rng.standard_normal(shape, np.float32)
                written[f"{prefix}_{number}/bias"] = rng.standard_normal(shape[-1], np.float32)
        for number, shape in CONVOLUTIONS.items():
            for name in ("gamma", "beta", "moving_mean", "moving_variance"):
                written[f"batch_normalization_{number}/{name}"] = rng.standard_normal(shape[-1], np.float32)
        for key, value in written.items():
            layer, name = key.split("/")
            file[f"{layer}/{layer}/{name}:0"] = value
    return written


def test_every_number_goes_to_its_place(tmp_path: Path) -> None:
    keras = a_keras_file(tmp_path / "net.h5")
    torch_like = safetensors.numpy.load(convert(tmp_path / "net.h5", "meso4"))
    assert len(torch_like) == len(keras)
    rng = np.random.default_rng(2)
    for _ in range(200):
        row, column, channel, out = rng.integers(5), rng.integers(5), rng.integers(8), rng.integers(16)
        assert (
            torch_like["head.conv3.weight"][out, channel, row, column]
            == (keras["conv2d_7/kernel"][row, column, channel, out])
        )
        row, column, channel, out = rng.integers(8), rng.integers(8), rng.integers(16), rng.integers(16)
        # Keras flattens (row, column, channel), torch (channel, row, column).
        assert (
            torch_like["head.fc1.weight"][out, channel * 64 + row * 8 + column]
            == (keras["dense_3/kernel"][(row * 8 + column) * 16 + channel, out])
        )
    np.testing.assert_array_equal(torch_like["head.fc2.weight"], keras["dense_4/kernel"].T)
    np.testing.assert_array_equal(torch_like["bn1.weight"], keras["batch_normalization_5/gamma"])
    np.testing.assert_array_equal(torch_like["bn2.bias"], keras["batch_normalization_6/beta"])
    np.testing.assert_array_equal(torch_like["head.bn3.running_mean"], keras["batch_normalization_7/moving_mean"])
    np.testing.assert_array_equal(torch_like["head.bn4.running_var"], keras["batch_normalization_8/moving_variance"])


def test_the_bytes_depend_on_the_numbers_alone(tmp_path: Path) -> None:
    a_keras_file(tmp_path / "one.h5")
    a_keras_file(tmp_path / "again.h5")
    a_keras_file(tmp_path / "other.h5", seed=2)
    one, again, other = (convert(tmp_path / f"{name}.h5", "meso4") for name in ("one", "again", "other"))
    assert one == again
    assert one != other


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    a_keras_file(tmp_path / "net.h5")
    with pytest.raises(WeightsMismatch, match=r"net\.h5"):
        convert(tmp_path / "net.h5", "mesoinception4")


@pytest.mark.parametrize("keep", [0, 100, 20_000])
def test_a_damaged_file_is_refused(tmp_path: Path, keep: int) -> None:
    a_keras_file(tmp_path / "net.h5")
    (tmp_path / "net.h5").write_bytes((tmp_path / "net.h5").read_bytes()[:keep])
    with pytest.raises(WeightsMismatch, match=r"net\.h5"):
        convert(tmp_path / "net.h5", "meso4")
