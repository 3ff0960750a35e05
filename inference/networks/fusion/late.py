"""Late fusion: a U-Net for each modality, whose class scores are averaged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from inference.networks.arguments import common
from inference.networks.fusion.base import (
    CHANNELS,
    FusionNetwork,
    by_level,
    climb,
    descend,
    down_blocks,
    of_modality,
    up_blocks,
    widths_of,
)
from inference.networks.fusion.presence import Presence, modalities
from inference.networks.layers import CONV, Norm, he_initialise


class ScoreMean(nn.Module):
    """A head for each modality, and the mean of their scores with weights ``exp(theta)`` for each modality and class.

    A weighted mean of logits is the product rule of Kittler et al., "On combining classifiers" (PAMI 1998), with
    exponents that are learned and divided by their sum over the present modalities.
    """

    def __init__(self, dims: int, inner: int, classes: int, count: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(CONV[dims](inner, classes, kernel_size=1) for _ in range(count))
        self.theta = nn.Parameter(torch.zeros(count, classes))

    def weights(self, flags: Tensor) -> Tensor:
        """(N, modalities, classes) for flags bool (N, modalities): none negative, their sum over the modalities 1."""
        return torch.softmax(self.theta.expand(len(flags), -1, -1).masked_fill(~flags[..., None], -torch.inf), dim=1)


class LateFusion(FusionNetwork):
    """A U-Net for each modality, and the mean of their logits over the present ones, weighted by class.

    Parameters
    ----------
    spatial_dims : 2 or 3.
    in_channels : the number of modalities, 2 to 16. out_channels : classes, background included.
    channels : width of each level of each U-Net, finest first. norm : ``batch`` or ``instance``.

    Forward: see ``FusionNetwork``. Scores only add up, so a class that one modality affirms where the other denies it (an
    exclusive or) can't be learned. Order and normalisation as in ``GatedFusion``.
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
        dims, widths = spatial_dims, widths_of(channels)
        self.modalities, self.levels = modalities(in_channels), len(widths)
        self.down = by_level([down_blocks(dims, widths, norm) for _ in range(in_channels)])
        decoders = [up_blocks(dims, widths, norm) for _ in range(in_channels)]
        self.up, self.merge = by_level([ups for ups, _ in decoders]), by_level([merges for _, merges in decoders])
        self.head = ScoreMean(dims, widths[0], out_channels, in_channels)
        he_initialise(self)
        down = [f"down.{level}" for level in range(self.levels)]
        up = [f"{part}.{step}" for step in range(self.levels - 1) for part in ("up", "merge")]
        self.stages = (*down, *up, "head")

    def fuse(self, image: Tensor, presence: Presence) -> Tensor:
        weights = self.head.weights(presence.flags)
        weighted = []
        for modality in presence.some:
            scores = presence.spread(self._scores(presence.select(image, modality), modality), modality)
            weighted.append(weights[:, modality].view(*scores.shape[:2], *[1] * (scores.ndim - 2)) * scores)
        return torch.stack(weighted).sum(0)

    def _scores(self, channel: Tensor, modality: int) -> Tensor:
        """Logits of one modality's network for the cases that have it."""
        levels = descend(of_modality(self.down, modality), channel)
        features = climb(of_modality(self.up, modality), of_modality(self.merge, modality), levels)
        logits: Tensor = self.head.heads[modality](features)
        return logits
