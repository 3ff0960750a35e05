"""Grad-CAM: the features of a late layer, weighted by how much each raises the score of a class.

R. R. Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization (ICCV 2017); for
segmentation K. Vinogradova et al., Towards Interpretable Semantic Segmentation via Gradient-weighted Class Activation Mapping
(AAAI 2020): the score is summed where the label wins, or everywhere where it wins nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.networks.base import Classifier

Map = NDArray[np.float32]
"""(*spatial), 0 to 1: 1 where the class draws most on the image; all 0 where nothing speaks for it."""


def grad_cam(network: nn.Module, image: Tensor, value: int, layer: nn.Module | None = None) -> Map:
    """The map of one class.

    Parameters
    ----------
    network : in evaluation mode; its weights and their gradients are left alone.
    image : float32 (C, *spatial) on the model's grid.
    value : the class, 0 for background or "none of the labels".
    layer : by default that of ``default_layer``.
    """
    batch = image[None].clone().requires_grad_(True)
    with torch.enable_grad(), _kept(layer or default_layer(network, image)) as outputs:
        logits = network(batch)
        (features,) = outputs[-1:]
        (gradient,) = torch.autograd.grad(_score(logits, value), features)
    spatial = tuple(range(2, features.dim()))
    weights = gradient.mean(dim=spatial, keepdim=True)
    raised = (weights * features.detach()).sum(dim=1, keepdim=True).clamp_min(0)
    return scaled(_enlarged(raised, image.shape[1:]))


def default_layer(network: nn.Module, image: Tensor) -> nn.Module:
    """``cam_layer`` of a classifier; of a segmenter the last module, of those without children, that works below full resolution.

    Not the coarsest one: in a U-Net with skips its features may speak against a label everywhere, which leaves an empty map.
    Modules that yield one channel a class are passed over, since those are scores; where nothing is coarser, the last other one.
    """
    if isinstance(network, Classifier):
        return network.cam_layer
    found: list[tuple[tuple[int, ...], nn.Module]] = []

    def note(module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == image.dim() + 1:
            found.append((tuple(output.shape[1:]), module))

    hooks = [module.register_forward_hook(note) for module in network.modules() if not list(module.children())]
    try:
        with torch.inference_mode():
            classes = network(image[None]).shape[1]
    finally:
        for hook in hooks:
            hook.remove()
    features = [(shape[1:], module) for shape, module in found if shape[0] != classes]
    coarser = [module for size, module in features if max(size) > 1 and math.prod(size) < image[0].numel()]
    return coarser[-1] if coarser else features[-1][1]


@contextmanager
def _kept(layer: nn.Module) -> Iterator[list[Tensor]]:
    """The layer's outputs; the network goes on with a copy, so that a later step in place changes nothing of what is kept."""
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        outputs.append(output)
        return output.clone()

    hook = layer.register_forward_hook(keep)
    try:
        yield outputs
    finally:
        hook.remove()


def _score(logits: Tensor, value: int) -> Tensor:
    """The class's log odds: a softmax knows differences of logits alone, so that one of them by itself says nothing."""
    others = [number for number in range(logits.shape[1]) if number != value]
    odds = logits[0, value] - logits[0, others].logsumexp(dim=0)
    if logits.dim() == 2:
        return odds
    won = odds.detach() > 0
    return odds[won].sum() if bool(won.any()) else odds.sum()


def _enlarged(coarse: Tensor, size: torch.Size) -> Tensor:
    """To the image's size, between the features' centres linearly."""
    mode = "bilinear" if len(size) == 2 else "trilinear"
    return F.interpolate(coarse, size=tuple(size), mode=mode, align_corners=False)[0, 0]


def scaled(raw: Tensor) -> Map:
    """Divided by its largest value, where that is above 0."""
    most = float(raw.max())
    return np.asarray((raw / most if most > 0 else torch.zeros_like(raw)).cpu().numpy(), dtype=np.float32)
