"""The loss that a recipe asks for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from storage.base.errors import ConfigError
from training.losses.cross_entropy import cross_entropy, focal_loss
from training.losses.dice import dice_loss
from training.losses.squares import mean_squared_error
from training.recipe.parts.loss import Loss

LossFunction = Callable[[Tensor, Tensor], Tensor]
"""Called with logits (N, classes, *spatial) or (N, classes), any float type, and target int64 (N, *spatial) or (N,)."""


def make_loss(loss: Loss, task: str, classes: int) -> LossFunction:
    """The function that ``loss`` describes.

    Parameters
    ----------
    task : ``segmentation`` or ``classification``. classes : channels of the logits, background included.

    Raises
    ------
    ConfigError
        Code ``recipe-invalid``: ``loss.class_weights`` isn't one number a class.
    """
    weights = loss.class_weights
    if weights and len(weights) != classes:
        raise ConfigError(f"loss.class_weights: {len(weights)} numbers for {classes} classes; correct it", code="recipe-invalid")
    background = task == "classification" if loss.background == "auto" else loss.background
    dice = partial(dice_loss, epsilon=loss.epsilon, background=background, over=loss.dice_over)
    entropy = partial(cross_entropy, class_weights=weights, label_smoothing=loss.label_smoothing)

    def both(logits: Tensor, target: Tensor) -> Tensor:
        return loss.dice_weight * dice(logits, target) + entropy(logits, target)

    functions: dict[str, LossFunction] = {
        "dice": dice,
        "cross_entropy": entropy,
        "mse": mean_squared_error,
        "focal": partial(focal_loss, gamma=loss.focal_gamma, class_weights=weights),
        "dice_cross_entropy": both,
    }
    return functions[loss.kind]
