"""Deep supervision: one loss at every resolution of the decoder (Lee et al. 2015, arXiv:1409.5185; weights as nnU-Net's)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from training.losses.choose import LossFunction


def deep_supervised(loss: LossFunction, weights: Sequence[float] = ()) -> Callable[[Sequence[Tensor], Tensor], Tensor]:
    """The weighted mean of ``loss`` over logits of several resolutions.

    Parameters
    ----------
    weights : by resolution, the full one first; empty: 1, 1/2, 1/4 … They are divided by their sum.

    Returns
    -------
    A function of (logits by resolution, finest first; target int64 at the finest). ValueError when the weights don't match.
    """

    def over_scales(scales: Sequence[Tensor], target: Tensor) -> Tensor:
        shares = list(weights) or [0.5**n for n in range(len(scales))]
        if len(shares) != len(scales) or not scales:
            raise ValueError(f"{len(scales)} resolutions for {len(shares)} weights")
        losses = [loss(logits, coarser(target, logits.shape[2:])) for logits in scales]
        return torch.stack([share * each for share, each in zip(shares, losses, strict=True)]).sum() / sum(shares)

    return over_scales


def coarser(target: Tensor, size: Sequence[int]) -> Tensor:
    """The target (N, *spatial) at another size: each new voxel takes the old voxel that its centre lies in."""
    for axis, new in enumerate(size, start=1):
        old = target.shape[axis]
        if old != new:
            index = (2 * torch.arange(new, device=target.device) + 1) * old // (2 * new)
            target = target.index_select(axis, index)
    return target
