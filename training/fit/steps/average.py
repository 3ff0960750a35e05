"""Averaged weights (an exponential moving average; Polyak and Juditsky 1992), with batch-norm's statistics."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def average(averaged: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move ``averaged`` towards ``network``, in place: ``a <- d a + (1 - d) w``.

    ``d`` is the smaller of ``decay`` and ``(1 + step) / (10 + step)``, which lets the average leave the fresh weights soon.
    Counts are copied.
    """
    share = 1 - min(decay, (1 + step) / (10 + step))
    latest = network.state_dict()
    for key, value in averaged.state_dict().items():
        if value.is_floating_point():
            value.lerp_(latest[key], share)
        else:
            value.copy_(latest[key])
