"""What is evaluated: the boxes that a detector found in one image or volume, and the true ones.

A box is its lower corner, then its upper one, in axis order ([k,] j, i), half-open, in any unit as long as all are in one; sizes
(areas, volumes) are in that unit to the power of the dimensions, or in mm² or mm³ where ``voxel`` says how large it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Masks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DetectedImage:
    """One image, or one case of a volume; either side may be empty.

    Attributes
    ----------
    name : unique. group : of one person or examination; the bootstrap draws groups.
    boxes : (N, 2 d). scores : (N,), higher for surer. labels : (N,), class of each box.
    true_boxes : (M, 2 d). true_labels : (M,).
    masks, true_masks : bool (N, *spatial) and (M, *spatial), instance masks; None where there are none.
    voxel : mm² or mm³ of a pixel or voxel of this image, so that sizes of several images compare; 1 where they aren't known.

    Raises
    ------
    ValueError
        Counts or shapes that don't fit, a score that is no number: a mistake of the caller.
    """

    name: str
    group: str
    boxes: Array
    scores: Array
    labels: Labels
    true_boxes: Array
    true_labels: Labels
    masks: Masks | None = None
    true_masks: Masks | None = None
    voxel: float = 1.0

    def __post_init__(self) -> None:
        if self.boxes.ndim != 2 or self.true_boxes.ndim != 2 or self.boxes.shape[1] != self.true_boxes.shape[1]:
            raise ValueError(f"{self.name}: boxes and true_boxes need shapes (N, 2 d) and (M, 2 d)")
        if not len(self.boxes) == len(self.scores) == len(self.labels) or len(self.true_boxes) != len(self.true_labels):
            raise ValueError(f"{self.name}: needs one score and one label a box")
        if not np.isfinite(self.scores).all():
            raise ValueError(f"{self.name}: a score is no number")
        if (self.masks is None) != (self.true_masks is None):
            raise ValueError(f"{self.name}: masks need true_masks, and the other way round")
        for masks, boxes in ((self.masks, self.boxes), (self.true_masks, self.true_boxes)):
            if masks is not None and len(masks) != len(boxes):
                raise ValueError(f"{self.name}: needs one mask a box")

    @property
    def sizes(self) -> Array:
        """(N,) of the found boxes, in the unit of ``voxel``."""
        return self.voxel * box_sizes(self.boxes)

    @property
    def true_sizes(self) -> Array:
        """(M,) of the true boxes."""
        return self.voxel * box_sizes(self.true_boxes)


def box_sizes(boxes: Array) -> Array:
    """(N,) areas or volumes of boxes (N, 2 d); 0 for one without extent."""
    dims = boxes.shape[1] // 2
    return np.asarray(np.clip(boxes[:, dims:] - boxes[:, :dims], 0, None).prod(axis=1), dtype=np.float64)


def of_label(image: DetectedImage, label: int | None) -> DetectedImage:
    """What concerns one class alone; all as one class where None."""
    if label is None:
        return image
    ours, theirs = image.labels == label, image.true_labels == label
    return replace(
        image,
        boxes=image.boxes[ours],
        scores=image.scores[ours],
        labels=image.labels[ours],
        true_boxes=image.true_boxes[theirs],
        true_labels=image.true_labels[theirs],
        masks=None if image.masks is None else image.masks[ours],
        true_masks=None if image.true_masks is None else image.true_masks[theirs],
    )
