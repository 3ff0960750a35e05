"""``python -m training``: train, evaluate, export, phantom. Exit status 0 done, 1 failed, 2 wrong use."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from storage.base.clock import SystemClock
from storage.base.errors import ConfigError, WetreadError
from training.console import Track
from training.data import grid_case, read_cases
from training.evaluate import Evaluation
from training.export import export_package
from training.fit import Trainer
from training.phantom.body import make_phantom
from training.phantom.files import write_dicom, write_nifti
from training.recipe import Recipe, read_recipe
from training.run import measure, train

app = typer.Typer(add_completion=False, no_args_is_help=True, help="From labelled data to a model package, offline.")
_PROGRESS = Console(stderr=True)

RecipePath = Annotated[Path, typer.Argument(help="The recipe (YAML).")]
Data = Annotated[Path | None, typer.Option("--data", help="Folder with images/ and labels/, for recipes that read NIfTI files.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="CPU threads; the same number gives the same weights.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command("train")
def train_command(
    recipe: RecipePath,
    out: Annotated[
        Path | None, typer.Option("--out", help="The run's folder; runs/NAME by default. A stopped run goes on.")
    ] = None,
    data: Data = None,
    threads: Threads = 2,
    as_json: Json = False,
) -> None:
    """Fit a recipe, export the package and measure it on the test part."""
    torch.set_num_threads(threads)
    content = read_recipe(recipe)
    folder = out or Path("runs") / content.manifest().name
    package, evaluation = train(content, folder, data, SystemClock(), Track(_PROGRESS))
    _show(evaluation, as_json)
    _PROGRESS.print(f"package: {package}")
    _hold_floor(content, evaluation)


@app.command("evaluate")
def evaluate_command(
    package: Annotated[Path, typer.Argument(help="The package's folder.")],
    recipe: RecipePath,
    data: Data = None,
    threads: Threads = 2,
    as_json: Json = False,
) -> None:
    """Measure a package on the test part of a recipe's data, as it is and mirrored."""
    torch.set_num_threads(threads)
    content = read_recipe(recipe)
    evaluation = measure(content, package, data, Track(_PROGRESS))
    _show(evaluation, as_json)
    _hold_floor(content, evaluation)


@app.command("export")
def export_command(
    recipe: RecipePath,
    run: Annotated[Path, typer.Option("--run", help="Folder of the run whose checkpoint is exported.")],
    out: Annotated[Path, typer.Option("--out", help="The package's folder.")],
    data: Data = None,
) -> None:
    """Write the package of a run as far as it has come, without measuring it; it gets no model card."""
    content = read_recipe(recipe)
    first = [grid_case(next(iter(read_cases(content, "train", data))), content)]
    trainer = Trainer(content, first)
    trainer.resume(run / "checkpoint.pt")
    export_package(content, trainer.averaged, out)
    _PROGRESS.print(f"package of step {trainer.step}: {out}")


@app.command("phantom")
def phantom_command(
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which phantom.")] = 1,
    dicom: Annotated[Path | None, typer.Option("--dicom", help="Write a CT study into this folder.")] = None,
    nifti: Annotated[Path | None, typer.Option("--nifti", help="Write images/ and labels/ into this folder.")] = None,
    size: Annotated[tuple[int, int, int], typer.Option("--size", help="Slices, rows, columns.")] = (120, 512, 512),
    spacing: Annotated[tuple[float, float, float], typer.Option("--spacing", help="Millimetres, in that order.")] = (
        2.5,
        0.8,
        0.8,
    ),
) -> None:
    """Make a CT phantom of the trunk."""
    if dicom is None and nifti is None:
        raise typer.BadParameter("name a folder by --dicom or --nifti")
    if min(size) < 1 or min(spacing) <= 0:
        raise typer.BadParameter("--size and --spacing take positive numbers")
    with _PROGRESS.status("painting the phantom"):
        phantom = make_phantom(seed, size, spacing)
    try:
        if dicom is not None:
            write_dicom(phantom, dicom, seed)
        if nifti is not None:
            write_nifti(phantom, nifti, seed)
    except OSError as error:
        raise ConfigError(
            f"{dicom or nifti}: can't be written ({error.strerror}); name another folder", code="not-writable"
        ) from error


def _show(evaluation: Evaluation, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(evaluation.document(), indent=2) + "\n")
        return
    table = Table("Dice", "volumes", "mean", "median", "least", title=f"{len(evaluation.cases['as is'])} test cases")
    for way, labels in evaluation.figures.items():
        for name, figure in labels.items():
            table.add_row(name, way, *(f"{figure[key]:.4f}" for key in ("mean", "median", "least")))
    Console().print(table)


def _hold_floor(recipe: Recipe, evaluation: Evaluation) -> None:
    missed = evaluation.below(recipe.floor)
    if missed:
        raise ConfigError(f"the package misses the recipe's floor: {'; '.join(missed)}", code="below-floor")


def main() -> None:
    """Run a command; what is known to go wrong ends in one line and exit status 1."""
    logging.captureWarnings(True)
    try:
        app()
    except WetreadError as error:
        _PROGRESS.print(f"error: {error.message}", markup=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
