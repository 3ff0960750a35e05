"""V-Net: a U-Net of residual stages with PReLU and convolutions for every change of size.

After Milletari, Navab, Ahmadi, "V-Net: fully convolutional neural networks for volumetric medical image segmentation" (3DV
2016). Ours and not MONAI's, whose widths are fixed at 16 to 256 with 5³ kernels: 45 million parameters, more than a few
CPU cores can train. Batch norm is added as in every later reading of the paper; the paper's kernel is 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from inference.networks.arguments import choice, common, flag, whole_list
from inference.networks.base import ScaledNetwork, check_size
from inference.networks.layers import CONV, UP, Norm, convolve, he_initialise, normalise

CHANNELS = (16, 32, 64, 128)


class ResidualStage(nn.Module):
    """``count`` convolutions whose result is added to ``shortcut``, then PReLU."""

    def __init__(self, dims: int, inner: int, outer: int, count: int, kernel: int, norm: Norm) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(count):
            layers += [
                convolve(dims, inner if index == 0 else outer, outer, kernel),
                normalise(dims, outer, norm),
                nn.PReLU(outer),
            ]
        self.layers = nn.Sequential(*layers[:-1])
        self.activation = nn.PReLU(outer)

    def forward(self, features: Tensor, shortcut: Tensor) -> Tensor:
        result: Tensor = self.activation(self.layers(features) + shortcut)
        return result


def _change(dims: int, inner: int, outer: int, norm: Norm, up: bool) -> nn.Sequential:
    """Half or twice the size, by a kernel of 2 with stride 2."""
    kind = UP if up else CONV
    return nn.Sequential(
        kind[dims](inner, outer, kernel_size=2, stride=2, bias=False), normalise(dims, outer, norm), nn.PReLU(outer)
    )


class VNet(ScaledNetwork):
    """Residual encoder and decoder.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; output classes, background included.
    channels : width of each level, finest first (the paper: 16, 32, 64, 128, 256). Every spatial size of the input must be a
        multiple of ``2 ** (len(channels) - 1)``.
    convolutions : convolutions in each level's stage, on the way down and up; by default 1, 2, then 3 as in the paper.
    kernel_size : 3 or 5 (the paper's; 4.6 times the work in 3-D).
    norm : ``batch`` or ``instance``.
    deep_supervision : also heads at the coarser levels of the decoder, for ``forward_scales``.

    Forward: float (N, in_channels, [K,] J, I) to logits (N, out_channels, [K,] J, I).
    """

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        channels: Sequence[int] = CHANNELS,
        convolutions: Sequence[int] | None = None,
        kernel_size: int = 3,
        norm: Norm = "batch",
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, out_channels, norm)
        dims, widths = spatial_dims, whole_list("channels", channels, fewest=2)
        counts = [min(level, 3) for level in range(1, len(widths) + 1)]
        if convolutions is not None:
            counts = whole_list("convolutions", convolutions, count=len(widths), most=8)
        choice("kernel_size", kernel_size, 3, 5)
        self.deep_supervision = flag("deep_supervision", deep_supervision)
        self.entry = CONV[dims](in_channels, widths[0], kernel_size=1)
        self.shrink = nn.ModuleList(_change(dims, *step, norm, up=False) for step in pairwise(widths))
        self.down = nn.ModuleList(
            ResidualStage(dims, in_channels if level == 0 else width, width, counts[level], kernel_size, norm)
            for level, width in enumerate(widths)
        )
        rising = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.grow = nn.ModuleList(_change(dims, *step, norm, up=True) for step in rising)
        self.up = nn.ModuleList(
            ResidualStage(dims, 2 * width, width, count, kernel_size, norm)
            for (_, width), count in zip(rising, counts[-2::-1], strict=True)
        )
        self.head = CONV[dims](widths[0], out_channels, kernel_size=1)
        coarser = rising[:-1] if deep_supervision else []
        self.scales = nn.ModuleList(CONV[dims](width, out_channels, kernel_size=1) for _, width in coarser)
        he_initialise(self)
        falling = [stage for level in range(1, len(widths)) for stage in (f"shrink.{level - 1}", f"down.{level}")]
        climbing = [stage for step in range(len(rising)) for stage in (f"grow.{step}", f"up.{step}")]
        self.stages = ("entry", "down.0", *falling, *climbing, *(["scales"] if coarser else []), "head")

    @classmethod
    def multiple(cls, arguments: Mapping[str, Any]) -> int:
        return 1 << (len(whole_list("channels", arguments.get("channels", CHANNELS), fewest=2)) - 1)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self._decode(image)[0])
        return logits

    def forward_scales(self, image: Tensor) -> list[Tensor]:
        finest, *coarser = self._decode(image)
        heads = list(self.scales)[::-1]
        return [self.head(finest), *(head(features) for head, features in zip(heads, coarser, strict=False))]

    def _decode(self, image: Tensor) -> list[Tensor]:
        """Features of each level of the decoder, finest first."""
        check_size(image, 2 ** len(self.up))
        features = self.down[0](image, self.entry(image))
        skips = []
        for shrink, stage in zip(self.shrink, list(self.down)[1:], strict=True):
            skips.append(features)
            smaller = shrink(features)
            features = stage(smaller, smaller)
        decoded: list[Tensor] = []
        for grow, stage in zip(self.grow, self.up, strict=True):
            larger = grow(features)
            features = stage(torch.cat([larger, skips.pop()], dim=1), larger)
            decoded.insert(0, features)
        return decoded
