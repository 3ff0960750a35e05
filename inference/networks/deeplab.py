"""DeepLabV3+: a dilated residual encoder, a spatial pyramid of dilated convolutions, and a decoder with one skip connection.

After Chen, Zhu, Papandreou, Schroff, Adam, "Encoder-decoder with atrous separable convolution for semantic image segmentation"
(ECCV 2018), section 3. Plain instead of separable convolutions: the encoder is a ResNet, as in their V3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from inference.networks.arguments import choice, common, share, whole_list
from inference.networks.base import Network
from inference.networks.layers import CONV, Norm, block, he_initialise, resize
from inference.networks.residual import ENCODER_STAGES, ResidualEncoder, Stem

# Strides and dilations of the four layers; the output stride counts the large stem's four.
_ENCODERS = {16: ((1, 2, 2, 1), (1, 1, 1, 2)), 8: ((1, 2, 1, 1), (1, 1, 2, 4))}


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: a 1 × 1, a 3 × 3 for each rate, and the mean of the whole image, side by side."""

    def __init__(self, dims: int, inner: int, outer: int, rates: Sequence[int], norm: Norm) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [block(dims, inner, outer, norm, kernel=1), *(block(dims, inner, outer, norm, dilation=rate) for rate in rates)]
        )
        self.whole = block(dims, inner, outer, norm, kernel=1)
        self.project = block(dims, (len(rates) + 2) * outer, outer, norm, kernel=1)

    def forward(self, features: Tensor) -> Tensor:
        mean = self.whole(features.mean(dim=tuple(range(2, features.ndim)), keepdim=True))
        parts = [*(branch(features) for branch in self.branches), mean.expand(-1, -1, *features.shape[2:])]
        projected: Tensor = self.project(torch.cat(parts, dim=1))
        return projected


class DeepLabV3Plus(Network):
    """Encoder with output stride 16 or 8, pyramid, decoder at a quarter of the size (``small`` stem: at full size).

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; output classes, background included.
    depth : 10, 18, 34 or 50, the encoder's.
    width : channels of the encoder's first layer; pyramid and decoder have four times as many (the paper: 64 and 256).
    output_stride : 16 or 8, of the encoder with the ``large`` stem.
    rates : dilations of the pyramid, in pixels of the encoder's output. The paper's 6, 12, 18 suit its images of 513 pixels and
        output stride 16; a rate beyond the feature map's size sees nothing but padding.
    stem : ``large``, or ``small`` for small images, at sixteen times the work (64 times in 3-D).
    norm : ``batch`` or ``instance``.
    dropout : share of features set to zero before the head, in training.

    Forward: float (N, in_channels, [K,] J, I), any size, to logits (N, out_channels, [K,] J, I).
    """

    stages = (*ENCODER_STAGES, "pyramid", "skip", "decoder", "head")

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        depth: int = 18,
        width: int = 32,
        output_stride: Literal[16, 8] = 16,
        rates: Sequence[int] = (2, 4, 6),
        stem: Stem = "large",
        norm: Norm = "batch",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, out_channels, norm)
        choice("output_stride", output_stride, 16, 8)
        steps = whole_list("rates", rates, most=64)
        dims, (strides, dilations) = spatial_dims, _ENCODERS[output_stride]
        self.encoder = ResidualEncoder(
            dims, in_channels, depth=depth, width=width, norm=norm, stem=stem, strides=strides, dilations=dilations
        )
        fine, *_, deep = self.encoder.channels
        wide, narrow = 4 * width, max(1, 3 * width // 4)  # the paper's 256 and 48
        self.pyramid = Pyramid(dims, deep, wide, steps, norm)
        self.skip = block(dims, fine, narrow, norm, kernel=1)
        self.decoder = nn.Sequential(block(dims, wide + narrow, wide, norm), block(dims, wide, wide, norm))
        self.dropout = nn.Dropout(share("dropout", dropout))
        self.head = CONV[dims](wide, out_channels, kernel_size=1)
        he_initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        fine, *_, deep = self.encoder(image)
        raised = resize(self.pyramid(deep), fine.shape[2:])
        decoded = self.decoder(torch.cat([raised, self.skip(fine)], dim=1))
        return resize(self.head(self.dropout(decoded)), image.shape[2:])
