"""Commands that belong to other packages and run as processes of theirs: infer, train, evaluate, export, compare.

The node never imports them; what follows the command's name is handed over as it is.
"""

from __future__ import annotations

import subprocess
import sys

import typer

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def hand_over(context: typer.Context, module: str, command: str) -> None:
    finished = subprocess.run([sys.executable, "-m", module, command, *context.args], check=False)
    raise typer.Exit(finished.returncode if finished.returncode >= 0 else 1)


def infer(context: typer.Context) -> None:
    """One model on a folder or file, without a node: PACKAGE INPUT [--out DIR]."""
    hand_over(context, "inference", "run")


def train(context: typer.Context) -> None:
    """From a recipe to a model package: RECIPE [--profile NAME] [--data DIR] [--out DIR] [--dry-run]."""
    hand_over(context, "training", "train")


def evaluate(context: typer.Context) -> None:
    """Figures of a package on the held-out cases of its recipe: PACKAGE RECIPE [--data DIR] [--report DIR]."""
    hand_over(context, "training", "evaluate")


def export(context: typer.Context) -> None:
    """The package of a run as far as it has come: RECIPE --run DIR --out PACKAGE."""
    hand_over(context, "training", "export")


def compare(context: typer.Context) -> None:
    """Variants of a recipe on the same test cases, as one table with intervals: FILE [--data DIR] [--out DIR]."""
    hand_over(context, "training", "compare")
