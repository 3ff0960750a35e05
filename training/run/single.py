"""One run from recipe to measured package, in a folder that a stopped run is taken up from; ``RunFolder`` says what it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from inference.engine.package import load_package
from inference.manifest import Classification
from storage.base.clock import Clock
from training.data import Case, DataSet, GridCase, grid_case
from training.evaluate.calibrate import Calibrated, calibrate
from training.evaluate.cost import Cost, Meter
from training.evaluate.measure import Evaluation, evaluate
from training.export.card import Making, model_card
from training.export.package import export_package, write_documents
from training.recipe import Recipe
from training.run.folder import RunFolder
from training.run.member import fit_member
from training.run.prepare import Options, Prepared, prepare_run
from training.run.progress import Track


@dataclass(frozen=True)
class Finished:
    """A run that is done: its package, the figures on the test part, and what fitting cost this time."""

    package: Path
    evaluation: Evaluation
    cost: Cost


def train(recipe: Recipe, out: Path, options: Options, clock: Clock, track: Track) -> Finished:
    """Plan, fit, export, measure.

    Parameters
    ----------
    out : the run's folder; plan and checkpoint in it are taken up.

    Raises
    ------
    ConfigError
        Data, folder, plan or checkpoint can't be used; the message names it and the mend.
    """
    folder = RunFolder.made(out)
    prepared = prepare_run(recipe, options, clock, track, folder)
    with Meter(clock) as meter:
        networks = _fitted(prepared, folder, options, clock, track)
    package = folder.package(recipe.name)
    calibrated = _export(prepared, networks, package, track)
    evaluation = measure(prepared.recipe, package, prepared.dataset, clock, track)
    _record(prepared, folder, evaluation, meter.cost, calibrated)
    return Finished(package, evaluation, meter.cost)


def measure(recipe: Recipe, package: Path, dataset: DataSet, clock: Clock, track: Track) -> Evaluation:
    """Figures of a package on the test part of a data set."""
    cases = track.cases("testing", dataset.cases("test"))
    return evaluate(load_package(package), recipe, cases, clock=clock)


def grid_cases(recipe: Recipe, cases: Iterable[Case], track: Track) -> list[GridCase]:
    """Cases brought to the model's grid."""
    return [grid_case(case, recipe) for case in track.cases("reading", cases)]


def _fitted(prepared: Prepared, folder: RunFolder, options: Options, clock: Clock, track: Track) -> list[nn.Module]:
    recipe, dataset = prepared.recipe, prepared.dataset
    cases = grid_cases(recipe, dataset.cases("train"), track)
    held_out = grid_cases(recipe, dataset.cases("validate"), track)
    return [fit_member(recipe, cases, held_out, folder, options, clock, track)]


def _export(prepared: Prepared, networks: list[nn.Module], package: Path, track: Track) -> Calibrated | None:
    """Write the package; a classifier's temperature and thresholds are fitted to the validation part where none are stated."""
    recipe = prepared.recipe
    export_package(recipe, networks, package)
    stated = recipe.package.get("classification")
    if recipe.task != "classification" or stated is not None or not recipe.evaluation.calibrate:
        return None
    found = calibrate(load_package(package), track.cases("calibrating", prepared.dataset.cases("validate")))
    export_package(recipe, networks, package, Classification(temperature=found.temperature, thresholds=found.thresholds))
    return found


def _record(prepared: Prepared, folder: RunFolder, evaluation: Evaluation, cost: Cost, calibrated: Calibrated | None) -> None:
    """The run's ``metrics.json``, and the package's documents."""
    recipe = prepared.recipe
    facts = {"steps": recipe.fit.extent.steps, "threads": torch.get_num_threads(), "fitting": cost.document()}
    folder.write("metrics.json", {**facts, **evaluation.document(), "ledger": evaluation.ledger()})
    making = Making(prepared.plan, cost, calibrated, prepared.provenance)
    write_documents(folder.package(recipe.name), model_card(recipe, evaluation, making), {"test.json": evaluation.document()})
