"""Towers of convolutions that all levels of a pyramid share, and what they say of each place."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from inference.networks.layers import CONV, convolve

PRIOR = 0.01
"""How likely an object is at a place before anything is learned (Lin 2017, "Focal loss", section 3.3)."""


def group_norm(channels: int) -> nn.GroupNorm:
    """Normalisation by groups of two channels or more, up to eight groups.

    Levels share a tower and differ in their statistics, and batches are small: group norm knows neither (Wu, He 2018).
    """
    return nn.GroupNorm(math.gcd(8, max(1, channels // 2)), channels)


def tower(dims: int, channels: int, convs: int) -> nn.Sequential:
    """``convs`` times convolution, group norm, ReLU."""
    layers: list[nn.Module] = []
    for _ in range(convs):
        layers += [convolve(dims, channels, channels), group_norm(channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def say(dims: int, channels: int, outputs: int, prior: float = 0.5) -> nn.Module:
    """The last convolution: small weights, and a bias that means probability ``prior``, or for a number 0."""
    last = CONV[dims](channels, outputs, kernel_size=3, padding=1)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.constant_(last.get_parameter("bias"), math.log(prior / (1 - prior)))
    return last


def by_place(maps: Sequence[Tensor], values: int) -> Tensor:
    """Maps (N, A × values, ...) of the levels to (N, P, values): place after place, within it anchor after anchor."""
    return torch.cat([each.flatten(2).transpose(1, 2).reshape(len(each), -1, values) for each in maps], dim=1)
