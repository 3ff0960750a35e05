"""A learned, weighted mean over the modalities that are there.

After Arevalo et al., "Gated multimodal units for information fusion" (ICLR workshop 2017): what each modality
contributes is decided by all of them together. The mean over the present ones as what they say together, so that any number of
them will do, is of Havaei et al., "HeMIS: hetero-modal image segmentation" (MICCAI 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from inference.networks.layers import CONV

Per = Literal["voxel", "channel"]


class Gate(nn.Module):
    """Features of several modalities to one: a weighted mean, the weights a softmax over the present modalities only.

    Parameters
    ----------
    dims, channels : spatial dimensions; channels of each modality's features, and of the result.
    per : one weight for each ``voxel`` and modality, or one for each ``channel`` and modality, from the mean over space.

    All modalities are scored by the same weights, so their order doesn't matter.
    """

    def __init__(self, dims: int, channels: int, per: Per) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.own = CONV[dims](channels, inner, kernel_size=1)
        self.common = CONV[dims](channels, inner, kernel_size=1)
        self.score = CONV[dims](inner, 1 if per == "voxel" else channels, kernel_size=1)
        self.per = per

    def forward(self, features: Sequence[Tensor], flags: Tensor) -> Tensor:
        """Fuse features (N, C, *spatial), one tensor a modality and zero where absent, by ``flags`` bool (N, modalities)."""
        weights = self.weights(features, flags)
        return torch.stack([weight * each for weight, each in zip(weights.unbind(1), features, strict=True)]).sum(0)

    def weights(self, features: Sequence[Tensor], flags: Tensor) -> Tensor:
        """(N, modalities, 1 or C, *spatial or 1); 0 where absent, their sum over the modalities 1."""
        there = flags.view(*flags.shape, *[1] * (features[0].ndim - 1))
        seen = features
        if self.per == "channel":
            seen = [each.mean(dim=tuple(range(2, each.ndim)), keepdim=True) for each in features]
        mean = torch.stack(list(seen)).sum(0) / there.sum(1)
        common = self.common(mean)
        scores = torch.stack([self.score(torch.relu(self.own(each) + common)) for each in seen], dim=1)
        return torch.softmax(scores.float().masked_fill(~there, -torch.inf), dim=1)
