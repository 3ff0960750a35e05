"""Boxes and their masks from the model's grid to the source's own: the steps of ``Fit`` and ``Orientation``, undone.

Voxel n covers n to n + 1 on either grid, and both cover the same field of view (``inference.pipeline.resample``). So a corner is
moved, scaled and turned exactly as the voxels of a mask are; nothing is rounded.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.networks.detection import paste
from inference.pipeline.prepare import Prepared

Boxes = NDArray[np.float64]


def boxes_on_source(boxes: Boxes, prepared: Prepared) -> Boxes:
    """Boxes of ``prepared.image`` on the grid of the source.

    Parameters
    ----------
    boxes : (N, 2 d), lower then upper corner, axis order ([k,] j, i), in pixels of the model's image.

    Returns
    -------
    float64 (N, 2 d) in pixels of the source array, in its own axis order; they may reach out of it (``inside``).
    """
    fit, dims = prepared.fit, len(prepared.fit.source)
    scale = np.array(fit.taken) / np.array(fit.size)
    lower, upper = ((part - np.array(fit.before)) * scale + np.array(fit.start) for part in (boxes[:, :dims], boxes[:, dims:]))
    axes, flipped = prepared.orientation.axes_kji[-dims:], prepared.orientation.flipped_kji[-dims:]
    result = np.empty_like(boxes, dtype=np.float64)
    for oriented in range(dims):
        low, high = lower[:, oriented], upper[:, oriented]
        if flipped[oriented]:
            low, high = fit.source[oriented] - high, fit.source[oriented] - low
        source = axes[oriented] - (3 - dims)
        result[:, source], result[:, dims + source] = low, high
    return result


def inside(boxes: Boxes, size: tuple[int, ...]) -> Boxes:
    """Boxes (N, 2 d) cut to the array of ``size``; one that lies outside keeps no extent."""
    return np.asarray(np.clip(boxes, 0.0, np.array([*size, *size], dtype=np.float64)))


def mask_on_source(
    mask: Tensor, box: Boxes, prepared: Prepared, size: tuple[int, ...]
) -> tuple[tuple[slice, ...], NDArray[np.bool_]]:
    """Which voxels of the source the mask of one box marks.

    Parameters
    ----------
    mask : probabilities (s, s[, s]) on the grid of the box, in the model's axis order.
    box : (2 d,) on the source, as ``boxes_on_source`` gives it, not cut.
    size : of the source array.

    Returns
    -------
    Where in the source array the box lies, and bool of that size: the voxels whose middle lies in the box, where the mask is a
    half or more.
    """
    if mask.ndim == 3:
        mask = torch.from_numpy(np.ascontiguousarray(prepared.orientation.undo(mask.numpy())))
    dims = len(size)
    first = np.floor(box[:dims]).clip(0, size).astype(int)
    end = np.ceil(box[dims:]).clip(first, size).astype(int)
    near = torch.from_numpy(box - np.concatenate([first, first])).float()
    marked = paste(mask[None], near[None], (end - first).tolist())[0].numpy()
    return tuple(slice(int(a), int(b)) for a, b in zip(first, end, strict=True)), np.asarray(marked)
