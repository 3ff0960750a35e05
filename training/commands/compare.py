"""``compare``: variants of one recipe, side by side."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from storage.base.clock import SystemClock
from training.commands.shown import show_document, show_text
from training.recipe.comparison import read_comparison, variant_recipes
from training.run.compare import compare
from training.run.prepare import Options
from training.run.progress import Track
from training.run.tables import document_of, markdown


def run(file: Path, out: Path | None, options: Options, as_json: bool, progress: Console) -> None:
    """Fit every variant that isn't finished, and print the table."""
    comparison = read_comparison(file)
    variants = variant_recipes(comparison, file)
    folder = out or Path("runs") / file.stem
    found = compare(variants, comparison.candidates, folder, options, SystemClock(), Track(progress))
    if as_json:
        show_document({"format": 1, "against": found.against, "rows": [document_of(row) for row in found.rows]})
    else:
        show_text(markdown(found.against, found.rows, found.among))
    progress.print(f"tables: {folder / 'comparison.csv'}, .json, .md", markup=False, soft_wrap=True)
