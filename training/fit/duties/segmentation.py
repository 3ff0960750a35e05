"""A label for every voxel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from inference.networks.registry import takes_presence
from inference.pipeline.window import asked, slide
from storage.base.errors import ConfigError
from training.augment import draw_samples
from training.data import GridCase
from training.fit.duties.duty import Drawn, Duty, beside
from training.losses import deep_supervised, make_loss
from training.recipe import Recipe

Logits = Tensor | list[Tensor]


class Segmentation(Duty):
    """Voxels; over several scales where the recipe fits by deep supervision, each half the weight of the next finer one."""

    headlines: ClassVar[tuple[str, ...]] = ("dice",)

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._one = make_loss(recipe.loss, recipe.task, recipe.classes)
        self._many = deep_supervised(self._one)
        self._deep = recipe.fit.deep_supervision
        self._told = takes_presence(str(recipe.package["network"]["name"]))

    def check(self, network: nn.Module) -> None:
        if self._deep and not getattr(network, "deep_supervision", False):
            message = "fit.deep_supervision: the network yields one scale; set package.network.arguments.deep_supervision: true"
            raise ConfigError(message, code="recipe-invalid")

    def draw(self, cases: Sequence[GridCase], generators: Sequence[Generator]) -> Drawn:
        batch = draw_samples(cases, self.recipe, generators)
        return Drawn(batch.images, batch.targets, batch.present if self._told else None)

    def answer(self, network: nn.Module, drawn: Drawn) -> Logits:
        scales: Logits = network.forward_scales(drawn.images) if self._deep else super().answer(network, drawn)  # type: ignore[operator]
        return scales

    def loss(self, network: nn.Module, answer: Logits, drawn: Drawn, generator: Generator) -> Tensor:
        if isinstance(answer, list):
            return self._many([scale.float() for scale in answer], drawn.targets)
        return self._one(answer.float(), drawn.targets)

    def figures(self) -> list[str]:
        return ["dice", *(f"dice {label.name}" for label in self.recipe.provisional_manifest().labels)]

    def validate(self, network: nn.Module, cases: Sequence[GridCase], device: torch.device) -> dict[str, float]:
        """``dice``, the mean over labels of the mean over cases, and ``dice LABEL`` (1 where truth and network both lack it)."""
        placed, manifest = beside(network, device), self.recipe.manifest()
        sums = dict.fromkeys((label.name for label in manifest.labels), 0.0)
        for case in cases:
            found = slide(asked(placed, case.present), case.image[None], manifest)[0].argmax(0)
            for label in manifest.labels:
                sums[label.name] += _dice(found == label.value, case.mask == label.value)
        means = {f"dice {name}": total / len(cases) for name, total in sums.items()}
        return {"dice": sum(means.values()) / len(means), **means}


def _dice(ours: Tensor, truth: Tensor) -> float:
    total = int(ours.sum()) + int(truth.sum())
    return 1.0 if total == 0 else 2 * int((ours & truth).sum()) / total
