"""A plain U-Net for images and volumes: two convolutions a level, strided convolutions down, transposed ones up.

After Ronneberger, Fischer, Brox, "U-Net" (MICCAI 2015) and Çiçek et al., "3D U-Net" (MICCAI 2016). BatchNorm with ReLU is the
default because it is the cheaper pair on a CPU (see training/README.md for the measurement).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from inference.networks.arguments import common, flag, whole_list
from inference.networks.base import ScaledNetwork, check_size
from inference.networks.layers import CONV, UP, Norm, he_initialise, pair

CHANNELS = (16, 32, 64, 128)


class UNet(ScaledNetwork):
    """Encoder and decoder with skip connections.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; output classes, background included.
    channels : width of each level, finest first. Every spatial size of the input must be a multiple of
        ``2 ** (len(channels) - 1)``.
    norm : ``batch`` or ``instance``.
    deep_supervision : also heads at the coarser levels of the decoder, for ``forward_scales``.

    Forward: float (N, in_channels, [K,] J, I) to logits (N, out_channels, [K,] J, I).
    """

    rising_parts: tuple[str, ...] = ("up", "merge")

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        channels: Sequence[int] = CHANNELS,
        norm: Norm = "batch",
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, out_channels, norm)
        dims, widths = spatial_dims, whole_list("channels", channels, fewest=2)
        self.deep_supervision = flag("deep_supervision", deep_supervision)
        inners = [in_channels, *widths[:-1]]
        self.down = nn.ModuleList(
            pair(dims, inner, outer, norm, stride=1 if level == 0 else 2)
            for level, (inner, outer) in enumerate(zip(inners, widths, strict=True))
        )
        rising = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(UP[dims](inner, outer, kernel_size=2, stride=2, bias=False) for inner, outer in rising)
        self.merge = nn.ModuleList(pair(dims, 2 * outer, outer, norm) for _, outer in rising)
        self.head = CONV[dims](widths[0], out_channels, kernel_size=1)
        coarser = rising[:-1] if deep_supervision else []
        self.scales = nn.ModuleList(CONV[dims](outer, out_channels, kernel_size=1) for _, outer in coarser)
        he_initialise(self)
        down = [f"down.{level}" for level in range(len(widths))]
        up = [f"{part}.{step}" for step in range(len(rising)) for part in self.rising_parts]
        self.stages = (*down, *up, *(["scales"] if coarser else []), "head")

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
        features, skips = image, []
        for down in self.down:
            features = down(features)
            skips.append(features)
        skips.pop()
        decoded: list[Tensor] = []
        for step, (up, merge) in enumerate(zip(self.up, self.merge, strict=True)):
            skip = self._attend(step, skips.pop(), features)
            features = merge(torch.cat([up(features), skip], dim=1))
            decoded.insert(0, features)
        return decoded

    def _attend(self, step: int, skip: Tensor, coarser: Tensor) -> Tensor:
        """What goes across at ``step`` of the decoder: here the encoder's features as they are."""
        return skip
