"""Runs that take a second or two."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from storage.base.clock import Clock
from tests.unit.training.small import TickingClock
from training.recipe import Recipe
from training.run.prepare import Options
from training.run.progress import Track
from training.run.single import Finished, train

QUIET = Track(Console(quiet=True))


def run(recipe: Recipe, out: Path, data: Path | None = None, plan: Path | None = None, clock: Clock | None = None) -> Finished:
    """A run on one core, unseen."""
    return train(recipe, out, Options(data=data, plan=plan), clock or TickingClock(), QUIET)
