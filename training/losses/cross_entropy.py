"""Cross-entropy and focal loss, from logits, finite for every finite logit.

Written out instead of ``F.cross_entropy``, whose spatial kernel on CUDA is refused under deterministic algorithms, and which is
0 / 0 when every voxel is of a class of weight 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training.losses.classes import full_precision, one_hot


def cross_entropy(logits: Tensor, target: Tensor, class_weights: Sequence[float] = (), label_smoothing: float = 0.0) -> Tensor:
    """The mean of ``-w_t log p_t``, weighted: divided by the sum of the weights ``w_t``; 0 when they sum to 0.

    Parameters
    ----------
    logits : (N, classes, *spatial). target : int64 (N, *spatial).
    class_weights : by class, background first; empty for all alike. Large ones keep small classes from dying out before a Dice
        term can see them.
    label_smoothing : the share s of the truth that is spread evenly over all classes: ``(1 - s) y + s / classes``.
    """
    scores = torch.log_softmax(full_precision(logits), dim=1)
    truth = one_hot(target, scores)
    wanted = truth * (1 - label_smoothing) + label_smoothing / scores.shape[1] if label_smoothing else truth
    weights = _by_class(class_weights, scores)
    if weights is None:
        return -(wanted * scores).sum(1).mean()
    total = (truth * weights).sum()
    counts = total > 0
    return torch.where(counts, -(wanted * weights * scores).sum() / torch.where(counts, total, 1.0), 0.0)


def focal_loss(logits: Tensor, target: Tensor, gamma: float = 2.0, class_weights: Sequence[float] = ()) -> Tensor:
    """The mean of ``-w_t (1 - p_t)^gamma log p_t`` (Lin et al. 2017, arXiv:1708.02002, equation 5).

    ``1 - p_t`` is taken as the sum of the other classes' probabilities, in logarithms: so it neither cancels to 0 nor has the
    infinite slope that ``(1 - p)^gamma`` has at p = 1 for gamma below 1.

    Parameters
    ----------
    logits : (N, classes, *spatial), two classes or more. target : int64 (N, *spatial).
    class_weights : Lin's alpha by class, background first; the mean is not divided by them. Empty: 1.
    """
    scores = torch.log_softmax(full_precision(logits), dim=1)
    truth = one_hot(target, scores)
    others = torch.logsumexp(scores.masked_fill(truth.bool(), -torch.inf), dim=1)
    loss = -torch.exp(gamma * others) * (truth * scores).sum(1)
    weights = _by_class(class_weights, scores)
    return (loss if weights is None else loss * (truth * weights).sum(1)).mean()


def _by_class(weights: Sequence[float], like: Tensor) -> Tensor | None:
    if not weights:
        return None
    return like.new_tensor(weights).view(1, -1, *[1] * (like.dim() - 2))
