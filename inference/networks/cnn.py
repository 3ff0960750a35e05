"""A plain convolutional classifier: the simple network that others have to beat."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from inference.networks.arguments import common, share, whole_list
from inference.networks.base import Classifier
from inference.networks.layers import Norm, he_initialise, pair, spatial_mean

CHANNELS = (16, 32, 64)


class CNN(Classifier):
    """Two 3 × 3 (× 3) convolutions a level, each level but the first at half the size, mean over space, one linear layer.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels, out_channels : input channels; classes, "none of the labels" included.
    channels : width of each level, finest first.
    norm : ``batch`` or ``instance``.
    dropout : share of features set to zero before the head, in training.

    Forward: float (N, in_channels, [K,] J, I), any size, to logits (N, out_channels).
    """

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        channels: Sequence[int] = CHANNELS,
        norm: Norm = "batch",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, out_channels, norm)
        widths = whole_list("channels", channels)
        inners = [in_channels, *widths[:-1]]
        self.levels = nn.Sequential(
            *(
                pair(spatial_dims, inner, outer, norm, stride=1 if level == 0 else 2)
                for level, (inner, outer) in enumerate(zip(inners, widths, strict=True))
            )
        )
        self.dropout = nn.Dropout(share("dropout", dropout))
        self.head = nn.Linear(widths[-1], out_channels)
        he_initialise(self)
        self.stages = (*(f"levels.{level}" for level in range(len(widths))), "head")

    @property
    def cam_layer(self) -> nn.Module:
        return self.levels

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(spatial_mean(self.levels(image))))
        return logits
