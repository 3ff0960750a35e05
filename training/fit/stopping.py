"""What validations decide: which weights are kept, and whether the run ends before its last step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from training.recipe.parts.fit import Fit


@dataclass
class Follower:
    """Follows how good the validations were.

    Attributes
    ----------
    best, best_step : the best figure so far and its step; None before the first validation.
    stale : validations in a row without a gain that counts.
    weights : of the best figure, where ``fit.keep`` is ``best``.
    """

    best: float | None = None
    best_step: int = 0
    stale: int = 0
    weights: dict[str, Tensor] | None = None

    def take(self, step: int, figure: float, averaged: nn.Module, fit: Fit) -> bool:
        """Take note of a validation whose duty calls it ``figure`` good, larger being better; True when the run should end."""
        least = fit.early_stopping.least_gain if fit.early_stopping else 0.0
        gained = self.best is None or figure > self.best + least
        if self.best is None or figure > self.best:
            self.best, self.best_step = figure, step
            if fit.keep == "best":
                self.weights = {key: value.detach().cpu().clone() for key, value in averaged.state_dict().items()}
        self.stale = 0 if gained else self.stale + 1
        return fit.early_stopping is not None and self.stale >= fit.early_stopping.patience

    def state(self) -> dict[str, Any]:
        """As plain numbers and tensors."""
        return {"best": self.best, "best_step": self.best_step, "stale": self.stale, "weights": self.weights}


@dataclass
class Tally:
    """The losses since the mean was last told."""

    total: float = 0.0
    count: int = 0

    def add(self, loss: float) -> None:
        """One step's loss."""
        self.total += loss
        self.count += 1

    def take(self) -> float:
        """The mean; begins anew."""
        mean = self.total / max(1, self.count)
        self.total, self.count = 0.0, 0
        return mean

    def state(self) -> dict[str, Any]:
        """As plain numbers."""
        return {"total": self.total, "count": self.count}
