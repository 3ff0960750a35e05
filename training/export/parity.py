"""Whether the node will find what the trainer would: the fitted networks against the package that was made of them.

Both take the node's own way from the voxels. What may differ is what half precision changes: labels where two classes are all but
equal, probabilities in the third digit. More is a fault, and the export is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from inference.engine.classifier import class_probabilities
from inference.engine.heads import models_of_heads
from inference.engine.package import LoadedModel, load_package
from inference.engine.segmenter import run
from inference.pipeline import prepare_inputs
from storage.base.errors import ModelError
from training.data import Case, grid_case, inputs_of
from training.recipe import Recipe

LABEL_BOUND = 0.01
"""The largest share of a case's voxels whose label may differ."""

PROBABILITY_BOUND = 0.01
"""The most that a class probability may differ."""


@dataclass(frozen=True)
class Parity:
    """``cases`` compared; ``difference``: the largest share of voxels, or the largest difference of a probability."""

    cases: int
    difference: float
    bound: float

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {"cases": self.cases, "difference": float(f"{self.difference:.3g}"), "bound": self.bound}


def check_parity(recipe: Recipe, networks: Sequence[nn.Module], package: Path, cases: Iterable[Case]) -> Parity:
    """Compare trainer and node on some cases.

    Raises
    ------
    ModelError
        Code ``parity``: they differ by more than the bound, or the trainer's input isn't the node's; the case is named.
    """
    served = load_package(package)
    ready = tuple(network.eval() for network in networks)
    fitted = LoadedModel(served.manifest, served.digest, ready)
    pairs = [(ours, models_of_heads(served)[head]) for head, ours in models_of_heads(fitted).items()]
    largest, count = 0.0, 0
    for case in cases:
        _check_input(recipe, case, package)
        largest, count = max(largest, *(_difference(*pair, case, package) for pair in pairs)), count + 1
    return Parity(count, largest, PROBABILITY_BOUND if served.manifest.task == "classification" else LABEL_BOUND)


def _difference(fitted: LoadedModel, served: LoadedModel, case: Case, package: Path) -> float:
    """Of a single task, or of one head of several; refused above its bound."""
    classifies = served.manifest.task == "classification"
    difference = _classes(fitted, served, case) if classifies else _labels(fitted, served, case)
    if not difference <= (PROBABILITY_BOUND if classifies else LABEL_BOUND):
        what = f"a probability by {difference:.3g}" if classifies else f"{difference:.2%} of the labels"
        message = f"{package}: trainer and node differ on case {case.name}: {what}; export again, and report it if it stays"
        raise ModelError(message, code="parity")
    return difference


def _check_input(recipe: Recipe, case: Case, package: Path) -> None:
    """What the trainer learnt from must be what the node will see, bit for bit."""
    manifest, ours = recipe.manifest(), grid_case(case, recipe)
    theirs = prepare_inputs(inputs_of(case, manifest), manifest)
    if not (torch.equal(ours.image, theirs.image) and torch.equal(ours.present, theirs.present)):
        raise ModelError(f"{package}: the trainer's input of case {case.name} isn't the node's; report this", code="parity")


def _labels(fitted: LoadedModel, served: LoadedModel, case: Case) -> float:
    ours, theirs = (run(model, inputs_of(case, model.manifest)) for model in (fitted, served))
    return float((ours != theirs).mean())


def _classes(fitted: LoadedModel, served: LoadedModel, case: Case) -> float:
    ours, theirs = (class_probabilities(model, case.voxels_kji, case.affine_lps_mm) for model in (fitted, served))
    return float(np.abs(ours - theirs).max())
