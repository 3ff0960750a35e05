"""Several tasks at once, on one encoder: each task's own duty, on samples that have the targets of all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from inference.engine.heads import SharedPass, one_head
from inference.networks.multitask import Outputs
from training.augment import draw_objects, draw_samples
from training.data import GridCase
from training.fit.duties.classification import Classification
from training.fit.duties.detection import Detection, full_precision, targets_of
from training.fit.duties.duty import Drawn, Duty
from training.fit.duties.segmentation import Segmentation
from training.losses import make_loss
from training.losses.multitask import FixedWeights, Kind, MultiTaskLoss, Target, TaskLoss, UncertaintyWeights, box_loss
from training.recipe import Recipe

_KINDS: dict[str, Kind] = {"cross_entropy": "entropy", "focal": "entropy", "mse": "squares"}
_DUTIES: dict[str, type[Duty]] = {"segmentation": Segmentation, "classification": Classification, "detection": Detection}


class Multitask(Duty):
    """Images with masks, classes and boxes. Weights of the losses that are learned are this duty's parameters."""

    headlines: ClassVar[tuple[str, ...]] = ("dice", "auc", "accuracy", "ap50")

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._of = {head: recipe.of_head(head) for head in recipe.heads}
        self.duties = nn.ModuleDict({head: _DUTIES[head](alone) for head, alone in self._of.items()})
        self.together = MultiTaskLoss({head: _loss_of(alone, head) for head, alone in self._of.items()}, _weighting(recipe))

    def draw(self, cases: Sequence[GridCase], generators: Sequence[Generator]) -> Drawn:
        masks = self._of["segmentation"]
        batch = draw_samples(cases, masks, generators)
        targets: dict[str, Target] = {"segmentation": batch.targets}
        if "classification" in self._of:
            targets["classification"] = torch.tensor([_class_of(case) for case in cases], device=batch.images.device)
        if "detection" in self._of:
            pairs = zip(draw_objects(cases, batch, masks), cases, strict=True)
            targets["detection"] = tuple(targets_of(objects, case.instance_labels, masks=False) for objects, case in pairs)
        return Drawn(batch.images, targets)

    def loss(self, network: nn.Module, answer: Outputs, drawn: Drawn, generator: Generator) -> Tensor:
        total: Tensor = self.together(answer.by_task(), drawn.targets).total
        return total

    def figures(self) -> list[str]:
        return [*(name for head in self._of for name in self._duty(head).figures()), *_names(self._weights())]

    def validate(self, network: nn.Module, cases: Sequence[GridCase], device: torch.device) -> dict[str, float]:
        """The figures of each task, and where the losses' weights are learned what each task's is multiplied with."""
        shared, figures = SharedPass(network), dict[str, float]()
        for head in self._of:
            figures |= self._duty(head).validate(one_head(shared, head), cases, device)
        return figures | _names(self._weights())

    def merit(self, figures: Mapping[str, float]) -> float:
        """The mean of the merits of those tasks that the held-out cases can measure."""
        merits = [self._duty(head).merit(figures) for head in self._of]
        known = [merit for merit in merits if merit > -math.inf]
        return sum(known) / len(known) if known else -math.inf

    def _duty(self, head: str) -> Duty:
        duty = self.duties[head]
        assert isinstance(duty, Duty)
        return duty

    def _weights(self) -> dict[str, float]:
        weighting = self.together.weighting
        return weighting.weights() if isinstance(weighting, UncertaintyWeights) else {}


def _names(weights: Mapping[str, float]) -> dict[str, float]:
    return {f"weight {head}": weight for head, weight in weights.items()}


def _weighting(recipe: Recipe) -> nn.Module:
    weights = recipe.loss.weights
    if weights == "learned":
        return UncertaintyWeights({head: _KINDS.get(recipe.of_head(head).loss.kind, "plain") for head in recipe.heads})
    return FixedWeights(weights)


def _loss_of(recipe: Recipe, head: str) -> TaskLoss:
    if head == "detection":
        boxes = box_loss(recipe.classes - 1)
        return lambda raw, objects: boxes(full_precision(raw), objects)
    one: Callable[[Tensor, Tensor], Tensor] = make_loss(recipe.loss, head, recipe.classes)
    return lambda logits, target: one(logits.float(), target)


def _class_of(case: GridCase) -> int:
    if case.class_index is None:
        raise ValueError(f"case {case.name} has no class")
    return case.class_index
