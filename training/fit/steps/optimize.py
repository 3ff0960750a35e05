"""The optimiser, and one step of it: scaled, clipped, refused when it isn't finite."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from storage.base.errors import ConfigError
from training.fit.steps.schedule import learning_rate
from training.recipe import Recipe
from training.transfer import parameter_groups


def make_optimizer(network: nn.Module, duty: nn.Module, recipe: Recipe) -> Optimizer:
    """AdamW (Loshchilov and Hutter, ICLR 2019), or SGD with Nesterov's momentum, over the groups of ``training.transfer``.

    What ``duty`` owns is a group of its own, at the head's rate and without decay.
    """
    fit, groups = recipe.fit, parameter_groups(network, recipe)
    own = list(duty.parameters())
    if own:
        groups.append({"params": own, "rate": 1.0, "weight_decay": 0.0})
    if fit.optimizer == "adamw":
        return AdamW(groups, lr=0.0, weight_decay=fit.weight_decay)
    return SGD(groups, lr=0.0, momentum=fit.momentum, nesterov=fit.momentum > 0, weight_decay=fit.weight_decay)


def set_rates(optimizer: Optimizer, recipe: Recipe, step: int) -> float:
    """Give every group its rate for ``step``; returns the head's."""
    rate = learning_rate(step, recipe.fit)
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate"]
    return rate


def optimize(parameters: Sequence[nn.Parameter], optimizer: Optimizer, scaler: torch.amp.GradScaler, clip_norm: float) -> float:
    """One step on the gradients of ``parameters``; returns their norm before clipping.

    A norm that isn't finite is left to the scaler where one is in use (it skips the step and lowers its scale); else no step is
    taken, and ``check_finite`` ends the run.
    """
    scaler.unscale_(optimizer)
    norm = float(nn.utils.clip_grad_norm_(parameters, clip_norm))
    if math.isfinite(norm) or scaler.is_enabled():
        scaler.step(optimizer)
        scaler.update()
    return norm


def check_finite(step: int, loss: float, norm: float, scaled: bool) -> None:
    """End a run whose loss or gradient is no number any more.

    Raises
    ------
    ConfigError
        Code ``loss-not-finite``, naming the step and the mend. The last checkpoint is from before it.
    """
    if math.isfinite(loss) and (scaled or math.isfinite(norm)):
        return
    what = "loss" if not math.isfinite(loss) else "gradient"
    mend = "lower fit.learning_rate or fit.clip_norm, lengthen fit.schedule.warmup_steps, or set fit.precision to float32"
    raise ConfigError(f"step {step + 1}: the {what} is not finite; {mend}, and begin anew", code="loss-not-finite")
