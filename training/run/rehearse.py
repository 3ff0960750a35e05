"""A run up to its first step, thrown away: what ``--dry-run`` tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from storage.base.clock import Clock
from training.data import Statement, make_statement
from training.plan import Plan
from training.recipe import Recipe
from training.run.prepare import Options, prepare_run
from training.run.progress import Track
from training.run.timing import StepClock

_SHOWN = 12


@dataclass(frozen=True)
class Rehearsal:
    """Plan, data statement, and what the whole run is estimated to take."""

    recipe: Recipe
    plan: Plan
    statement: Statement
    step_seconds: float

    @property
    def seconds(self) -> float:
        """Of fitting, without reading and measuring."""
        return self.step_seconds * self.recipe.fit.extent.steps * max(1, self.recipe.ensemble.folds)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        extent = self.recipe.fit.extent
        return {
            "name": self.recipe.name,
            "task": self.recipe.task,
            "plan": self.plan.document(),
            "steps": extent.steps,
            "batch": extent.batch,
            "patch": list(extent.patch),
            "parameters": self.plan.estimates["parameters"],
            "step_seconds": round(self.step_seconds, 4),
            "fit_seconds": round(self.seconds, 3),
            "memory_gb": self.plan.estimates["step_memory_gb"],
            "data": dict(self.statement.document),
        }

    def text(self) -> str:
        """For people."""
        extent, network = self.recipe.fit.extent, self.recipe.manifest().network
        lines = [f"{self.recipe.name}: {self.recipe.task}, {network.name} of {self.plan.estimates['parameters']:,} weights", ""]
        lines += _table(
            "Plan", {one.key: f"{one.value}  ({one.why})" for one in self.plan.decisions}, "the recipe leaves nothing open"
        )
        lines += _table("Cases", {part: _counted(told) for part, told in self.statement.document["parts"].items()}, "none")
        folds = f" x {self.recipe.ensemble.folds} folds" if self.recipe.ensemble.folds else ""
        patch = " x ".join(map(str, extent.patch))
        lines += [
            f"Fitting: {extent.steps} steps{folds} of {extent.batch} x {patch}",
            f"Estimated: {self.seconds:.0f} s of fitting at {self.step_seconds:.3g} s a step on this machine, "
            f"{self.plan.estimates['step_memory_gb']:.2f} GB for a step",
        ]
        outliers = self.statement.document["outliers"]
        lines += [f"Outliers in the data: {len(outliers)}; see the command data"] if outliers else []
        return "\n".join(lines)


def rehearse(recipe: Recipe, options: Options, clock: Clock, track: Track) -> Rehearsal:
    """Everything up to the first step, and a few steps that are thrown away. Writes nothing.

    Raises
    ------
    ConfigError
        What a run would have ended with before its first step.
    """
    prepared = prepare_run(recipe, options, clock, track)
    known = None if options.plan else prepared.plan.estimates.get("step_seconds")
    seconds = known or StepClock(list(islice(prepared.dataset.cases("train"), _SHOWN)), options.device, clock)(prepared.recipe)
    return Rehearsal(prepared.recipe, prepared.plan, make_statement(prepared.dataset), seconds)


def _counted(told: Mapping[str, Any]) -> str:
    traits = "; ".join(
        f"{trait}: {', '.join(f'{value} {count}' for value, count in values.items())}"
        for trait, values in told["traits"].items()
        if len(values) <= _SHOWN
    )
    return f"{told['cases']} in {told['groups']} groups" + (f" ({traits})" if traits else "")


def _table(title: str, rows: Mapping[str, str], empty: str) -> list[str]:
    width = max((len(key) for key in rows), default=0)
    return [f"{title}:", *([f"  {key:<{width}}  {value}" for key, value in rows.items()] or [f"  {empty}"]), ""]
