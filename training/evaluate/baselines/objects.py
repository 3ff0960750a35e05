"""What a detector has to be clearly above: the same box in every image, and the largest dark blob."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from training.data.case import Case
from training.evaluate.baselines.boxes import Array, ConstantBox, dark_blob, fit_constant_box
from training.evaluate.detected.case import objects_of
from training.evaluate.detection.records import DetectedImage


@dataclass(frozen=True, eq=False)
class BoxBaselines:
    """One box a case each. They know no labels, so they are compared with boxes of any label on objects of any label."""

    constant: ConstantBox
    dims: int

    def detect(self, case: Case) -> dict[str, DetectedImage]:
        """By the baseline's name; labels are all 1."""
        pixels = case.voxels_kji[0] if self.dims == 2 else case.voxels_kji
        found = {self.constant.name: self.constant.detect(pixels.shape), "the largest dark blob": dark_blob(pixels)}
        return {name: self._image(case, *boxes) for name, boxes in found.items()}

    def _image(self, case: Case, boxes: Array, scores: Array) -> DetectedImage:
        truth = objects_of(case, self.dims)
        ones = (np.ones(len(boxes), np.int64), np.ones(len(truth.boxes), np.int64))
        return DetectedImage(case.name, case.group, boxes, scores, ones[0], truth.boxes, ones[1])


def fit_boxes(cases: Iterable[Case]) -> BoxBaselines:
    """From the training part, which is read once.

    Raises
    ------
    ConfigError
        Code ``no-data``: no case holds an object.
    """
    shapes, boxes, dims = [], [], 2
    for case in cases:
        dims = 2 if case.voxels_kji.shape[0] == 1 else 3
        shapes.append(case.voxels_kji.shape[-dims:])
        boxes.append(objects_of(case, dims).boxes)
    return BoxBaselines(fit_constant_box(shapes, boxes), dims)
