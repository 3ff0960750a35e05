"""Soft Dice plus cross-entropy, on logits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_dice_loss(probabilities: Tensor, target: Tensor, epsilon: float = 1.0) -> Tensor:
    """``1 - (2 sum(p y) + e) / (sum(p) + sum(y) + e)``, the mean over the foreground classes, sums over the whole batch.

    Parameters
    ----------
    probabilities : (N, classes, *spatial), background first.
    target : int64 (N, *spatial).
    """
    classes = probabilities.shape[1]
    truth = F.one_hot(target, classes).movedim(-1, 1).to(probabilities.dtype)
    over = [0, *range(2, probabilities.dim())]
    overlap = (probabilities * truth).sum(over)
    total = probabilities.sum(over) + truth.sum(over)
    dice = (2 * overlap + epsilon) / (total + epsilon)
    return 1 - dice[1:].mean()


def segmentation_loss(logits: Tensor, target: Tensor, class_weights: Sequence[float] = ()) -> Tensor:
    """Soft Dice loss of the softmax plus cross-entropy.

    Parameters
    ----------
    class_weights : what a voxel of each class, background first, counts in the cross-entropy; empty for all alike. Large ones
        keep small classes from dying out before the Dice term can see them.
    """
    weight = logits.new_tensor(class_weights) if class_weights else None
    return soft_dice_loss(torch.softmax(logits, dim=1), target) + F.cross_entropy(logits, target, weight=weight)
