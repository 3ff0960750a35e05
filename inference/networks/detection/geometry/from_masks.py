"""Boxes of what is drawn: of the instances or of the connected parts of a label map."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor


def boxes_of_instances(instances: Tensor) -> tuple[Tensor, Tensor]:
    """The box of every instance of a map.

    Parameters
    ----------
    instances : whole numbers ([K,] J, I), 0 for none, else the number of the object that the voxel belongs to.

    Returns
    -------
    float32 (n, 2 d) half-open boxes, and int64 (n,) the numbers of the objects, ascending.
    """
    values = instances.cpu().numpy().astype(np.int64)
    found = ndimage.find_objects(values)
    numbers = [number for number, window in enumerate(found, start=1) if window is not None]
    boxes = [[*(s.start for s in found[n - 1]), *(s.stop for s in found[n - 1])] for n in numbers]
    return (
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 2 * instances.ndim),
        torch.tensor(numbers, dtype=torch.int64),
    )


def components(labels: Tensor, least: int = 1) -> tuple[Tensor, Tensor]:
    """The connected parts of a label map, corners counting as contact; parts of different labels are different.

    Parameters
    ----------
    labels : whole numbers ([K,] J, I), 0 for background.
    least : parts of fewer voxels are left out.

    Returns
    -------
    int64 ([K,] J, I), the number of the part that each voxel belongs to, from 1, by label and then in the order of their first
    voxels, 0 for none; and int64 (n,), the label of each part.
    """
    values = labels.cpu().numpy()
    numbers = np.zeros(values.shape, dtype=np.int64)
    kinds: list[int] = []
    for label in np.unique(values[values > 0]):
        parts = _parts(values == label, least)
        numbers[parts > 0] = parts[parts > 0] + len(kinds)
        kinds.extend([int(label)] * int(parts.max(initial=0)))
    return torch.from_numpy(numbers), torch.tensor(kinds, dtype=torch.int64)


def instance_masks(instances: Tensor) -> Tensor:
    """The masks of the objects of `boxes_of_instances`, in their order: bool (n, [K,] J, I)."""
    _, numbers = boxes_of_instances(instances)
    return instances.cpu()[None] == numbers.view(-1, *[1] * instances.ndim)


def _parts(there: NDArray[np.bool_], least: int) -> NDArray[np.int64]:
    """Connected parts of ``least`` voxels or more, numbered from 1 without gaps."""
    parts, count = ndimage.label(there, structure=np.ones([3] * there.ndim))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    large = sizes >= max(1, least)
    renumbered = np.where(large, np.cumsum(large), 0)
    result: NDArray[np.int64] = renumbered[parts]
    return result
