"""Which loss is fitted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from training.recipe.base import Part

LossKind = Literal["dice", "cross_entropy", "mse", "focal", "dice_cross_entropy"]


class Loss(Part):
    """``class_weights``: what a voxel or image of each class, background first, counts in the cross-entropy; empty: all alike."""

    kind: LossKind = "dice_cross_entropy"
    epsilon: float = Field(default=1.0, ge=0)
    focal_gamma: float = Field(default=2.0, ge=0)
    class_weights: tuple[float, ...] = ()
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
