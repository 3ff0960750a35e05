"""The duty of a detector: targets, precision of a validation, and named faults."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.unit.training.evaluate.detection.made import drawn_images
from training.evaluate.detection.figures import detection_figures
from training.fit.duties.detection import targets_of
from training.fit.duties.found import Boxes, average_precision


def test_targets_are_the_boxes_labels_and_masks_of_what_is_left_in_the_patch() -> None:
    objects = torch.zeros((8, 8), dtype=torch.int64)
    objects[1:3, 2:5], objects[6:8, 6:8] = 3, 1
    found = targets_of(objects, (1, 2, 2), masks=True)
    assert found.boxes.tolist() == [[6, 6, 8, 8], [1, 2, 3, 5]] and found.labels.tolist() == [1, 2]
    assert found.masks is not None and torch.equal(found.masks[1], objects == 3)
    empty = targets_of(torch.zeros((8, 8), dtype=torch.int64), (), masks=True)
    assert empty.boxes.shape == (0, 4) and empty.masks is not None and empty.masks.shape == (0, 8, 8)


@pytest.mark.parametrize("seed", range(5))
def test_precision_while_fitting_is_that_of_the_evaluation(seed: int) -> None:
    images = drawn_images(seed, 10, 10, levels=10**6)
    pairs = [
        (_boxes(each.boxes, each.labels, each.scores), _boxes(each.true_boxes, each.true_labels, np.ones(len(each.true_boxes))))
        for each in images
    ]
    wanted = detection_figures(images, {1: "one", 2: "two"}, resamples=0)["two"]["ap50"].figure
    assert wanted is not None and average_precision(pairs, 2) == pytest.approx(wanted.value)
    assert average_precision(pairs, 3) != average_precision(pairs, 3)  # nan: nobody has such an object


def _boxes(boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray) -> Boxes:
    return Boxes(torch.from_numpy(boxes), torch.from_numpy(labels), torch.from_numpy(scores))
