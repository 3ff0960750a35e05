"""Boxes around single objects, with masks where the network makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, cast

import torch
from torch import Generator, Tensor, nn

from inference.networks.detection import Detector, Raw, boxes_of_instances
from storage.base.errors import ConfigError
from training.augment import draw_samples
from training.data import GridCase
from training.fit.duties.duty import Drawn, Duty
from training.fit.duties.found import Boxes, average_precision, found_in
from training.losses.detection import Targets, detection_losses
from training.recipe import Recipe


class Detection(Duty):
    """Objects. The loss is the sum of the terms of `training.losses.detection`, in single precision."""

    headlines: ClassVar[tuple[str, ...]] = ("ap50",)

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._masks = recipe.package["network"]["name"] == "mask-rcnn"

    def check(self, network: nn.Module) -> None:
        name = self.recipe.package["network"]["name"]
        if not isinstance(network, Detector):
            raise ConfigError(f"package.network.name: {name} finds no objects; name a detector", code="recipe-invalid")

    def draw(self, cases: Sequence[GridCase], generators: Sequence[Generator]) -> Drawn:
        batch = draw_samples(cases, self.recipe, generators)
        pairs = zip(batch.targets, cases, strict=True)
        return Drawn(batch.images, tuple(targets_of(objects, case.instance_labels, self._masks) for objects, case in pairs))

    def loss(self, network: nn.Module, answer: Raw, drawn: Drawn, generator: Generator) -> Tensor:
        terms = detection_losses(cast(Detector, network), full_precision(answer), drawn.targets, generator)
        return torch.stack(list(terms.values())).sum()

    def figures(self) -> list[str]:
        return ["ap50", *(f"ap50 {label.name}" for label in self.recipe.provisional_manifest().labels)]

    def validate(self, network: nn.Module, cases: Sequence[GridCase], device: torch.device) -> dict[str, float]:
        """``ap50 LABEL``, the average precision at an IoU of 0.5 (nan where no case holds such an object), and ``ap50``, the mean
        over the labels that are there.
        """
        manifest = self.recipe.manifest()
        pairs = [(found_in(cast(Detector, network), case, manifest, device), _truth_of(case)) for case in cases]
        each = {f"ap50 {label.name}": average_precision(pairs, label.value) for label in manifest.labels}
        known = [value for value in each.values() if value == value]
        return {"ap50": sum(known) / len(known) if known else float("nan"), **each}


def targets_of(objects: Tensor, labels: Sequence[int], masks: bool) -> Targets:
    """What there is to be found in one patch.

    Parameters
    ----------
    objects : int64 (*patch), numbers of objects. labels : of object n at n - 1. masks : whether the network needs them.
    """
    boxes, numbers = boxes_of_instances(objects)
    kinds = torch.tensor([labels[number - 1] for number in numbers.tolist()], dtype=torch.int64)
    outlines = objects.cpu()[None] == numbers.view(-1, *[1] * objects.dim()) if masks else None
    return Targets(boxes, kinds, outlines)


def _truth_of(case: GridCase) -> Boxes:
    targets = targets_of(case.objects.long(), case.instance_labels, masks=False)
    return Boxes(targets.boxes, targets.labels, torch.ones(len(targets)))


def full_precision(raw: Raw) -> Raw:
    """As float32, whatever the forward pass ran in; the second stage's loss asks the network again, outside of it."""
    return replace(
        raw,
        scores=raw.scores.float(),
        regressions=raw.regressions.float(),
        boxes=raw.boxes.float(),
        quality=None if raw.quality is None else raw.quality.float(),
        levels=tuple(each.float() for each in raw.levels),
        proposals=tuple(each.float() for each in raw.proposals),
    )
