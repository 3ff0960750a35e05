"""How the losses of several tasks become one: by fixed weights, or by weights that are learned with the network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from storage.base.errors import ConfigError

Kind = Literal["entropy", "squares", "plain"]

FACTORS: dict[Kind, float] = {"entropy": 2.0, "squares": 1.0, "plain": 1.0}


class FixedWeights(nn.Module):
    """``sum w_t L_t`` over the tasks that have a loss.

    Parameters
    ----------
    weights : by task, 0 or more, one at least above 0. They aren't divided by their sum, nor made up for where a task has no
        loss, so what a task weighs doesn't depend on which others a batch has.

    Raises
    ------
    ConfigError
        Code ``recipe-invalid``, naming the task.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        for task, weight in weights.items():
            if not 0 <= weight < math.inf:
                raise ConfigError(f"the weight {weight} of the task {task} must be 0 or more; correct it", code="recipe-invalid")
        if not any(weights.values()):
            raise ConfigError("no task has a weight above 0; give one", code="recipe-invalid")
        self.of = dict(weights)

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The sum, of a number for each task that has one."""
        _check(losses, self.of)
        return torch.stack([self.of[task] * loss for task, loss in losses.items()]).sum()


class UncertaintyWeights(nn.Module):
    """``sum f_t exp(-s_t) L_t + s_t`` over the tasks that have a loss, the ``s_t`` learned.

    Kendall, Gal, Cipolla, "Multi-task learning using uncertainty to weigh losses for scene geometry and semantics" (CVPR 2018):
    ``s = log sigma^2`` of each task's noise. A likelihood of Gauss gives ``L / (2 sigma^2) + log sigma`` for squares, a scaled
    softmax about ``L / sigma^2 + log sigma`` for cross-entropy; twice that is the formula above with a factor ``f`` by the kind
    of loss. For a loss that stays, the best ``s`` is ``log(f L)``: each task then counts by its share of what is left of it.

    Parameters
    ----------
    kinds : by task. ``entropy``: f = 2; ``squares``: f = 1; ``plain``, for losses that are no likelihood, such as Dice: f = 1.
    limit : s is kept from ``-limit`` to ``limit``, so a task whose loss falls to 0 has a weight of at most ``f exp(limit)``.

    The ``s`` are parameters, to be given to the optimiser without decay of weights, and are saved with the state.

    Raises
    ------
    ConfigError
        Code ``recipe-invalid``: no task, an unknown kind, or a limit that isn't above 0.
    """

    def __init__(self, kinds: Mapping[str, Kind], limit: float = 5.0) -> None:
        super().__init__()
        wrong = [task for task, kind in kinds.items() if kind not in FACTORS]
        if wrong or not kinds:
            known = ", ".join(FACTORS)
            raise ConfigError(
                f"give each task a kind of loss, one of {known}; {wrong or 'no task'}: correct it", code="recipe-invalid"
            )
        if not 0 < limit < math.inf:
            raise ConfigError(f"the limit {limit} of the learned weights must be above 0; correct it", code="recipe-invalid")
        self.factors = {task: FACTORS[kind] for task, kind in kinds.items()}
        self.limit = limit
        self.s = nn.ParameterDict({task: nn.Parameter(torch.zeros(())) for task in kinds})

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The sum, of a number for each task that has one; moves an ``s`` beyond the limit back to it first."""
        _check(losses, self.factors)
        with torch.no_grad():  # and not in the sum, where the slope would be 0 beyond the limit and nothing came back
            for s in self.s.values():
                s.clamp_(-self.limit, self.limit)
        terms = [self.factors[task] * torch.exp(-self.s[task]) * loss + self.s[task] for task, loss in losses.items()]
        return torch.stack(terms).sum()

    def weights(self) -> dict[str, float]:
        """What each task's loss is multiplied with, for the log."""
        return {task: factor * math.exp(-float(self.s[task].detach())) for task, factor in self.factors.items()}


def _check(losses: Mapping[str, Tensor], known: Mapping[str, float]) -> None:
    strange = sorted(set(losses) - set(known))
    if strange or not losses:
        said = f"the task {strange[0]} has a loss and no weight" if strange else "no task has a loss"
        raise ConfigError(f"{said}; the tasks with a weight: {', '.join(known)}", code="recipe-invalid")
