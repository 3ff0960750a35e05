"""The learning rate at every step."""

from __future__ import annotations

import math

from training.recipe.parts.fit import Fit


def learning_rate(step: int, fit: Fit) -> float:
    """Linear warm-up, then the schedule's course; over the last ``cooldown_steps`` also linearly down to zero.

    ``cosine`` is half a cosine (Loshchilov and Hutter, SGDR, ICLR 2017, without restarts), ``poly`` is
    ``(1 - done) ** power`` (DeepLab, nnU-Net), ``constant`` stays.
    """
    schedule, steps = fit.schedule, fit.extent.steps
    if step < schedule.warmup_steps:
        return fit.learning_rate * (step + 1) / schedule.warmup_steps
    over = schedule.over_steps or steps
    done = min(1.0, (step - schedule.warmup_steps) / max(1, over - schedule.warmup_steps))
    cooling = min(1.0, (steps - step) / schedule.cooldown_steps) if schedule.cooldown_steps else 1.0
    if schedule.kind == "cosine":
        return cooling * fit.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    return cooling * fit.learning_rate * ((1 - done) ** schedule.power if schedule.kind == "poly" else 1.0)
