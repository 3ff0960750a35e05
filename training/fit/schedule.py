"""The learning rate at every step."""

from __future__ import annotations

import math

from training.recipe.fit import Fit


def learning_rate(step: int, fit: Fit) -> float:
    """Linear warm-up, then half a cosine; over the last ``cooldown_steps`` also linearly down to zero."""
    schedule, steps = fit.schedule, fit.extent.steps
    if step < schedule.warmup_steps:
        return fit.learning_rate * (step + 1) / schedule.warmup_steps
    over = schedule.over_steps or steps
    done = (step - schedule.warmup_steps) / max(1, over - schedule.warmup_steps)
    cooling = min(1.0, (steps - step) / schedule.cooldown_steps) if schedule.cooldown_steps else 1.0
    return cooling * fit.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
