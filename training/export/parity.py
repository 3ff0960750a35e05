"""Whether the node will find what the trainer would: the fitted networks against the package that was made of them.

Both take the node's own way from the voxels. What may differ is what half precision changes: labels where two classes are all but
equal, probabilities in the third digit; weights of detectors stay whole. More is a fault, and the export is refused.
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
from inference.engine.detector import FoundBoxes, find_boxes
from inference.engine.heads import models_of_heads
from inference.engine.package import LoadedModel, load_package
from inference.engine.segmenter import run
from inference.pipeline import prepare_inputs
from inference.pipeline.detect import rules_of
from storage.base.errors import ModelError
from training.data import Case, grid_case, inputs_of
from training.evaluate.detection.overlap import box_iou
from training.recipe import Recipe

LABEL_BOUND = 0.01
"""The largest share of a case's voxels whose label may differ."""

PROBABILITY_BOUND = 0.01
"""The most that a class probability may differ."""


SCORE_BOUND = 0.05
"""The most that the score of a box may differ, or that a box may have which the other one lacks."""

SAME_PLACE = 0.5
"""IoU from which two boxes of a label are the same one."""


_BOUNDS = {"classification": PROBABILITY_BOUND, "detection": SCORE_BOUND}


@dataclass(frozen=True)
class Parity:
    """``cases`` compared; ``difference``: the largest share of voxels, or the largest difference of a probability or score."""

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
    return Parity(count, largest, _BOUNDS.get(served.manifest.task, LABEL_BOUND))


def _difference(fitted: LoadedModel, served: LoadedModel, case: Case, package: Path) -> float:
    """Of a single task, or of one head of several; refused above its bound."""
    task = served.manifest.task
    difference = {"classification": _classes, "detection": _boxes}.get(task, _labels)(fitted, served, case)
    if not difference <= _BOUNDS.get(task, LABEL_BOUND):
        said = {"classification": f"a probability by {difference:.3g}", "detection": f"a box's score by {difference:.3g}"}
        what = said.get(task, f"{difference:.2%} of the labels")
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


def _boxes(fitted: LoadedModel, served: LoadedModel, case: Case) -> float:
    ours, theirs = (find_boxes(model, case.voxels_kji, case.affine_lps_mm) for model in (fitted, served))
    least = rules_of(served.manifest).score
    return max(_farthest(ours, theirs, least), _farthest(theirs, ours, least))


def _farthest(ours: FoundBoxes, theirs: FoundBoxes, least: float) -> float:
    """The largest difference of a score from that of the same place; a box that the other lacks has ``least`` there."""
    overlap = box_iou(ours.boxes, theirs.boxes)
    same = (overlap >= SAME_PLACE) & (ours.labels[:, None] == theirs.labels[None])
    gaps = np.where(same, np.abs(ours.scores[:, None] - theirs.scores[None]), np.inf).min(axis=1, initial=np.inf)
    return float(np.minimum(gaps, ours.scores - least).max(initial=0.0))
