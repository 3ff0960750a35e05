"""Fits one network, in one folder that a stopped run is taken up from."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from training.data import GridCase
from training.fit.trainer import Trainer
from training.recipe import Recipe
from training.run.folder import RunFolder
from training.run.progress import Track


def fit_member(
    recipe: Recipe, cases: Sequence[GridCase], held_out: Sequence[GridCase], folder: RunFolder, device: str, track: Track
) -> nn.Module:
    """Run all steps, or those that are left, and return the network that is exported.

    A finished run's checkpoint is read and no step made.
    """
    trainer = Trainer(recipe, list(cases), list(held_out), device)
    if folder.checkpoint.exists():
        trainer.resume(folder.checkpoint)
    with track.steps(trainer) as advance, _rows(trainer, folder) as write:

        def report(step: int, figures: dict[str, float]) -> None:
            advance(step, figures["loss"])
            write(step, figures)

        trainer.run(report, folder.checkpoint)
    return trainer.averaged.to("cpu")


@contextmanager
def _rows(trainer: Trainer, folder: RunFolder) -> Iterator[Callable[[int, dict[str, float]], None]]:
    """Writes a row of ``metrics.csv`` every ``fit.log_every`` steps and with each validation."""
    fresh = trainer.step == 0 or not folder.metrics.exists()
    names = ["step", "loss", "learning_rate", *_validated(trainer.recipe)]
    with folder.metrics.open("w" if fresh else "a", newline="", encoding="utf-8") as stream:
        rows: csv.DictWriter[Any] = csv.DictWriter(stream, names, restval="", extrasaction="ignore")
        if fresh:
            rows.writeheader()

        def write(step: int, figures: dict[str, float]) -> None:
            if step % trainer.recipe.fit.log_every == 0 or len(figures) > 2:
                rows.writerow({"step": step, **{key: round(value, 6) for key, value in figures.items()}})
                stream.flush()

        yield write


def _validated(recipe: Recipe) -> list[str]:
    """The names of what a validation reports."""
    if recipe.task == "classification":
        return ["auc", "accuracy", "validation loss"]
    return ["dice", *(f"dice {label['name']}" for label in recipe.package["labels"])]
