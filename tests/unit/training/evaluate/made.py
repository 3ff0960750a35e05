"""Cases made up, and models that answer by a rule, so that every figure is known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inference.engine.package import LoadedModel
from inference.manifest import Manifest
from tests.unit.training.tiny import tiny_recipe
from training.data import Case
from training.recipe import Recipe

THING = {"value": "123037004", "scheme": "SCT", "meaning": "Anatomical Structure"}
CIRCUMFERENCE = {"value": "11984-2", "scheme": "LN", "meaning": "Head Circumference by US"}


class ByThreshold(nn.Module):
    """Segments what is brighter than ``level``: logits of background and of label 1."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))

    def forward(self, image: Tensor) -> Tensor:
        return torch.cat([self.level - image, image - self.level], dim=1)


class ByMean(nn.Module):
    """Classifies by mean brightness: logits of none and of label 1, ``sharp`` times too sure of itself."""

    def __init__(self, sharp: float) -> None:
        super().__init__()
        self.sharp = nn.Parameter(torch.tensor(sharp))

    def forward(self, image: Tensor) -> Tensor:
        bright = image.mean(dim=tuple(range(1, image.dim()))) - 0.5
        return torch.stack([-bright, bright], dim=1) * self.sharp


def model_of(network: nn.Module, task: str, dims: int, **changes: Any) -> LoadedModel:
    document: dict[str, Any] = {
        "name": "made",
        "version": "1.0.0",
        "title": "By a rule",
        "task": task,
        "intended_use": "Tests.",
        "licence": "Apache-2.0",
        "weights_licence": "Apache-2.0",
        "family": {"value": "123110", "scheme": "DCM", "meaning": "Artificial Intelligence"},
        "inputs": [{"modality": ["US"], "spatial_dims": dims}],
        "grid": {"spacing_mm": None, "patch": [48 if task == "segmentation" else 20] * dims},
        "intensity": {"kind": "window", "lower": 0.0, "upper": 1.0},
        "network": {"name": "unet", "arguments": {}, "weights_sha256": "0" * 64},
        "labels": [{"value": 1, "name": "Head", "category": THING, "type": THING}],
        "classification": {"thresholds": [0.5]} if task == "classification" else None,
        **changes,
    }
    return LoadedModel(Manifest.model_validate(document), "0" * 64, (network.eval(),))


def recipe_of(**evaluation: Any) -> Recipe:
    recipe = tiny_recipe()
    said = recipe.evaluation.model_copy(update={"bootstrap": 60, **evaluation})
    augment = recipe.augment.model_copy(update={"mirror_axes": ()})
    return recipe.model_copy(update={"evaluation": said, "augment": augment})


def ellipse_case(number: int, *, semi_mm: tuple[float, float] = (12.0, 9.0), empty: bool = False) -> Case:
    """A bright ellipse on dark noise, 0.5 mm a pixel, with its circumference as measured; two cases are of one person."""
    rows, columns = np.mgrid[:60, :72] * 0.5
    inside = ((columns - 18) / semi_mm[0]) ** 2 + ((rows - 15) / semi_mm[1]) ** 2 <= 1
    labels = (inside & (not empty)).astype(np.uint8)
    noise = np.random.default_rng(number).uniform(0, 0.3, labels.shape)
    a, b = semi_mm
    h = ((a - b) / (a + b)) ** 2
    around = np.pi * (a + b) * (1 + 3 * h / (10 + np.sqrt(4 - 3 * h)))
    return Case(
        name=f"case_{number:03d}",
        group=str(number // 2),
        voxels_ckji=(noise + 0.6 * labels).astype(np.float32)[None, None],
        affine_lps_mm=np.diag([0.5, 0.5, 1.0, 1.0]),
        labels_kji=labels[None],
        truths={} if empty else {"circumference_mm": float(around)},
        traits={"site": "north" if number % 4 < 2 else "south"},
    )


def bright_case(number: int, *, spread: float = 0.12) -> Case:
    """An image whose mean brightness is about 0.6 for class 1 and 0.4 for class 0, with overlap."""
    random = np.random.default_rng(number)
    value = number % 2
    level = 0.4 + 0.2 * value + random.normal(0, spread)
    pixels = np.clip(random.normal(level, 0.01, (1, 1, 20, 20)), 0, 1).astype(np.float32)
    traits = {"site": "north" if number % 4 < 2 else "south"}
    return Case(f"case_{number:03d}", str(number), pixels, np.eye(4), class_index=value, traits=traits)
