"""What is looked at after a step: the mean loss, validations, and whether the run ends before its last step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from storage.base.clock import Clock
from training.data import GridCase
from training.fit.duties.duty import Duty
from training.fit.held_out import chosen
from training.fit.stopping import Follower, Tally
from training.recipe import Recipe


class Watch:
    """Follows one run.

    Parameters
    ----------
    held_out : what is validated on, at most ``fit.validate_cases`` of it.
    duty : measures, and says how good a validation was. device : of the weights that are validated.

    Attributes
    ----------
    held_out : the cases of each validation. follower : how good validations were, and the best one's weights.
    """

    def __init__(self, recipe: Recipe, held_out: Sequence[GridCase], duty: Duty, device: torch.device, clock: Clock) -> None:
        self.held_out = chosen(held_out, recipe.fit.validate_cases, recipe.seed)
        self.follower, self._tally = Follower(), Tally()
        self._fit, self._duty, self._device, self._clock = recipe.fit, duty, device, clock

    def validate(self, averaged: nn.Module) -> dict[str, float]:
        """Figures of these weights on the held-out cases, and the seconds that they took."""
        started_s = self._clock.monotonic_s()
        with torch.inference_mode():
            figures = self._duty.validate(averaged, self.held_out, self._device)
        figures["validation_s"] = self._clock.monotonic_s() - started_s
        return figures

    def take(self, step: int, figures: dict[str, float], averaged: nn.Module, first: bool) -> bool:
        """Add to the figures what is due after ``step`` steps; whether the run ends here.

        Parameters
        ----------
        first : whether this is the one of several processes that validates.
        """
        fit = self._fit
        finished = step == fit.extent.steps
        validates = bool(self.held_out) and (finished or step % fit.validate_every == 0)
        self._tally.add(figures["loss"])
        if finished or validates or step % fit.log_every == 0:
            figures["mean_loss"] = self._tally.take()
        if validates and first:
            found = self.validate(averaged)
            figures |= found
            finished |= self.follower.take(step, self._duty.merit(found), averaged, fit)
        return finished

    def state(self) -> dict[str, Any]:
        """All that ``load`` needs, as plain numbers and tensors."""
        return {"follower": self.follower.state(), "tally": self._tally.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        self.follower, self._tally = Follower(**state["follower"]), Tally(**state["tally"])
