"""Single objects of a case: from the masks of each, or from the connected parts of a label map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inference.networks.detection import components
from storage.base.errors import ConfigError
from training.data.case import Case

MOST = 32_767
"""Objects of one case: the model's grid holds their numbers in 16 bits with a sign."""

Instances = NDArray[np.uint16]


def from_masks(masks: Sequence[NDArray[np.bool_]], size: tuple[int, ...]) -> Instances:
    """The map of objects that have a mask each, numbered in their order.

    Parameters
    ----------
    masks : bool arrays of ``size``; one without a voxel is no object and gets no number.

    A voxel of several masks belongs to the smallest of them, so that nothing is hidden by what surrounds it.
    """
    filled = [mask for mask in masks if mask.any()]
    instances = np.zeros(size, dtype=np.uint16)
    for number in sorted(range(len(filled)), key=lambda n: -int(filled[n].sum())):
        instances[filled[number]] = number + 1
    return instances


def from_parts(labels: NDArray[np.uint8]) -> tuple[Instances, tuple[int, ...]]:
    """The connected parts of a label map, corners counting as contact: the map, and the label of each."""
    parts, kinds = components(torch.from_numpy(np.ascontiguousarray(labels)))
    return parts.numpy().astype(np.uint16), tuple(kinds.tolist())


def labels_of(instances: Instances, labels: Sequence[int]) -> NDArray[np.uint8]:
    """The label map that the objects make together."""
    table: NDArray[Any] = np.array([0, *labels], dtype=np.uint8)
    return table[instances]


def objects_in(case: Case, classes: int) -> tuple[int, ...] | None:
    """The labels of a case's objects, once they have been checked; None where its source tells of none.

    Raises
    ------
    ConfigError
        Codes ``instances-out-of-range`` (a number without a label, a label that isn't among those of the recipe, too many
        objects), ``empty-object`` (an object without a voxel), ``size-mismatch``; the case is named.
    """
    instances, labels = case.instances_kji, case.instance_labels
    if instances is None:
        return None
    if instances.shape != case.voxels_ckji.shape[1:]:
        raise ConfigError(f"{case.name}: its objects don't lie on the grid of its image; correct them", code="size-mismatch")
    most = int(instances.max(initial=0))
    if most > len(labels) or len(labels) > MOST:
        fault = f"object {most} has no label" if most > len(labels) else f"{len(labels)} objects are more than {MOST}"
        raise ConfigError(f"{case.name}: {fault}; correct the objects", code="instances-out-of-range")
    wrong = [label for label in labels if not 1 <= label < classes]
    if wrong:
        known = f"1 to {classes - 1}"
        message = f"{case.name}: an object of label {wrong[0]}, but package.labels has {known}; correct classes or masks"
        raise ConfigError(message, code="instances-out-of-range")
    held = np.bincount(instances.reshape(-1), minlength=len(labels) + 1)[1:]
    if (held == 0).any():
        number = int(np.flatnonzero(held == 0)[0]) + 1
        raise ConfigError(f"{case.name}: object {number} has no voxel; take it out", code="empty-object")
    return tuple(labels)
