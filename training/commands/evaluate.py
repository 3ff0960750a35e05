"""``evaluate``: a package, or a run's, on the test part of a recipe's data."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal

from rich.console import Console

from inference.engine.package import LoadedModel, load_package
from storage.base.clock import SystemClock
from storage.base.errors import ConfigError
from training.commands.shown import hold_floor, show_figures
from training.data import DataSet, read_parts
from training.evaluate.page.details import Details
from training.evaluate.page.report import write_report
from training.evaluate.pictures import Picture
from training.explain.explain import MethodName, explain, sanity_of
from training.recipe import read_recipe
from training.run.member import Desk
from training.run.prepare import Options
from training.run.progress import Track
from training.run.report import measure

_EXPLAINED = 8


def run(
    package: Path,
    recipe: Path,
    profile: str,
    options: Options,
    report: Path | None,
    explained: Literal["", "grad-cam", "occlusion"],
    as_json: bool,
    progress: Console,
) -> None:
    """Measure and show; with ``report`` also the whole report, with ``explained`` maps of where the network looks."""
    clock, track = SystemClock(), Track(progress)
    if explained and report is None:
        raise ConfigError("--explain: its maps go into a report; name a folder by --report", code="no-report")
    content = read_recipe(recipe, profile)
    model = load_package(package_of(package))
    dataset = read_parts(content, options.data)
    measured = measure(content, model, dataset, Desk(options, clock, track))
    show_figures(measured.evaluation, as_json)
    if report is not None:
        details = _explained(measured.details, model, dataset, explained) if explained else measured.details
        page = write_report(measured.evaluation, report, details)
        progress.print(f"report: {page}", markup=False, soft_wrap=True)
    hold_floor(content, measured.evaluation)


def package_of(path: Path) -> Path:
    """The package's folder: the path itself, or the one package of a run's folder.

    Raises
    ------
    ConfigError
        Code ``no-package``.
    """
    if (path / "configs" / "wetread.json").is_file():
        return path
    found = sorted(manifest.parent.parent for manifest in path.glob("package/*/configs/wetread.json"))
    if len(found) != 1:
        what = "no package, and no run that exported one" if not found else "a run with several packages"
        raise ConfigError(f"{path}: {what}; name a package's folder", code="no-package")
    return found[0]


def _explained(details: Details, model: LoadedModel, dataset: DataSet, method: MethodName) -> Details:
    """Maps of the first test cases, and whether the method says anything of this network at all."""
    cases = list(islice(dataset.cases("test"), _EXPLAINED))
    maps = [explain(model, case, method) for case in cases]
    told = [f"{case.name}, {method}, class {found.value}" for case, found in zip(cases, maps, strict=True)]
    pictures = [Picture(caption, found.png()) for caption, found in zip(told, maps, strict=True)]
    return replace(details, explanations=pictures, sanity=sanity_of(model, cases, method).document())
