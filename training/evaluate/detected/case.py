"""One case: what the package finds in it, as the node would, beside the objects that are there."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from inference.engine.detector import FoundBoxes, find_boxes
from inference.engine.package import LoadedModel
from inference.networks.detection import boxes_of_instances
from inference.pipeline.detect import rules_of
from training.data.case import Case
from training.evaluate.detection.records import Array, DetectedImage, Labels, Masks
from training.evaluate.figures.sizes import spacing_kji

MOST_PIXELS = {2: 2**16, 3: 2**19}
"""By dimensions: masks of larger cases are compared on every second, third … voxel along each axis, to bound memory."""


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of a case on its own grid: boxes (M, 2 d), labels (M,), and the map ([K,] J, I) with their numbers (M,)."""

    boxes: Array
    labels: Labels
    numbers: Labels
    instances: NDArray[np.int64]


def objects_of(case: Case, dims: int) -> Objects:
    """The true objects; ValueError for a case without: a mistake of the caller."""
    if case.instances_kji is None:
        raise ValueError(f"case {case.name} has no objects")
    instances = case.instances_kji.astype(np.int64)[0 if dims == 2 else slice(None)]
    boxes, numbers = boxes_of_instances(torch.from_numpy(instances))
    labels = np.array([case.instance_labels[n - 1] for n in numbers.tolist()], dtype=np.int64)
    return Objects(boxes.numpy().astype(np.float64), labels, numbers.numpy(), instances)


def keeping_all(model: LoadedModel) -> LoadedModel:
    """The package with every box that its ``score`` keeps as a finding, as figures over all thresholds need them."""
    rules = rules_of(model.manifest)
    lowest = rules.model_copy(update={"thresholds": (rules.score,) * len(rules.thresholds)})
    return replace(model, manifest=model.manifest.model_copy(update={"detection": lowest}))


def detect_case(model: LoadedModel, case: Case) -> DetectedImage:
    """Boxes and, of a network with masks, masks of one case; of a mask as it would be delivered, where a voxel belongs to the
    surest object that claims it.

    Parameters
    ----------
    model : of `keeping_all`.
    """
    dims = len(model.manifest.grid.patch)
    truth = objects_of(case, dims)
    found = find_boxes(model, case.voxels_kji, case.affine_lps_mm)
    masks, true_masks = _masks(found, truth)
    voxel = math.prod(spacing_kji(case.affine_lps_mm)[-dims:])
    return DetectedImage(
        case.name, case.group, found.boxes, found.scores, found.labels, truth.boxes, truth.labels, masks, true_masks, voxel
    )


def _masks(found: FoundBoxes, truth: Objects) -> tuple[Masks | None, Masks | None]:
    if found.masks_kji is None:
        return None, None
    size = truth.instances.shape
    step = max(1, math.ceil((math.prod(size) / MOST_PIXELS[len(size)]) ** (1 / len(size))))
    thin = (slice(None, None, step),) * len(size)
    ours = found.masks_kji.astype(np.int64).reshape(size)[thin]
    segments = np.where(found.segments > 0, found.segments, -1)  # one without a voxel has an empty mask
    return _each(ours, segments), _each(truth.instances[thin], truth.numbers)


def _each(numbered: NDArray[np.int64], numbers: Labels) -> Masks:
    return np.asarray(numbered[None] == numbers.reshape(-1, *[1] * numbered.ndim))
