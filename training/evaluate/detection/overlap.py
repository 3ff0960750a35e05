"""How near a found box is to a true one: matrices (N, M) of closeness, greater for nearer, and what counts as a hit.

=================  ==============================================================================================
box_overlap        intersection over union of the boxes
mask_overlap       that of the instance masks
centre_inside      1 where the found box's centre is the true one's, 0 on the true box's faces, negative outside
centre_near        1 at the true centre, 0 one radius away: half of the true box's mean side (LUNA16 takes half
                   of the nodule's diameter, Setio et al., Medical Image Analysis 2017;42:1-13)
=================  ==============================================================================================
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training.evaluate.detection.records import Array, DetectedImage, Masks, box_sizes

Closeness = Callable[[DetectedImage], Array]
"""A matrix (N, M) of the found and the true boxes of one image."""


def box_overlap(image: DetectedImage) -> Array:
    """IoU of boxes; 0 where neither has any extent."""
    return box_iou(image.boxes, image.true_boxes)


def mask_overlap(image: DetectedImage) -> Array:
    """IoU of instance masks; an image that holds none on either side has none to compare.

    Raises
    ------
    ValueError
        The image has boxes without masks: a mistake of the caller.
    """
    if image.masks is None or image.true_masks is None:
        raise ValueError(f"{image.name}: has no instance masks")
    return mask_iou(image.masks, image.true_masks)


def centre_inside(image: DetectedImage) -> Array:
    """1 less the greatest distance of centres along an axis, in half sides of the true box; a hit from 0."""
    off, sides = _centre_distances(image)
    return np.asarray(1 - (2 * off / sides).max(axis=2, initial=0.0))


def centre_near(image: DetectedImage) -> Array:
    """1 less the distance of centres in radii; a hit from 0."""
    off, sides = _centre_distances(image)
    radii = sides.mean(axis=2) / 2
    return np.asarray(1 - np.linalg.norm(off, axis=2) / radii)


def box_iou(boxes: Array, others: Array) -> Array:
    """(N, M) of boxes (N, 2 d) and (M, 2 d)."""
    dims = boxes.shape[1] // 2
    low = np.maximum(boxes[:, None, :dims], others[None, :, :dims])
    high = np.minimum(boxes[:, None, dims:], others[None, :, dims:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    return _ratio(shared, box_sizes(boxes), box_sizes(others))


def mask_iou(masks: Masks, others: Masks) -> Array:
    """(N, M) of masks (N, *spatial) and (M, *spatial)."""
    ours, theirs = (given.reshape(len(given), int(np.prod(given.shape[1:]))).astype(np.float32) for given in (masks, others))
    shared = (ours @ theirs.T).astype(np.float64)  # whole numbers: exact up to 16 million voxels
    return _ratio(shared, ours.sum(axis=1, dtype=np.float64), theirs.sum(axis=1, dtype=np.float64))


def _ratio(shared: Array, sizes: Array, others: Array) -> Array:
    union = sizes[:, None] + others[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def _centre_distances(image: DetectedImage) -> tuple[Array, Array]:
    """(N, M, d) distances of centres along each axis, and (1, M, d) sides of the true boxes, never quite 0."""
    dims = image.boxes.shape[1] // 2
    ours, theirs = ((boxes[:, :dims] + boxes[:, dims:]) / 2 for boxes in (image.boxes, image.true_boxes))
    sides = np.maximum(image.true_boxes[:, dims:] - image.true_boxes[:, :dims], 1e-12)
    return np.abs(ours[:, None] - theirs[None]), sides[None]
