"""The commands that fit and measure; apart from ``training.__main__`` so that making a phantom never waits for torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from storage.base.clock import SystemClock
from storage.base.errors import ConfigError
from training.evaluate.measure import Evaluation
from training.export.package import export_package
from training.fit.trainer import Trainer
from training.recipe import Recipe, read_recipe
from training.run.progress import Track
from training.run.single import measure, train


def train_recipe(recipe: Path, out: Path | None, data: Path | None, threads: int, as_json: bool, progress: Console) -> None:
    """Fit a recipe, export the package, measure it and show the figures."""
    torch.set_num_threads(threads)
    content = read_recipe(recipe)
    folder = out or Path("runs") / content.manifest().name
    package, evaluation = train(content, folder, data, SystemClock(), Track(progress))
    _show(evaluation, as_json)
    progress.print(f"package: {package}")
    _hold_floor(content, evaluation)


def evaluate_package(package: Path, recipe: Path, data: Path | None, threads: int, as_json: bool, progress: Console) -> None:
    """Measure a package on the test part of a recipe's data and show the figures."""
    torch.set_num_threads(threads)
    content = read_recipe(recipe)
    evaluation = measure(content, package, data, Track(progress))
    _show(evaluation, as_json)
    _hold_floor(content, evaluation)


def export_run(recipe: Path, run: Path, out: Path, progress: Console) -> None:
    """Write the package of a run's checkpoint, unmeasured."""
    content = read_recipe(recipe)
    trainer = Trainer(content, [])
    trainer.resume(run / "checkpoint.pt")
    export_package(content, trainer.averaged, out)
    progress.print(f"package of step {trainer.step}: {out}")


def _show(evaluation: Evaluation, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(evaluation.document(), indent=2) + "\n")
        return
    table = Table("figure", "cases", "with 95 % interval", title=f"{len(evaluation.cases['as is'])} test cases")
    for line in evaluation.headline():
        table.add_row(line.what, line.way, line.figure.text())
    Console().print(table)


def _hold_floor(recipe: Recipe, evaluation: Evaluation) -> None:
    missed = evaluation.below(recipe.floor)
    if missed:
        raise ConfigError(f"the package misses the recipe's floor: {'; '.join(missed)}", code="below-floor")
