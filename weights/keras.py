"""MesoNet's Keras HDF5 files -> safetensors, with this project's parameter names and torch's axis order.

The bytes written depend on nothing but the bytes read, so that the manifest can name the digest of the result too: the
safetensors container (8 bytes of header length, a JSON header, raw little-endian data) is written here and not by a
library whose next version may order or pad it otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from weights.errors import WeightsMismatch

Float32Array = NDArray[np.float32]

_CONV, _NORM, _FIRST_DENSE, _DENSE = "conv", "norm", "first dense", "dense"

_MESO4 = {
    "conv2d_5": ("conv1", _CONV),
    "batch_normalization_5": ("bn1", _NORM),
    "conv2d_6": ("conv2", _CONV),
    "batch_normalization_6": ("bn2", _NORM),
    "conv2d_7": ("head.conv3", _CONV),
    "batch_normalization_7": ("head.bn3", _NORM),
    "conv2d_8": ("head.conv4", _CONV),
    "batch_normalization_8": ("head.bn4", _NORM),
    "dense_3": ("head.fc1", _FIRST_DENSE),
    "dense_4": ("head.fc2", _DENSE),
}
_MESOINCEPTION4 = {
    "conv2d_1": ("inception1.point", _CONV),
    "conv2d_2": ("inception1.near_in", _CONV),
    "conv2d_3": ("inception1.near", _CONV),
    "conv2d_4": ("inception1.middle_in", _CONV),
    "conv2d_5": ("inception1.middle", _CONV),
    "conv2d_6": ("inception1.far_in", _CONV),
    "conv2d_7": ("inception1.far", _CONV),
    "batch_normalization_1": ("bn1", _NORM),
    "conv2d_8": ("inception2.point", _CONV),
    "conv2d_9": ("inception2.near_in", _CONV),
    "conv2d_10": ("inception2.near", _CONV),
    "conv2d_11": ("inception2.middle_in", _CONV),
    "conv2d_12": ("inception2.middle", _CONV),
    "conv2d_13": ("inception2.far_in", _CONV),
    "conv2d_14": ("inception2.far", _CONV),
    "batch_normalization_2": ("bn2", _NORM),
    "conv2d_15": ("head.conv3", _CONV),
    "batch_normalization_3": ("head.bn3", _NORM),
    "conv2d_16": ("head.conv4", _CONV),
    "batch_normalization_4": ("head.bn4", _NORM),
    "dense_1": ("head.fc1", _FIRST_DENSE),
    "dense_2": ("head.fc2", _DENSE),
}
_LAYERS: Mapping[str, Mapping[str, tuple[str, str]]] = {"meso4": _MESO4, "mesoinception4": _MESOINCEPTION4}
"""Architecture -> Keras layer -> module here and kind. The numbers count layers of one Keras session, so they follow
the order in which the authors' code built them."""

_NORM_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_FLAT_SHAPE = (8, 8, 16)
"""Height, width, channels of what Keras flattens, in this order; torch flattens channels first."""


def convert(path: Path, architecture: str) -> bytes:
    """A safetensors file with the parameters of a Keras file.

    Args:
        path: HDF5; its digest must have been verified, for HDF5 is a large format to let a stranger write.
        architecture: `meso4` or `mesoinception4`.

    Raises:
        WeightsMismatch: it is no HDF5 file, or another architecture's.
    """
    parameters: dict[str, Float32Array] = {}
    try:
        with h5py.File(path, "r") as file:
            for layer, (module, kind) in _LAYERS[architecture].items():
                values = {name.removesuffix(":0"): np.asarray(value) for name, value in file[layer][layer].items()}
                for name, value in _translate(values, kind).items():
                    parameters[f"{module}.{name}"] = np.ascontiguousarray(value, dtype="<f4")
    except (OSError, KeyError, AttributeError, ValueError) as error:
        raise WeightsMismatch(f"{path} is not a Keras file of {architecture}: {error}") from error
    return _safetensors(parameters)


def _translate(values: Mapping[str, Float32Array], kind: str) -> dict[str, Float32Array]:
    if kind == _NORM:
        return {_NORM_NAMES[name]: value for name, value in values.items()}
    kernel, bias = values["kernel"], values["bias"]
    if kind == _CONV:
        weight = kernel.transpose(3, 2, 0, 1)  # (height, width, in, out) -> (out, in, height, width)
    elif kind == _FIRST_DENSE:
        weight = kernel.reshape(*_FLAT_SHAPE, -1).transpose(3, 2, 0, 1).reshape(bias.size, -1)
    else:
        weight = kernel.T  # (in, out) -> (out, in)
    return {"weight": weight, "bias": bias}


def _safetensors(parameters: Mapping[str, Float32Array]) -> bytes:
    header: dict[str, object] = {}
    end = 0
    for name in sorted(parameters):
        start, end = end, end + parameters[name].nbytes
        header[name] = {"dtype": "F32", "shape": list(parameters[name].shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format asks for data aligned to eight bytes
    return len(text).to_bytes(8, "little") + text + b"".join(parameters[name].tobytes() for name in sorted(parameters))
