"""The soft Dice loss: V-Net's idea (Milletari et al. 2016, arXiv:1606.04797) with plain sums in the denominator."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from training.losses.classes import full_precision, one_hot


def soft_dice_loss(
    probabilities: Tensor,
    target: Tensor,
    epsilon: float = 1.0,
    background: bool = False,
    over: Literal["batch", "sample"] = "batch",
) -> Tensor:
    """``1 - (2 sum(p y) + e) / (sum(p) + sum(y) + e)`` of each class, then the mean over the classes.

    Parameters
    ----------
    probabilities : (N, classes, *spatial), background first. target : int64 (N, *spatial).
    epsilon : e. With 0, a class that is neither expected nor predicted anywhere (0 / 0) counts as found: its loss is 0, and so
        is its gradient.
    background : whether class 0 is one of the classes. over : sums over the batch, or by sample and then also their mean.
    """
    truth = one_hot(target, probabilities)
    axes = [*([0] if over == "batch" else []), *range(2, probabilities.dim())]
    overlap, total = probabilities * truth, probabilities + truth
    if axes:
        overlap, total = overlap.sum(axes), total.sum(axes)
    total = total + epsilon
    empty = total < 8 * torch.finfo(total.dtype).tiny  # and not only 0: the slope 1 / total must be a number
    dice = torch.where(empty, 1.0, (2 * overlap + epsilon) / torch.where(empty, 1.0, total))
    return 1 - dice[..., 0 if background else 1 :].mean()


def dice_loss(
    logits: Tensor, target: Tensor, epsilon: float, background: bool, over: Literal["batch", "sample"] = "batch"
) -> Tensor:
    """`soft_dice_loss` of the softmax of ``logits``."""
    return soft_dice_loss(torch.softmax(full_precision(logits), dim=1), target, epsilon, background, over)
