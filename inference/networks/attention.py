"""Attention U-Net: a U-Net whose skip connections are weighted by what the coarser level sees.

After Oktay et al., "Attention U-Net: learning where to look for the pancreas" (MIDL 2018), equations 1 and 2, grid attention.
Its encoder and decoder have the parameter names of ``unet``, so that either starts from the other's weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from inference.networks.layers import CONV, Norm, resize
from inference.networks.unet import CHANNELS, UNet


class AttentionGate(nn.Module):
    """Additive attention: skip features times weights in 0..1, one a pixel, from the skip and from the coarser level.

    Parameters
    ----------
    dims : 2 or 3.
    skip, coarser : their channels.
    """

    def __init__(self, dims: int, skip: int, coarser: int) -> None:
        super().__init__()
        inner = max(1, skip // 2)
        self.theta = CONV[dims](skip, inner, kernel_size=2, stride=2, bias=False)
        self.phi = CONV[dims](coarser, inner, kernel_size=1)
        self.psi = CONV[dims](inner, 1, kernel_size=1)

    def forward(self, skip: Tensor, coarser: Tensor) -> Tensor:
        question = self.psi(torch.relu(self.theta(skip) + self.phi(coarser)))
        return skip * resize(torch.sigmoid(question), skip.shape[2:])


class AttentionUNet(UNet):
    """``UNet`` with an attention gate at each skip connection; the same arguments, inputs and outputs."""

    rising_parts = ("up", "gates", "merge")

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
        super().__init__(
            spatial_dims=spatial_dims,
            in_channels=in_channels,
            out_channels=out_channels,
            channels=channels,
            norm=norm,
            deep_supervision=deep_supervision,
        )
        rising = zip(channels[:0:-1], channels[-2::-1], strict=True)
        self.gates = nn.ModuleList(AttentionGate(spatial_dims, skip, coarser) for coarser, skip in rising)

    def _attend(self, step: int, skip: Tensor, coarser: Tensor) -> Tensor:
        weighted: Tensor = self.gates[step](skip, coarser)
        return weighted
