"""A probability of each label, for a whole image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from inference.pipeline.window import forward
from training.augment import draw_batch
from training.data import GridCase
from training.fit.duties.duty import Drawn, Duty, beside
from training.losses import make_loss
from training.recipe import Recipe

_AT_ONCE = 16


class Classification(Duty):
    """Images."""

    headlines: ClassVar[tuple[str, ...]] = ("auc", "accuracy")

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._loss = make_loss(recipe.loss, recipe.task, recipe.classes)

    def draw(self, cases: Sequence[GridCase], generators: Sequence[Generator]) -> Drawn:
        return Drawn(*draw_batch(cases, self.recipe, generators))

    def loss(self, network: nn.Module, answer: Tensor, drawn: Drawn, generator: Generator) -> Tensor:
        return self._loss(answer.float(), drawn.targets)

    def figures(self) -> list[str]:
        return ["auc", "accuracy", "validation loss"]

    def validate(self, network: nn.Module, cases: Sequence[GridCase], device: torch.device) -> dict[str, float]:
        """``auc`` (mean over the labels that some cases have and others lack, each against the rest), ``accuracy``, ``validation
        loss`` (cross-entropy in nats).
        """
        placed = beside(network, device)
        truth = torch.tensor([case.class_index for case in cases])
        logits = torch.cat([forward(placed, torch.stack(images)) for images in _batches(cases)])
        probabilities = logits.softmax(1)
        values = range(1, self.recipe.classes)
        areas = [area_under_curve(probabilities[:, value], truth == value) for value in values]
        known = [area for area in areas if not math.isnan(area)]
        return {
            "auc": sum(known) / len(known) if known else math.nan,
            "accuracy": float((logits.argmax(1) == truth).float().mean()),
            "validation loss": float(F.cross_entropy(logits, truth)),
        }


def _batches(cases: Sequence[GridCase]) -> Iterator[list[Tensor]]:
    """The images in their order, those of one size together, some at a time."""
    for _size, group in groupby((case.image for case in cases), key=lambda image: image.shape):
        images = list(group)
        yield from (images[first : first + _AT_ONCE] for first in range(0, len(images), _AT_ONCE))


def area_under_curve(scores: Tensor, positive: Tensor) -> float:
    """Area under the ROC curve: the share of (positive, other) pairs in the right order, ties counting half; nan without both.

    Parameters
    ----------
    scores, positive : float and bool (cases,).
    """
    ours, others = scores[positive], scores[~positive]
    if not len(ours) or not len(others):
        return math.nan
    difference = ours[:, None] - others[None, :]
    return float(((difference > 0).double() + 0.5 * (difference == 0).double()).mean())
