"""What the networks of several modalities have in common: a U-Net's parts, and a forward that is told what is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from inference.networks.arguments import whole_list
from inference.networks.base import Network, check_size
from inference.networks.fusion.presence import Presence, presence_of
from inference.networks.layers import UP, Norm, pair

CHANNELS = (16, 32, 64, 128)


class FusionNetwork(Network):
    """A segmenter of several images of one patient on one grid.

    Attributes
    ----------
    modalities : how many channels the input has, one for each.
    levels : of the encoder; each spatial size must be a multiple of ``2 ** (levels - 1)``.
    """

    takes_presence = True
    modalities: int
    levels: int

    @classmethod
    def multiple(cls, arguments: Mapping[str, Any]) -> int:
        return 1 << (len(widths_of(arguments.get("channels", CHANNELS))) - 1)

    def forward(self, image: Tensor, present: Tensor | None = None) -> Tensor:
        """Logits (N, out_channels, [K,] J, I).

        Parameters
        ----------
        image : float (N, modalities, [K,] J, I). What an absent modality's channel holds is of no consequence.
        present : bool (N, modalities); None: every case has every modality.

        Raises
        ------
        ModelError
            Code ``network-invalid``: a size or a number of channels or flags that doesn't fit, or a case without any modality.
        """
        check_size(image, 1 << (self.levels - 1))
        return self.fuse(image, presence_of(image, present, self.modalities))

    def fuse(self, image: Tensor, presence: Presence) -> Tensor:
        """``forward`` on what has been checked."""
        raise NotImplementedError


def widths_of(channels: object) -> list[int]:
    """The argument ``channels``: the width of each level, finest first."""
    return whole_list("channels", channels, fewest=2)


def down_blocks(dims: int, widths: Sequence[int], norm: Norm) -> list[nn.Sequential]:
    """The encoder of a U-Net for one channel, finest level first."""
    inners = [1, *widths[:-1]]
    return [
        pair(dims, inner, outer, norm, stride=1 if level == 0 else 2)
        for level, (inner, outer) in enumerate(zip(inners, widths, strict=True))
    ]


def up_blocks(dims: int, widths: Sequence[int], norm: Norm) -> tuple[list[nn.Module], list[nn.Module]]:
    """The decoder of a U-Net, coarsest step first: what doubles the size, and what merges in the encoder's features."""
    rising = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
    ups: list[nn.Module] = [UP[dims](inner, outer, kernel_size=2, stride=2, bias=False) for inner, outer in rising]
    return ups, [pair(dims, 2 * outer, outer, norm) for _, outer in rising]


def descend(down: Iterable[nn.Module], image: Tensor) -> list[Tensor]:
    """Features of each level, finest first."""
    features, levels = image, []
    for blocks in down:
        features = blocks(features)
        levels.append(features)
    return levels


def climb(ups: Iterable[nn.Module], merges: Iterable[nn.Module], levels: Sequence[Tensor]) -> Tensor:
    """The decoder's finest features from the encoder's, finest first."""
    *skips, features = levels
    for up, merge, skip in zip(ups, merges, reversed(skips), strict=True):
        features = merge(torch.cat([up(features), skip], dim=1))
    return features


def by_level(encoders: Sequence[Sequence[nn.Module]]) -> nn.ModuleList:
    """The same parts of several modalities, level by level, so that a stage is a depth: ``down.{level}.{modality}``."""
    return nn.ModuleList(nn.ModuleList(parts) for parts in zip(*encoders, strict=True))


def of_modality(levels: nn.ModuleList, modality: int) -> list[nn.Module]:
    """One modality's parts of what `by_level` made."""
    return [parts[modality] for parts in levels if isinstance(parts, nn.ModuleList)]
