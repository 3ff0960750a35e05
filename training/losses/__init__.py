"""What is minimised."""

from __future__ import annotations

from training.losses.choose import LossFunction, make_loss
from training.losses.scales import deep_supervised

__all__ = ["LossFunction", "deep_supervised", "make_loss"]
