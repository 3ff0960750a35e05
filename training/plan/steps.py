"""Seconds into steps: a few steps are timed once, and the network is the widest that still learns long enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from storage.base.errors import ConfigError
from training.plan.document import Decision, decided
from training.plan.network import Draft, network_decisions
from training.plan.rules import WIDTH, WIDTHS
from training.recipe import Recipe

StepTimer = Callable[[Recipe], float]
"""Seconds of one training step of a planned recipe on this machine."""

LEAST_STEPS = 1000
_FITTING = 0.9  # the rest of the budget is for validation and checkpoints
_FEWEST = 20


def chosen(draft: Draft, before: tuple[Decision, ...], time_step: StepTimer) -> tuple[tuple[Decision, ...], dict[str, Any]]:
    """The remaining decisions, and what was measured for them.

    Raises
    ------
    ConfigError
        Code ``plan-impossible``: steps are ``auto`` and the recipe states no seconds.
    """
    if not draft.is_open("fit.steps"):
        return network_decisions(draft, WIDTH), {}
    seconds = draft.recipe.budget.seconds
    if seconds is None:
        message = "budget.seconds: is missing, and fit.steps is auto; state the seconds that fitting may take, or the steps"
        raise ConfigError(message, code="plan-impossible")
    fits = max(1, draft.recipe.ensemble.folds)
    widths = WIDTHS if any(key.startswith("package.network.arguments") for key in draft.recipe.open_keys) else (WIDTH,)
    for width in widths:
        network = network_decisions(draft, width)
        step_s = time_step(decided(draft.recipe, (*before, *network, Decision("fit.steps", LEAST_STEPS, ""))))
        steps = max(_FEWEST, int(_FITTING * seconds / fits / max(step_s, 1e-6)))
        if steps >= LEAST_STEPS:
            break
    return (*network, *_steps(draft.recipe, steps, step_s, seconds)), {"step_seconds": round(step_s, 4), "first_width": width}


def _steps(recipe: Recipe, steps: int, step_s: float, seconds: float) -> list[Decision]:
    parted = f", parted among {recipe.ensemble.folds} folds," if recipe.ensemble.folds else ""
    why = f"{_FITTING:.0%} of {seconds:g} s{parted} at {step_s:.3g} s a step, timed on this machine"
    decisions = [Decision("fit.steps", steps, why)]
    if recipe.fit.schedule.warmup_steps > steps // 10:
        decisions.append(Decision("fit.schedule.warmup_steps", steps // 10, "no more than a tenth of the steps"))
    if recipe.fit.validate_every > steps:
        decisions.append(Decision("fit.validate_every", max(1, steps // 5), "five validations in a run this short"))
    return decisions
