"""Early fusion: one U-Net over all modalities at once, told which of them are there.

The flags as constant channels follow the idea of a dropped input that a network can tell from a dark one: Neverova et al.,
"ModDrop: adaptive multi-modal gesture recognition" (PAMI 2016), drops whole modalities in training; the flags are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.networks.arguments import common
from inference.networks.fusion.base import CHANNELS, FusionNetwork, widths_of
from inference.networks.fusion.presence import Presence, blank, modalities
from inference.networks.layers import Norm
from inference.networks.unet import UNet


class EarlyFusion(FusionNetwork):
    """A U-Net over the channels of all modalities, zero where absent, and one constant channel 1 or 0 for each.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels : the number of modalities, 2 to 16. out_channels : classes, background included.
    channels : width of each level, finest first. norm : ``batch`` or ``instance``.

    Forward: see ``FusionNetwork``.
    """

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        channels: Sequence[int] = CHANNELS,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, out_channels, norm)
        self.modalities, self.levels = modalities(in_channels), len(widths_of(channels))
        self.unet = UNet(
            spatial_dims=spatial_dims, in_channels=2 * in_channels, out_channels=out_channels, channels=channels, norm=norm
        )
        self.stages = tuple(f"unet.{stage}" for stage in self.unet.stages)

    def fuse(self, image: Tensor, presence: Presence) -> Tensor:
        flags = presence.flags.to(image.dtype).view(*presence.flags.shape, *[1] * (image.ndim - 2))
        constant = flags.expand(-1, -1, *image.shape[2:])
        logits: Tensor = self.unet(torch.cat([blank(image, presence.flags), constant], dim=1))
        return logits
