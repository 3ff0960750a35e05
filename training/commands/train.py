"""``train``: a recipe to a measured package, or with ``--dry-run`` all that is known before the first step."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from storage.base.clock import SystemClock
from training.commands.shown import hold_floor, show_document, show_figures, show_text
from training.recipe import read_recipe
from training.run.prepare import Options
from training.run.progress import Track
from training.run.rehearse import rehearse
from training.run.single import train


def run(recipe: Path, profile: str, out: Path | None, options: Options, as_json: bool, progress: Console) -> None:
    """Fit a recipe, export the package, measure it and show the figures."""
    content = read_recipe(recipe, profile)
    folder = out or Path("runs") / content.name
    finished = train(content, folder, options, SystemClock(), Track(progress))
    show_figures(finished.evaluation, as_json)
    progress.print(f"package: {finished.package}", markup=False, soft_wrap=True)
    progress.print(f"report: {folder / 'report.html'}", markup=False, soft_wrap=True)
    hold_floor(content, finished.evaluation)


def dry_run(recipe: Path, profile: str, options: Options, as_json: bool, progress: Console) -> None:
    """Check, plan and try one step; nothing is written."""
    rehearsal = rehearse(read_recipe(recipe, profile), options, SystemClock(), Track(progress))
    if as_json:
        show_document(rehearsal.document())
    else:
        show_text(rehearsal.text())
