"""``python -m training``: train, evaluate, export, phantom. Exit status 0 done, 1 failed, 2 wrong use.

``training.commands`` is imported inside the commands that need it: it brings torch, which takes seconds.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from storage.base.errors import ConfigError, WetreadError
from training.phantom.body import make_phantom
from training.phantom.files import write_dicom, write_nifti

app = typer.Typer(add_completion=False, no_args_is_help=True, help="From labelled data to a model package, offline.")
_PROGRESS = Console(stderr=True)

Package = Annotated[Path, typer.Argument(help="The package's folder.")]
RecipePath = Annotated[Path, typer.Argument(help="The recipe (YAML).")]
Profile = Annotated[str, typer.Option("--profile", help="Which of the recipe's profiles; the first when left out.")]
Data = Annotated[Path | None, typer.Option("--data", help="The folder that holds the recipe's data.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, or cuda:N for the N-th accelerator.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="CPU threads; the same number gives the same weights.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
RunFolder = Annotated[Path | None, typer.Option("--out", help="The run's folder, runs/NAME by default; a stopped run goes on.")]


@app.command()
def train(
    recipe: RecipePath,
    profile: Profile = "",
    data: Data = None,
    out: RunFolder = None,
    device: Device = "cpu",
    plan: Annotated[Path | None, typer.Option("--plan", help="plan.json of another run, to repeat it.")] = None,
    threads: Threads = 2,
    as_json: Json = False,
) -> None:
    """Fit a recipe, export the package and measure it on the test part."""
    from training.commands.fit import train_recipe
    from training.run.prepare import Options

    train_recipe(recipe, profile, out, Options(data, device, plan=plan), threads, as_json, _PROGRESS)


@app.command()
def evaluate(
    package: Package, recipe: RecipePath, profile: Profile = "", data: Data = None, threads: Threads = 2, as_json: Json = False
) -> None:
    """Measure a package on the test part of a recipe's data, as it is and mirrored."""
    from training.commands.fit import evaluate_package

    evaluate_package(package, recipe, profile, data, threads, as_json, _PROGRESS)


@app.command()
def export(
    recipe: RecipePath,
    run: Annotated[Path, typer.Option("--run", help="Folder of the run whose checkpoint is exported.")],
    out: Annotated[Path, typer.Option("--out", help="The package's folder.")],
    profile: Profile = "",
    data: Data = None,
) -> None:
    """Write the package of a run as far as it has come, without measuring it; it gets no model card."""
    from training.commands.fit import export_run

    export_run(recipe, profile, data, run, out, _PROGRESS)


@app.command()
def phantom(
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
        made = make_phantom(seed, size, spacing)
    try:
        if dicom is not None:
            write_dicom(made, dicom, seed)
        if nifti is not None:
            write_nifti(made, nifti, seed)
    except OSError as error:
        raise ConfigError(
            f"{dicom or nifti}: can't be written ({error.strerror}); name another folder", code="not-writable"
        ) from error


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
