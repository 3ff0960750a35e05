"""``python -m training``: from labelled data to a package. Exit status 0 done, 1 failed, 2 wrong use.

``training.commands`` is imported inside the commands that need it: it brings torch, which takes seconds.
"""

from __future__ import annotations

import logging
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from storage.base.errors import ConfigError, WetreadError
from training.phantom.body import make_phantom
from training.phantom.files import write_dicom, write_nifti

app = typer.Typer(add_completion=False, no_args_is_help=True, help="From labelled data to a model package, offline.")
_PROGRESS = Console(stderr=True)


class Tracker(StrEnum):
    """Further copies of a run's figures."""

    TENSORBOARD = "tensorboard"
    MLFLOW = "mlflow"


class Explanation(StrEnum):
    """Maps of where a network looks."""

    GRAD_CAM = "grad-cam"
    OCCLUSION = "occlusion"


Package = Annotated[Path, typer.Argument(help="A package's folder, or that of a run which exported one.")]
RecipePath = Annotated[Path, typer.Argument(help="The recipe: a YAML file, or the name of one that ships.")]
Profile = Annotated[str, typer.Option("--profile", help="Which of the recipe's profiles, such as cpu or full; else the first.")]
Data = Annotated[Path | None, typer.Option("--data", help="The folder that holds the recipe's data.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, or cuda:N for the N-th accelerator.")]
Processes = Annotated[int, typer.Option("--processes", min=1, help="Processes on this machine that share each batch.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="CPU threads; the same number gives the same weights.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, and nothing else there.")]
RunFolder = Annotated[Path | None, typer.Option("--out", help="The run's folder, else runs/NAME; a stopped run goes on.")]
Plan = Annotated[Path | None, typer.Option("--plan", help="The plan.json of another run of this recipe, to repeat it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, try a few steps, tell the plan; write nothing.")]
Track = Annotated[list[Tracker] | None, typer.Option("--track", help="Write the curves for this viewer too; may be repeated.")]


@app.command()
def train(
    recipe: RecipePath,
    profile: Profile = "",
    data: Data = None,
    out: RunFolder = None,
    device: Device = "cpu",
    processes: Processes = 1,
    plan: Plan = None,
    dry_run: DryRun = False,
    track: Track = None,
    threads: Threads = 2,
    as_json: Json = False,
) -> None:
    """Fit a recipe, export the package and measure it on the test part."""
    from training.commands import train as command
    from training.run.prepare import Options

    _use(threads)
    options = Options(data, device, processes, plan, tuple(one.value for one in track or ()))
    if dry_run:
        command.dry_run(recipe, profile, options, as_json, _PROGRESS)
    else:
        command.run(recipe, profile, out, options, as_json, _PROGRESS)


@app.command()
def evaluate(
    package: Package,
    recipe: RecipePath,
    profile: Profile = "",
    data: Data = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write report.html and report.json into this folder.")] = None,
    explain: Annotated[Explanation | None, typer.Option("--explain", help="Add maps of where the network looks.")] = None,
    threads: Threads = 2,
    as_json: Json = False,
) -> None:
    """Measure a package on the test part of a recipe's data, as it is and mirrored."""
    from training.commands import evaluate as command
    from training.run.prepare import Options

    _use(threads)
    command.run(package, recipe, profile, Options(data), report, explain.value if explain else "", as_json, _PROGRESS)


@app.command()
def export(
    recipe: RecipePath,
    run: Annotated[Path, typer.Option("--run", help="Folder of the run whose checkpoint is exported.")],
    out: Annotated[Path, typer.Option("--out", help="The package's folder.")],
    profile: Profile = "",
) -> None:
    """Write the package of a run as far as it has come, without measuring it; it gets no model card."""
    from training.commands import export as command

    command.run(recipe, profile, run, out, _PROGRESS)


@app.command()
def ship(
    package: Package,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="The recipe, else the shipped one of the package's name.")
    ] = None,
    into: Annotated[Path | None, typer.Option("--into", help="The folder of packages, else inference/bundles.")] = None,
) -> None:
    """Put a finished run's package among those that ship, if it is what its recipe says and its terms allow it."""
    from training.commands import ship as command

    command.run(package, recipe, into, _PROGRESS)


@app.command()
def compare(
    file: Annotated[Path, typer.Argument(help="YAML: a base recipe, variants of it, seeds.")],
    data: Data = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of all runs and the table, else runs/FILE.")] = None,
    device: Device = "cpu",
    processes: Processes = 1,
    threads: Threads = 2,
    as_json: Json = False,
) -> None:
    """Fit variants of a recipe and tell what each changes, on the same test cases; finished ones aren't fitted again."""
    from training.commands import compare as command
    from training.run.prepare import Options

    _use(threads)
    command.run(file, out, Options(data, device, processes), as_json, _PROGRESS)


@app.command()
def data(recipe: RecipePath, profile: Profile = "", folder: Data = None, as_json: Json = False) -> None:
    """Read and check a recipe's data and state what they hold."""
    from training.commands import data as command

    command.run(recipe, profile, folder, as_json, _PROGRESS)


@app.command("import-nnunet")
def import_nnunet(
    folder: Annotated[Path, typer.Argument(help="A data set in nnU-Net's layout, with dataset.json.")],
    out: Annotated[Path | None, typer.Option("--out", help="The recipe to write, else standard output.")] = None,
) -> None:
    """Make a recipe for a data set in nnU-Net's layout; the data are read where they are."""
    from training.commands import data as command

    command.import_nnunet(folder, out, _PROGRESS)


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
        _PROGRESS.print(f"error: {error.message}", markup=False, soft_wrap=True, highlight=False)
        sys.exit(1)


def _use(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


if __name__ == "__main__":
    main()
