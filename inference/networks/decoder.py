"""From an encoder's features to a mask's resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inference.networks.layers import Norm, pair, resize


class Decoder(nn.Module):
    """The encoder's features from the deepest to the finest: resize, join, two convolutions, as a U-Net's."""

    def __init__(self, dims: int, channels: tuple[int, ...], norm: Norm) -> None:
        super().__init__()
        rising = list(zip(channels[:0:-1], channels[-2::-1], strict=True))
        self.merge = nn.ModuleList(pair(dims, inner + outer, outer, norm) for inner, outer in rising)

    def forward(self, levels: list[Tensor]) -> Tensor:
        *skips, features = levels
        for merge, skip in zip(self.merge, reversed(skips), strict=True):
            features = merge(torch.cat([resize(features, skip.shape[2:]), skip], dim=1))
        return features
