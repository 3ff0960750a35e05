"""Measures a package, as the node would run it, on one part of a recipe's data.

Every case goes through ``inference.engine`` from its own grid and back onto it. Where a model learnt mirrored, each case is
measured a second time with its voxels mirrored from left to right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inference.engine.segmenter import LoadedModel, label_volume
from training.data import Case
from training.evaluate.dice import dice, summary
from training.recipe import Recipe


@dataclass(frozen=True)
class Evaluation:
    """``figures``: way ("as is", "mirrored") to label name to mean, median, least Dice. ``cases``: the same per case name."""

    figures: dict[str, dict[str, dict[str, float]]]
    cases: dict[str, dict[str, dict[str, float]]]

    def below(self, floor: dict[str, float]) -> list[str]:
        """What misses the recipe's floor, in words."""
        return [
            f"{label} {way}: mean Dice {self.figures[way][label]['mean']} is below {least}"
            for way in self.figures
            for label, least in floor.items()
            if self.figures[way][label]["mean"] < least
        ]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {"cases": len(self.cases["as is"]), "dice": self.figures, "dice_by_case": self.cases}


def mirrored(case: Case) -> Case:
    """The case with voxels and labels flipped along the array axis that runs most from left to right."""
    axis_ijk = int(np.argmax(np.abs(case.affine_lps_mm[0, :3])))
    axis = 2 - axis_ijk
    voxels = np.ascontiguousarray(np.flip(case.voxels_ckji, axis + 1))
    labels = np.ascontiguousarray(np.flip(case.mask_kji, axis))
    return replace(case, voxels_ckji=voxels, labels_kji=labels)


def evaluate(model: LoadedModel, recipe: Recipe, cases: Iterable[Case], done: Callable[[], None] = lambda: None) -> Evaluation:
    """Dice of every label on the cases' own grids.

    Parameters
    ----------
    cases : at least one.
    done : called after each case.
    """
    ways = ["as is", "mirrored"] if recipe.augment.mirror_axes else ["as is"]
    by_case: dict[str, dict[str, dict[str, float]]] = {way: {} for way in ways}
    for case in cases:
        for way in ways:
            by_case[way][case.name] = _measure(model, case if way == "as is" else mirrored(case))
        done()
    names = [label.name for label in model.manifest.labels]
    figures = {way: {name: summary([row[name] for row in by_case[way].values()]) for name in names} for way in ways}
    return Evaluation(figures, by_case)


def _measure(model: LoadedModel, case: Case) -> dict[str, float]:
    predicted = label_volume(model, case.voxels_kji, case.affine_lps_mm)
    return {label.name: round(dice(predicted, case.mask_kji, label.value), 4) for label in model.manifest.labels}
