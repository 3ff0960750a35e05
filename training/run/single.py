"""One run from recipe to measured package, in a folder that a stopped run is taken up from; ``RunFolder`` says what it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch

from inference.engine.package import LoadedModel, load_package
from storage.base.clock import Clock
from training.evaluate.calibrate import Calibrated
from training.evaluate.cost import Cost, Meter
from training.evaluate.detected.thresholds import Chosen
from training.evaluate.page.details import Table
from training.evaluate.page.report import write_report
from training.evaluate.results import Evaluation
from training.export.card import Making, model_card
from training.export.package import export_package, write_documents
from training.export.parity import Parity, check_parity
from training.recipe import Recipe
from training.run.calibration import as_manifest, calibrated, thresholds_chosen
from training.run.folder import RunFolder
from training.run.member import Desk
from training.run.networks import Fitted, fit_networks
from training.run.prepare import Options, Prepared, prepare_run
from training.run.progress import Track
from training.run.report import Measured, curves_of, measure, members_table

_PARITY_CASES = 3


@dataclass(frozen=True)
class Finished:
    """A run that is done: its package, and the figures on the test part."""

    package: Path
    evaluation: Evaluation


@dataclass(frozen=True)
class Exported:
    """A package on disk and in memory, how it was calibrated, and how near it is to the networks it was made of."""

    folder: Path
    model: LoadedModel
    calibrated: Calibrated | None
    parity: Parity
    chosen: Chosen | None = None


def train(recipe: Recipe, out: Path, options: Options, clock: Clock, track: Track) -> Finished:
    """Plan, fit, export, measure.

    Parameters
    ----------
    out : the run's folder; plan and checkpoint in it are taken up.

    Raises
    ------
    ConfigError
        Data, folder, plan or checkpoint can't be used, or another training is at work in the folder; the message names it
        and the mend.
    ModelError
        The package doesn't do what the fitted networks do.
    """
    folder, desk = RunFolder.made(out), Desk(options, clock, track)
    with folder.held():
        return _train(recipe, folder, desk)


def _train(recipe: Recipe, folder: RunFolder, desk: Desk) -> Finished:
    prepared = prepare_run(recipe, desk.options, desk.clock, desk.track, folder)
    with Meter(desk.clock) as meter:
        fitted = fit_networks(prepared, folder, desk)
    exported = export(prepared, fitted, folder.package(recipe.name), desk)
    further = {"fitting": meter.cost, "curves": curves_of(fitted)}
    measured = measure(prepared.recipe, exported.model, prepared.dataset, desk, **further)
    table = members_table(prepared.recipe, fitted, measured.evaluation, prepared.dataset, desk)
    _record(prepared, folder, exported, measured, meter.cost, table)
    return Finished(exported.folder, measured.evaluation)


def export(prepared: Prepared, fitted: Fitted, package: Path, desk: Desk) -> Exported:
    """Write the package, calibrate it on held-out cases, and compare it with the networks on a few of them."""
    recipe, dataset = prepared.recipe, prepared.dataset
    export_package(recipe, fitted.networks, package)
    model = load_package(package)
    found = calibrated(recipe, model, fitted, dataset, desk)
    chosen = thresholds_chosen(recipe, model, fitted, dataset, desk)
    rules = [*([as_manifest(found)] if found is not None else ()), *([chosen.rules] if chosen is not None else ())]
    if rules:
        export_package(recipe, fitted.networks, package, *rules)
        model = load_package(package)
    parity = check_parity(recipe, fitted.networks, package, islice(dataset.cases("validate"), _PARITY_CASES))
    return Exported(package, model, found, parity, chosen)


def _record(
    prepared: Prepared, folder: RunFolder, exported: Exported, measured: Measured, cost: Cost, table: Table | None
) -> None:
    """The run's ``metrics.json`` and report, and the package's documents."""
    recipe, evaluation = prepared.recipe, measured.evaluation
    details = replace(measured.details, tables=(table,)) if table else measured.details
    ledger = {"fitting": cost.document(), **evaluation.ledger()}
    facts = {
        "recipe": prepared.plan.made_for,
        "steps": recipe.fit.extent.steps,
        "threads": torch.get_num_threads(),
        "parity": exported.parity.document(),
    }
    folder.write("metrics.json", {**facts, **evaluation.document(), "ledger": ledger})
    folder.write("statement.json", measured.statement.document)
    write_report(evaluation, folder.path, details)
    making = Making(
        prepared.plan, cost, exported.calibrated, prepared.provenance, exported.parity, measured.statement, table, exported.chosen
    )
    documents = {"test.json": evaluation.document(), "plan.json": prepared.plan.document(), "ledger.json": ledger}
    write_documents(exported.folder, model_card(recipe, evaluation, making), documents)
