"""The feature pyramid: the meaning of coarse features at every resolution (Lin et al. 2017, arXiv:1612.03144)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from inference.networks.layers import convolve


class Pyramid(nn.Module):
    """Lateral 1 × 1 convolutions, a sum from coarse to fine, and a 3 × 3 convolution at each level.

    Parameters
    ----------
    dims : spatial dimensions.
    inners : channels of the encoder's maps, finest first. outer : channels of every level of the pyramid.

    Forward: maps (N, inner, ...), each half the size of the one before, to as many (N, outer, ...).
    """

    def __init__(self, dims: int, inners: Sequence[int], outer: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(convolve(dims, inner, outer, kernel=1, bias=True) for inner in inners)
        self.smooth = nn.ModuleList(convolve(dims, outer, outer, bias=True) for _ in inners)
        for layer in (*self.lateral, *self.smooth):
            nn.init.kaiming_uniform_(layer.weight, a=1)
            nn.init.zeros_(layer.bias)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        sums = [lateral(features) for lateral, features in zip(self.lateral, maps, strict=True)]
        for level in range(len(sums) - 2, -1, -1):
            sums[level] = sums[level] + double(sums[level + 1])
        return [smooth(features) for smooth, features in zip(self.smooth, sums, strict=True)]


def double(features: Tensor) -> Tensor:
    """Each cell twice on every spatial axis; unlike `interpolate` deterministic in both directions on every device."""
    for axis in range(2, features.ndim):
        shape = [*features.shape[: axis + 1], 2, *features.shape[axis + 1 :]]
        features = features.unsqueeze(axis + 1).expand(shape).flatten(axis, axis + 1)
    return features
