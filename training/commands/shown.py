"""What the commands print: figures and documents on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from storage.base.errors import ConfigError
from training.evaluate.headline import headline
from training.evaluate.results import AS_IS, Evaluation
from training.recipe import Recipe


def show_figures(evaluation: Evaluation, as_json: bool) -> None:
    """The headline figures, or the whole evaluation as one document."""
    if as_json:
        show_document(evaluation.document())
        return
    table = Table("figure", "cases", "with 95 % interval", title=f"{len(evaluation.cases[AS_IS])} test cases")
    for line in headline(evaluation):
        table.add_row(line.what, line.way, line.figure.text())
    Console().print(table)


def show_document(document: Mapping[str, Any]) -> None:
    """One JSON document."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def show_text(text: str) -> None:
    """Text as it is."""
    sys.stdout.write(text.rstrip("\n") + "\n")


def hold_floor(recipe: Recipe, evaluation: Evaluation) -> None:
    """End with an error where the figures miss the recipe's floor.

    Raises
    ------
    ConfigError
        Code ``below-floor``.
    """
    missed = evaluation.below(recipe.floor)
    if missed:
        raise ConfigError(f"the package misses the recipe's floor: {'; '.join(missed)}", code="below-floor")
