"""A verified file -> a network ready to score. The only file that reads weights into torch."""

from __future__ import annotations

import pickle
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from detect.errors import WeightsMismatch, WeightsNotFound
from detect.models.spec import Spec

_UNREADABLE = (
    pickle.UnpicklingError,  # not a pickle, or one that asks for code
    RuntimeError,  # a cut archive, a storage of another size
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ImportError,
    OverflowError,
)
"""What `torch.load` raises for files that are no checkpoint: its unpickler trusts the stream's order of operations."""


def load_model(spec: Spec, path: Path, device: torch.device | str = "cpu") -> nn.Module:
    """The spec's network with the weights of one file, in eval mode, without gradients.

    Nothing in the file is executed: PyTorch files are read with the restricted unpickler, others as safetensors.

    Args:
        spec: Says how the network is built.
        path: A file whose digest has been verified (`weights.locate`): `.safetensors`, or any other name for PyTorch's
            own format.
        device: Where the network will run.

    Raises:
        WeightsNotFound: there is no such file.
        WeightsMismatch: it cannot be read, or holds other parameters than the network has, or numbers that are
            not finite.
    """
    state = _read(path)
    module = spec.build()
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise WeightsMismatch(f"{path} does not hold the parameters of {spec.name}: {_short(error)}") from error
    for name, tensor in module.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise WeightsMismatch(f"{path}: {name} holds numbers that are not finite")
    module.eval().requires_grad_(requires_grad=False)
    # Channels last is the order in which oneDNN convolves without reordering: AASIST in half the time on a CPU.
    return module.to(device).to(memory_format=torch.channels_last)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsNotFound(f"{path} is not there") from error
    except (OSError, safetensors.SafetensorError, *_UNREADABLE) as error:
        raise WeightsMismatch(f"{path} cannot be read as weights: {_short(error)}") from error
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise WeightsMismatch(f"{path} holds something other than named tensors")
    return loaded


def _short(error: Exception) -> str:
    """The error's text in one line; torch writes screens full of parameter names."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."
