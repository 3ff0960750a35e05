"""A loaded model package's way from an image or volume to boxes on the source's own grid, and to their masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.engine.package import LoadedModel
from inference.pipeline import Prepared, Progress, prepare, silent
from inference.pipeline.detect import FindsBoxes, detect, joined, rules_of
from inference.pipeline.place import Boxes, boxes_on_source, inside, mask_on_source
from inference.volume.boxes import are_findings

LEAST_EXTENT = 0.01
"""Pixels of the source: a box that is left with less after it was cut to the image is dropped."""


@dataclass(frozen=True, eq=False)
class FoundBoxes:
    """What a detector found, ordered by label, then from the surest on, equal scores by their boxes.

    Attributes
    ----------
    boxes : float64 (N, 2 d), lower then upper corner, ([k,] j, i) in pixels of the source array, half-open, within it.
    scores : float64 (N,), from 0 to 1. labels : int64 (N,), from 1.
    segments : int64 (N,), which part of ``masks_kji`` is the mask of each box; 0 of a box below its label's threshold, and of one
        whose voxels all belong to surer ones.
    masks_kji : uint16 (K, J, I), 0 or the segment that each voxel belongs to; None of a network without masks.
    """

    boxes: Boxes
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    segments: NDArray[np.int64]
    masks_kji: NDArray[np.uint16] | None


def find_boxes(
    model: LoadedModel, voxels_kji: NDArray[np.float32], affine_lps_mm: NDArray[np.float64], progress: Progress = silent
) -> FoundBoxes:
    """Every box that the manifest's rules keep; evaluation measures this.

    Parameters
    ----------
    model : a package whose task is detection.
    voxels_kji : (K, J, I) in the volume's own units; K is 1 for a 2-D model.
    affine_lps_mm : (4, 4), index (i, j, k, 1) to LPS millimetres.
    progress : called with (stage, fraction) for the stages prepare, network, restore; an exception from it stops the run.

    Raises
    ------
    InputError
        The volume can't be used by this model.
    ModelError
        Code ``output-invalid``: a network yields values that are not numbers.
    """
    progress("prepare", 0.0)
    prepared = prepare(voxels_kji, affine_lps_mm, model.manifest)
    progress("prepare", 1.0)
    count = len(model.networks)
    looks = []
    for number, network in enumerate(model.networks):
        told = _part_of(progress, number, count)
        looks += detect(_as_detector(network), prepared, model.manifest, told)
    found = joined(looks, model.manifest)
    progress("restore", 0.0)
    size = voxels_kji.shape[-len(model.manifest.grid.patch) :]
    reaching = boxes_on_source(found.boxes.numpy().astype(np.float64), prepared)
    scores = found.scores.numpy().astype(np.float64).clip(0.0, 1.0)
    order = _order(inside(reaching, size), scores, found.labels.numpy())
    reaching, scores, labels = reaching[order], scores[order], found.labels.numpy()[order]
    masks = None if found.masks is None else found.masks[order.tolist()]
    segments, masks_kji = _segments(masks, reaching, _surest(scores, labels, model), prepared, voxels_kji.shape)
    progress("restore", 1.0)
    return FoundBoxes(inside(reaching, size), scores, labels, segments, masks_kji)


def _as_detector(network: nn.Module) -> FindsBoxes:
    assert isinstance(network, FindsBoxes)  # `load_package` refuses any other for this task
    return network


def _order(boxes: Boxes, scores: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of the boxes that are left with an extent, in the order of `FoundBoxes`."""
    lower, upper = np.split(boxes, 2, axis=1)
    there = np.flatnonzero((upper - lower >= LEAST_EXTENT).all(axis=1))
    return np.array(sorted(there.tolist(), key=lambda n: (labels[n], -scores[n], *boxes[n])), dtype=np.int64)


def _surest(scores: NDArray[np.float64], labels: NDArray[np.int64], model: LoadedModel) -> list[int]:
    """Indices of the boxes that are findings, the surest first."""
    findings = np.flatnonzero(are_findings(scores, labels, rules_of(model.manifest).thresholds))
    return sorted(findings.tolist(), key=lambda n: (-scores[n], n))


def _segments(
    masks: Tensor | None, boxes: Boxes, surest: list[int], prepared: Prepared, shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.uint16] | None]:
    """The segment of each box and the map of all; a voxel belongs to the surest finding that marks it."""
    segments = np.zeros(len(boxes), dtype=np.int64)
    if masks is None:
        return segments, None
    owner = np.zeros(shape, dtype=np.uint16)
    on_grid = owner if masks.ndim == 4 else owner[0]
    for n in surest:
        where, marked = mask_on_source(masks[n], boxes[n], prepared, on_grid.shape)
        part = on_grid[where]
        part[marked & (part == 0)] = n + 1
    left = np.unique(owner[owner > 0]).astype(np.int64)  # ascending, so segments count in the order of the boxes
    segments[left - 1] = np.arange(1, len(left) + 1)
    return segments, np.concatenate([[0], segments])[owner].astype(np.uint16)


def _part_of(progress: Progress, number: int, count: int) -> Progress:
    """Progress of one member as progress of all."""
    return lambda stage, fraction: progress(stage, (number + fraction) / count)
