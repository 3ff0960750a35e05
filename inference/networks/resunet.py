"""A U-Net whose encoder is a ResNet."""

from __future__ import annotations

from torch import Tensor

from inference.networks.arguments import common
from inference.networks.base import Network
from inference.networks.decoder import Decoder
from inference.networks.layers import CONV, Norm, he_initialise, resize
from inference.networks.residual import ENCODER_STAGES, ResidualEncoder, Stem


class ResUNet(Network):
    """Residual encoder (He 2016), a U-Net's decoder (Ronneberger 2015): what ``multitask`` is with a head for masks alone.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; output classes, background included.
    depth, width, stem, norm : of the encoder, as in ``ResNet``.

    Forward: float (N, in_channels, [K,] J, I), any size, to logits (N, out_channels, [K,] J, I).
    """

    stages = (*ENCODER_STAGES, "decoder", "head")

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        depth: int = 18,
        width: int = 32,
        stem: Stem = "large",
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, out_channels, norm)
        self.encoder = ResidualEncoder(spatial_dims, in_channels, depth=depth, width=width, norm=norm, stem=stem)
        self.decoder = Decoder(spatial_dims, self.encoder.channels, norm)
        self.head = CONV[spatial_dims](self.encoder.channels[0], out_channels, kernel_size=1)
        he_initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        return resize(self.head(self.decoder(self.encoder(image))), image.shape[2:])
