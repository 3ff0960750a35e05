"""The samples of a step: drawn by slot, on whichever process they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from storage.base.errors import ConfigError
from training.data import GridCase
from training.fit.duties import Drawn, Duty
from training.fit.order import SAMPLES, CaseOrder, seeded
from training.fit.processes.ranks import Ranks


class Batches:
    """Draws what this process sees of each step.

    A step has ``accumulate`` batches of ``batch`` samples; each batch is shared equally among the processes, in order of rank, so
    that all of them together see what one process alone would.
    """

    def __init__(self, duty: Duty, cases: Sequence[GridCase], ranks: Ranks) -> None:
        recipe = duty.recipe
        extent = recipe.fit.extent
        if extent.batch % ranks.size:
            message = f"fit.batch: {extent.batch} can't be shared by --processes {ranks.size}; make one a multiple of the other"
            raise ConfigError(message, code="batch-indivisible")
        self._duty, self._recipe = duty, recipe
        self._cases = cases
        self._order = CaseOrder(recipe.seed, cases, recipe.fit.balance_classes) if cases else None
        self._share = extent.batch // ranks.size
        self._first = ranks.number * self._share

    def of_step(self, step: int) -> Iterator[Drawn]:
        """The batches of one step."""
        fit = self._recipe.fit
        for turn in range(fit.accumulate):
            start = (step * fit.accumulate + turn) * fit.extent.batch + self._first
            yield self._draw(range(start, start + self._share))

    def _draw(self, slots: Sequence[int]) -> Drawn:
        if self._order is None:
            raise ConfigError("data: there are no cases to train on", code="no-data")
        cases = [self._cases[self._order[slot]] for slot in slots]
        generators = [seeded(self._recipe.seed, SAMPLES, slot) for slot in slots]
        return self._duty.draw(cases, generators)
