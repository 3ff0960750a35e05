"""Everything that is known before the first step: data read and checked, starting weights there, a plan made or taken up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from storage.base.clock import Clock
from storage.base.errors import ConfigError
from training.data import DataSet, read_parts
from training.fit.records.trackers import TrackerName
from training.plan import Plan, fingerprint, given_plan, make_plan, multiple_fault, read_plan, write_plan
from training.recipe import Recipe
from training.run.folder import RunFolder
from training.run.progress import Track
from training.run.terms import carried_over
from training.run.timing import StepClock
from training.transfer import Provenance, provenance_of

_TIMED_CASES = 8


@dataclass(frozen=True)
class Options:
    """How a run is carried out; none of it changes what the recipe means.

    Attributes
    ----------
    data : the folder of the recipe's data.
    device : ``cpu``, ``cuda``, ``cuda:N``.
    processes : that fit together.
    plan : a plan.json of another run to repeat.
    trackers : further copies of the figures, ``tensorboard`` or ``mlflow``.
    """

    data: Path | None = None
    device: str = "cpu"
    processes: int = 1
    plan: Path | None = None
    trackers: tuple[TrackerName, ...] = ()


@dataclass(frozen=True)
class Prepared:
    """A run about to begin.

    Attributes
    ----------
    recipe : planned, its licence and attribution those of the package to be.
    provenance : of the starting weights, where there are some.
    """

    recipe: Recipe
    plan: Plan
    dataset: DataSet
    provenance: Provenance | None


def prepare_run(recipe: Recipe, options: Options, clock: Clock, track: Track, folder: RunFolder | None = None) -> Prepared:
    """Check all that can be checked, and settle the plan.

    Parameters
    ----------
    folder : the run's; a plan in it is taken up, else the new one is written into it. None: nothing is written.

    Raises
    ------
    ConfigError
        Data, starting weights, plan or budget can't be used; the message names which and the mend.
    """
    provenance = provenance_of(recipe.transfer) if recipe.transfer else None
    dataset = read_parts(recipe, options.data)
    plan = _plan(recipe, dataset, options, clock, track, folder)
    fault = multiple_fault(plan.recipe)
    if fault:
        raise ConfigError(fault, code="recipe-invalid")
    return Prepared(carried_over(plan.recipe, provenance), plan, dataset, provenance)


def _plan(recipe: Recipe, dataset: DataSet, options: Options, clock: Clock, track: Track, folder: RunFolder | None) -> Plan:
    if folder is not None and folder.plan.exists():
        return read_plan(folder.plan, recipe)
    plan = read_plan(options.plan, recipe) if options.plan else _made(recipe, dataset, options, clock, track)
    if folder is not None:
        write_plan(plan, folder.plan)
    return plan


def _made(recipe: Recipe, dataset: DataSet, options: Options, clock: Clock, track: Track) -> Plan:
    if not recipe.open_keys:
        return given_plan(recipe)
    timed = list(islice(dataset.cases("train"), _TIMED_CASES)) if recipe.fit.steps == "auto" else []
    found = fingerprint(track.cases("looking at", dataset.cases("train")), recipe.dims)
    return make_plan(recipe, found, StepClock(timed, options.device, clock))
