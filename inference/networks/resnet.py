"""ResNet as a classifier of images and volumes (He et al., CVPR 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from inference.networks.arguments import common, share
from inference.networks.base import Classifier
from inference.networks.layers import Norm, he_initialise, spatial_mean
from inference.networks.residual import ENCODER_STAGES, ResidualEncoder, Stem


class ResNet(Classifier):
    """Residual encoder, mean over space, one linear layer.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; classes, "none of the labels" included.
    depth : 10, 18, 34 or 50.
    width : channels of the first layer (the paper: 64; 16 learns small images in minutes on a CPU).
    stem : ``large``, or ``small`` for images of some 30 pixels.
    norm : ``batch`` or ``instance``.
    dropout : share of features set to zero before the head, in training.

    Forward: float (N, in_channels, [K,] J, I), any size, to logits (N, out_channels).
    """

    stages = (*ENCODER_STAGES, "head")

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        depth: int = 18,
        width: int = 64,
        stem: Stem = "large",
        norm: Norm = "batch",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, out_channels, norm)
        self.encoder = ResidualEncoder(spatial_dims, in_channels, depth=depth, width=width, norm=norm, stem=stem)
        self.dropout = nn.Dropout(share("dropout", dropout))
        self.head = nn.Linear(self.encoder.channels[-1], out_channels)
        he_initialise(self)

    @property
    def cam_layer(self) -> nn.Module:
        return self.encoder.get_submodule("layer4")

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(spatial_mean(self.encoder(image)[-1])))
        return logits
