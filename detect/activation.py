"""Where in a face crop the evidence lies: gradient-weighted class activation of a face classifier's last convolution.

Method: Selvaraju et al., Grad-CAM, ICCV 2017. It shows which regions raised the logit, at the resolution of that
layer. It does not show where a face was manipulated, and a report says so.
"""

from __future__ import annotations

import threading

import numpy as np
import torch

from detect.models import FaceSpec, spoof_logit
from detect.types import Float32Array


def class_activation(module: torch.nn.Module, spec: FaceSpec, batch: torch.Tensor) -> Float32Array:
    """Heat maps of the spoof logit.

    Args:
        module: The network, in eval mode.
        spec: Its spec; `explain_layer` names the layer.
        batch: Prepared input (n, 3, S, S) on the network's device.

    Returns:
        (n, h, w) float32 in [0, 1]; all zero where nothing raised the logit.
    """
    kept: list[torch.Tensor] = []
    mine = threading.get_ident()

    def keep(_module: torch.nn.Module, _inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if threading.get_ident() == mine:  # other threads may run the same network at the same time
            kept.append(output)

    hook = module.get_submodule(spec.explain_layer).register_forward_hook(keep)
    try:
        # Weights carry no gradients, so the input must: without it there is no graph to the layer's output.
        with torch.enable_grad():
            total = spoof_logit(module(batch.detach().requires_grad_()), spec).sum()
            (gradient,) = torch.autograd.grad(total, kept[0])
    finally:
        hook.remove()
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    heat = torch.relu((weights * kept[0].detach()).sum(dim=1))
    peak = heat.amax(dim=(1, 2), keepdim=True)
    scaled: Float32Array = torch.where(peak > 0, heat / peak.clamp_min(1e-12), heat).cpu().numpy().astype(np.float32)
    return scaled
