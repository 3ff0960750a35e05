"""A fully convolutional network with scores at three depths, as FCN-8s, on a residual encoder.

After Long, Shelhamer, Darrell, "Fully convolutional networks for semantic segmentation" (CVPR 2015), section 4.2: scores of the
three deepest layers are added, coarse to fine, each raised to the next one's size by linear interpolation. The paper's VGG-16
is replaced by a ResNet, which needs a tenth of the weights.
"""

from __future__ import annotations

from torch import Tensor, nn

from inference.networks.arguments import common
from inference.networks.base import Network
from inference.networks.layers import CONV, Norm, he_initialise, resize
from inference.networks.residual import ENCODER_STAGES, ResidualEncoder, Stem


class FCN(Network):
    """Residual encoder; a score of every class at 1/8, 1/16 and 1/32 of the size (``small`` stem: 1/2, 1/4 and 1/8).

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; output classes, background included.
    depth : 10, 18, 34 or 50, the encoder's.
    width : channels of the encoder's first layer.
    stem : ``large``, or ``small`` for small images and thin structures, at sixteen times the work (64 times in 3-D).
    norm : ``batch`` or ``instance``.

    Forward: float (N, in_channels, [K,] J, I), any size, to logits (N, out_channels, [K,] J, I).
    """

    stages = (*ENCODER_STAGES, "head")

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
        scored = self.encoder.channels[1:]
        self.head = nn.ModuleList(CONV[spatial_dims](channels, out_channels, kernel_size=1) for channels in scored)
        he_initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        fine, middle, coarse = (score(part) for score, part in zip(self.head, self.encoder(image)[1:], strict=True))
        scores = middle + resize(coarse, middle.shape[2:])
        scores = fine + resize(scores, fine.shape[2:])
        return resize(scores, image.shape[2:])
