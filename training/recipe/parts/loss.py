"""Which loss is fitted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from training.recipe.base import Part

LossKind = Literal["dice", "cross_entropy", "mse", "focal", "dice_cross_entropy"]

_WEIGHTED = ("cross_entropy", "dice_cross_entropy", "focal")
_SMOOTHED = ("cross_entropy", "dice_cross_entropy")


class TaskLoss(Part):
    """What is minimised for one task. A key that the chosen ``kind`` has no use for is refused rather than ignored.

    ``epsilon``: of the Dice loss. ``background``: whether class 0 counts in the Dice loss; ``auto``: in a classifier, where it is
    a class like the others, not in a segmentation. ``dice_over``: sums over the whole batch, or by sample and then the mean.
    ``class_weights``: what a voxel or image of each class, background first, counts in cross-entropy and focal loss; empty: all
    alike. ``dice_weight``: the share of the Dice term beside a cross-entropy of weight 1.
    """

    kind: LossKind = "dice_cross_entropy"
    epsilon: float = Field(default=1.0, ge=0)
    background: bool | Literal["auto"] = "auto"
    dice_over: Literal["batch", "sample"] = "batch"
    dice_weight: float = Field(default=1.0, gt=0)
    focal_gamma: float = Field(default=2.0, ge=0)
    class_weights: tuple[Annotated[float, Field(ge=0)], ...] = ()
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _of_use(self) -> TaskLoss:
        if self.class_weights and self.kind not in _WEIGHTED:
            raise ValueError(f"class_weights have no effect on {self.kind}; remove them or choose one of {', '.join(_WEIGHTED)}")
        if self.class_weights and not any(self.class_weights):
            raise ValueError("class_weights are all 0, so nothing would be learnt; give at least one class a weight")
        if self.label_smoothing and self.kind not in _SMOOTHED:
            raise ValueError(f"label_smoothing has no effect on {self.kind}; remove it or choose one of {', '.join(_SMOOTHED)}")
        return self


class Loss(TaskLoss):
    """What is minimised. Of several tasks at once ``heads`` says what for each, and ``weights`` how they become one: ``learned``
    with the network, or what each head's loss is multiplied with.
    """

    heads: dict[str, TaskLoss] = Field(default_factory=dict)
    weights: Literal["learned"] | dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
