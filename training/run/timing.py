"""How long a training step takes here: measured on a trainer that is thrown away, before the first step of the run."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from storage.base.clock import Clock
from training.data import Case, grid_case
from training.fit.trainer import Trainer
from training.recipe import Recipe

_WARM_UP = 2
_TIMED = 5


class StepClock:
    """Times steps of planned recipes on a few cases; what it was told last stays in ``seconds``.

    Parameters
    ----------
    cases : of the training part, as many as a batch needs or all there are.
    """

    def __init__(self, cases: list[Case], device: str, clock: Clock) -> None:
        self._cases, self._device, self._clock = cases, device, clock
        self.seconds = 0.0

    def __call__(self, recipe: Recipe) -> float:
        """Median seconds of a few steps after the first ones, which warm up."""
        trainer = Trainer(recipe, [grid_case(case, recipe) for case in self._cases], [], self._device)
        marks = [self._clock.monotonic_s()]

        def mark(_step: int, _figures: dict[str, float]) -> None:
            marks.append(self._clock.monotonic_s())

        trainer.run(mark, None, until=min(_WARM_UP + _TIMED, recipe.fit.extent.steps))
        spans = [later - earlier for earlier, later in pairwise(marks)]
        self.seconds = median(spans[_WARM_UP:] or spans)
        return self.seconds
