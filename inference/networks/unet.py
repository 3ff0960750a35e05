"""A plain U-Net for images and volumes: two convolutions a level, strided convolutions down, transposed ones up.

BatchNorm with ReLU is the default because it is the cheaper pair on a CPU (see training/README.md for the measurement).
Absent on purpose: attention, residual blocks, deep supervision; none was needed to reach the packages' floors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

_CONV = {2: nn.Conv2d, 3: nn.Conv3d}
_UP = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_BATCH = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_INSTANCE = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}

Norm = Literal["batch", "instance"]


def _norm(dims: int, channels: int, norm: Norm) -> nn.Module:
    return _BATCH[dims](channels) if norm == "batch" else _INSTANCE[dims](channels, affine=True)


def _convolution(dims: int, inner: int, outer: int, norm: Norm, stride: int = 1) -> nn.Sequential:
    convolution = _CONV[dims](inner, outer, kernel_size=3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, _norm(dims, outer, norm), nn.ReLU(inplace=True))


def _pair(dims: int, inner: int, outer: int, norm: Norm, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_convolution(dims, inner, outer, norm, stride), _convolution(dims, outer, outer, norm))


class UNet(nn.Module):
    """Encoder and decoder with skip connections.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; output classes, background included.
    channels : width of each level, finest first. Every spatial size of the input must be a multiple of
        ``2 ** (len(channels) - 1)``.
    norm : ``batch`` or ``instance``.

    Forward: float (N, in_channels, [K,] J, I) to logits (N, out_channels, [K,] J, I).
    """

    def __init__(
        self, *, spatial_dims: int, in_channels: int, out_channels: int, channels: Sequence[int], norm: Norm = "batch"
    ) -> None:
        super().__init__()
        if spatial_dims not in _CONV:
            raise ValueError("spatial_dims must be 2 or 3")
        if norm not in ("batch", "instance"):
            raise ValueError("norm must be batch or instance")
        if len(channels) < 2 or min(channels) < 1 or min(in_channels, out_channels) < 1:
            raise ValueError("channels needs two levels or more, and every width must be positive")
        dims = spatial_dims
        widths = list(channels)
        inners = [in_channels, *widths[:-1]]
        self.down = nn.ModuleList(
            _pair(dims, inner, outer, norm, stride=1 if level == 0 else 2)
            for level, (inner, outer) in enumerate(zip(inners, widths, strict=True))
        )
        rising = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(_UP[dims](inner, outer, kernel_size=2, stride=2, bias=False) for inner, outer in rising)
        self.merge = nn.ModuleList(_pair(dims, 2 * outer, outer, norm) for _, outer in rising)
        self.head = _CONV[dims](widths[0], out_channels, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        features = image
        skips: list[Tensor] = []
        for down in self.down:
            features = down(features)
            skips.append(features)
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            features = merge(torch.cat([up(features), skips.pop()], dim=1))
        logits: Tensor = self.head(features)
        return logits
