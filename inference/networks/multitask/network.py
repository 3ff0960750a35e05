"""One encoder for several questions about an image: where the lesion is, and which class the image has.

That tasks which share an encoder help each other is after Caruana, "Multitask learning" (Machine Learning 28, 1997). The encoder
is ``resnet``'s with its parameter names, so that weights of either load into the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import torch
from torch import Tensor, nn

from inference.networks.arguments import common, share, whole
from inference.networks.base import Network
from inference.networks.layers import CONV, Norm, he_initialise, pair, resize, spatial_mean
from inference.networks.multitask.outputs import Head, Outputs
from inference.networks.residual import ENCODER_STAGES, ResidualEncoder, Stem


class Decoder(nn.Module):
    """The encoder's features from the deepest to the finest: resize, join, two convolutions, as a U-Net's."""

    def __init__(self, dims: int, channels: tuple[int, ...], norm: Norm) -> None:
        super().__init__()
        rising = list(zip(channels[:0:-1], channels[-2::-1], strict=True))
        self.merge = nn.ModuleList(pair(dims, inner + outer, outer, norm) for inner, outer in rising)

    def forward(self, levels: list[Tensor]) -> Tensor:
        *skips, features = levels
        for merge, skip in zip(self.merge, reversed(skips), strict=True):
            features = merge(torch.cat([resize(features, skip.shape[2:]), skip], dim=1))
        return features


class MultiTask(Network):
    """Residual encoder with a head for each task.

    Parameters
    ----------
    spatial_dims : 2 or 3. in_channels : input channels.
    heads : outputs by task, of which only those named here are built and returned. ``segmentation``: classes of the mask,
        background included. ``classification``: classes of the image, "none of the labels" included.
    depth, width, stem, norm : of the encoder, as in ``ResNet``.
    dropout : share of features set to zero before the classification, in training.

    Forward: float (N, in_channels, [K,] J, I), any size, to ``Outputs``.
    """

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        heads: Mapping[str, int],
        depth: int = 18,
        width: int = 32,
        stem: Stem = "large",
        norm: Norm = "batch",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, 1, norm)
        counts = _counts(heads)
        self.encoder = ResidualEncoder(spatial_dims, in_channels, depth=depth, width=width, norm=norm, stem=stem)
        self.dropout = nn.Dropout(share("dropout", dropout))
        channels = self.encoder.channels
        self.heads = nn.ModuleDict()
        if "segmentation" in counts:
            self.decoder = Decoder(spatial_dims, channels, norm)
            self.heads["segmentation"] = CONV[spatial_dims](channels[0], counts["segmentation"], kernel_size=1)
        if "classification" in counts:
            self.heads["classification"] = nn.Linear(channels[-1], counts["classification"])
        he_initialise(self)
        self.stages = (*ENCODER_STAGES, *(["decoder"] if "segmentation" in counts else []), "heads")

    def forward(self, image: Tensor) -> Outputs:
        levels = self.encoder(image)
        found: dict[str, Tensor] = {}
        if "segmentation" in self.heads:
            found["segmentation"] = resize(self.heads["segmentation"](self.decoder(levels)), image.shape[2:])
        if "classification" in self.heads:
            found["classification"] = self.heads["classification"](self.dropout(spatial_mean(levels[-1])))
        return Outputs(**found)


def _counts(heads: Any) -> dict[str, int]:
    """The argument ``heads``, checked."""
    known = get_args(Head)
    if not isinstance(heads, Mapping) or not heads or not set(heads) <= set(known):
        raise ValueError(f"heads must name outputs by task, of {' and '.join(known)}, not {heads!r}")
    return {task: whole(f"heads.{task}", count, least=2) for task, count in heads.items()}
