"""The terms that losses of detectors are made of, each one number a value or a box, in single precision."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from inference.networks.detection.geometry.boxes import giou
from training.losses.classes import full_precision


def sigmoid_focal_loss(logits: Tensor, truth: Tensor, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """``-a_t (1 - p_t)^gamma log p_t`` of each logit (Lin et al. 2017, arXiv:1708.02002, equation 5).

    In logarithms, so that it is finite with a finite slope for every finite logit and ``gamma`` from 0.

    Parameters
    ----------
    logits, truth : of one shape; truth is 1 or 0.
    alpha : a_t where the truth is 1; it is ``1 - alpha`` elsewhere.
    """
    logits = full_precision(logits)
    there = truth > 0.5
    signed = torch.where(there, logits, -logits)
    weight = torch.where(there, alpha, 1 - alpha)
    return -weight * torch.exp(gamma * functional.logsigmoid(-signed)) * functional.logsigmoid(signed)


def binary_cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """``-(t log p + (1 - t) log(1 - p))`` of each logit; truth t from 0 to 1."""
    return functional.binary_cross_entropy_with_logits(full_precision(logits), truth.float(), reduction="none")


def smooth_l1_loss(guess: Tensor, truth: Tensor, beta: float = 1 / 9) -> Tensor:
    """Summed over the last axis: ``x² / (2 beta)`` for |x| below ``beta``, else ``|x| - beta / 2`` (Girshick 2015, equation 3).

    ``beta`` of 1/9 is that of Faster R-CNN's code; the paper's is 1.
    """
    return functional.smooth_l1_loss(full_precision(guess), truth.float(), beta=beta, reduction="none").sum(dim=-1)


def giou_loss(guess: Tensor, truth: Tensor) -> Tensor:
    """One minus the generalised IoU of each pair of boxes (n, 2 d): from 0 to 2 (Rezatofighi et al. 2019)."""
    return 1 - giou(guess, truth)
