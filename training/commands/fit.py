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
from training.data import read_parts
from training.evaluate.results import Evaluation
from training.export.package import export_package
from training.fit.trainer import Trainer
from training.recipe import Recipe, read_recipe
from training.run.folder import RunFolder
from training.run.prepare import Options, prepare_run
from training.run.progress import Track
from training.run.single import measure, train


def train_recipe(
    recipe: Path, profile: str, out: Path | None, options: Options, threads: int, as_json: bool, progress: Console
) -> None:
    """Fit a recipe, export the package, measure it and show the figures."""
    torch.set_num_threads(threads)
    content = read_recipe(recipe, profile)
    folder = out or Path("runs") / content.name
    finished = train(content, folder, options, SystemClock(), Track(progress))
    show(finished.evaluation, as_json)
    progress.print(f"package: {finished.package}")
    hold_floor(content, finished.evaluation)


def evaluate_package(
    package: Path, recipe: Path, profile: str, data: Path | None, threads: int, as_json: bool, progress: Console
) -> None:
    """Measure a package on the test part of a recipe's data and show the figures."""
    torch.set_num_threads(threads)
    content = read_recipe(recipe, profile)
    evaluation = measure(content, package, read_parts(content, data), SystemClock(), Track(progress))
    show(evaluation, as_json)
    hold_floor(content, evaluation)


def export_run(recipe: Path, profile: str, data: Path | None, run: Path, out: Path, progress: Console) -> None:
    """Write the package of a run's checkpoint, unmeasured."""
    content = prepare_run(read_recipe(recipe, profile), Options(data), SystemClock(), Track(progress), RunFolder(run)).recipe
    trainer = Trainer(content, [])
    trainer.resume(run / "checkpoint.pt")
    export_package(content, [trainer.averaged], out)
    progress.print(f"package of step {trainer.step}: {out}")


def show(evaluation: Evaluation, as_json: bool) -> None:
    """The figures on standard output."""
    if as_json:
        sys.stdout.write(json.dumps(evaluation.document(), indent=2) + "\n")
        return
    table = Table("figure", "cases", "with 95 % interval", title=f"{len(evaluation.cases['as is'])} test cases")
    for line in evaluation.headline():
        table.add_row(line.what, line.way, line.figure.text())
    Console().print(table)


def hold_floor(recipe: Recipe, evaluation: Evaluation) -> None:
    """End with an error where the figures miss the recipe's floor."""
    missed = evaluation.below(recipe.floor)
    if missed:
        raise ConfigError(f"the package misses the recipe's floor: {'; '.join(missed)}", code="below-floor")
