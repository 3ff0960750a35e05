"""Mean squared error of probabilities (Brier 1950, divided by the number of classes)."""

from __future__ import annotations

import torch
from torch import Tensor

from training.losses.classes import full_precision, one_hot


def mean_squared_error(logits: Tensor, target: Tensor) -> Tensor:
    """The mean of ``(p - y)^2`` over samples, classes and voxels; p is the softmax of ``logits``, y the truth, 1 or 0."""
    probabilities = torch.softmax(full_precision(logits), dim=1)
    return (probabilities - one_hot(target, probabilities)).square().mean()
