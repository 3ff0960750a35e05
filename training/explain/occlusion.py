"""Occlusion: how much the probability of a class falls when a part of the image is covered.

M. D. Zeiler and R. Fergus, Visualizing and Understanding Convolutional Networks (ECCV 2014). Dearer than Grad-CAM, but it asks
the network itself and needs no gradient.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn

from training.explain.gradcam import Map, scaled

_BATCH = 16
_PARTS = 8
_LEAST = 4


def occlusion_map(network: nn.Module, image: Tensor, value: int, window: tuple[int, ...] | None = None) -> Map:
    """The mean fall of the class's probability over the windows that cover each place; rises count as 0.

    Parameters
    ----------
    network : a classifier in evaluation mode.
    image : float32 (C, *spatial) on the model's grid. What is covered takes its channel's mean.
    value : the class.
    window : of what is covered at once, an eighth of each axis by default, 4 or more; windows overlap by half.
    """
    size = tuple(image.shape[1:])
    width = window or tuple(min(n, max(_LEAST, n // _PARTS)) for n in size)
    places = list(product(*(_starts(n, w) for n, w in zip(size, width, strict=True))))
    grey = image.mean(dim=tuple(range(1, image.dim())), keepdim=True)
    fall, covered = torch.zeros(size), torch.zeros(size)
    with torch.inference_mode():
        whole = _probability(network, image[None], value)[0]
        for first in range(0, len(places), _BATCH):
            chosen = [_at(place, width) for place in places[first : first + _BATCH]]
            batch = image.repeat(len(chosen), *(1,) * image.dim())
            for row, at in zip(batch, chosen, strict=True):
                row[(slice(None), *at)] = grey
            for at, left in zip(chosen, _probability(network, batch, value), strict=True):
                fall[at] += (whole - left).cpu()
                covered[at] += 1
    return scaled((fall / covered.clamp_min(1)).clamp_min(0))


def _probability(network: nn.Module, batch: Tensor, value: int) -> Tensor:
    logits: Tensor = network(batch)
    return logits.float().softmax(dim=1)[:, value]


def _starts(size: int, width: int) -> list[int]:
    """First indices of windows every half window, the last flush with the end."""
    step = max(1, width // 2)
    return sorted({*range(0, max(1, size - width + 1), step), max(0, size - width)})


def _at(place: tuple[int, ...], width: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(start, start + w) for start, w in zip(place, width, strict=True))
