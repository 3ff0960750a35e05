"""What every loss begins with: single precision, and the truth as one channel a class."""

from __future__ import annotations

import torch
from torch import Tensor


def full_precision(logits: Tensor) -> Tensor:
    """Logits as float32: sums over thousands of voxels leave the range of half precision (65,504)."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def one_hot(target: Tensor, like: Tensor) -> Tensor:
    """1 where ``target`` is the channel's class, else 0: (N, *spatial) to (N, classes, *spatial), in the type of ``like``.

    By comparison, not by scatter: it needs no check of the values' range on the device, and is deterministic on CUDA.
    """
    classes = torch.arange(like.shape[1], device=target.device).view(1, -1, *[1] * (like.dim() - 2))
    return (target.unsqueeze(1) == classes).to(like.dtype)
