"""Detectors that need no network: a constant box, the largest dark blob, a share of the greatest uptake."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from storage.base.errors import ConfigError
from tests.support.data import data_path
from training.evaluate.baselines.boxes import boxes_of, dark_blob, fit_constant_box
from training.evaluate.baselines.uptake import uptake_mask
from training.evaluate.detection.overlap import box_iou


def test_the_constant_box_is_the_mean_in_shares_of_the_image() -> None:
    boxes = [np.array([[0, 0, 50, 100]], float), np.array([[20, 40, 40, 80], [20, 40, 40, 80]], float), np.zeros((0, 4))]
    found = fit_constant_box([(100, 200), (40, 80), (10, 10)], boxes)
    box, score = found.detect((120, 60))
    assert box[0].tolist() == pytest.approx([120 / 3, 60 / 3, 120 * 2.5 / 3, 60 * 2.5 / 3])
    assert score[0] == pytest.approx(2 / 3)


def test_a_training_part_without_boxes_is_refused() -> None:
    with pytest.raises(ConfigError, match="holds no boxes"):
        fit_constant_box([(10, 10)], [np.zeros((0, 4))])


@pytest.mark.parametrize("shape", [(120, 160), (40, 48, 56)])
def test_the_dark_blob_is_found_and_the_black_rim_is_not(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).normal(100, 2, shape).astype(np.float32)
    image[tuple(slice(0, size // 12) for size in shape)] = 0
    box = np.array([*(size // 3 for size in shape), *(size // 3 + size // 4 for size in shape)])
    image[tuple(slice(box[n], box[n + len(shape)]) for n in range(len(shape)))] = 40
    boxes, scores = dark_blob(image, 1.5 if len(shape) == 3 else 6.0)
    assert box_iou(boxes, box[None].astype(float))[0, 0] > 0.5  # smoothing makes a blob rounder
    assert 0 < scores[0] <= 1


def test_an_even_image_has_no_blob_inside() -> None:
    boxes, scores = dark_blob(np.full((40, 40), 7, np.float32))
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_boxes_of_a_label_map_are_those_of_its_components() -> None:
    labels = np.zeros((10, 12), np.uint8)
    labels[1:3, 2:5], labels[6:9, 7:12] = 1, 2
    assert boxes_of(labels).tolist() == [[1, 2, 3, 5], [6, 7, 9, 12]]
    assert boxes_of(labels, 2).tolist() == [[6, 7, 9, 12]]
    assert boxes_of(labels * 0).shape == (0, 4)


def test_uptake_is_the_part_around_the_peak_above_41_per_cent() -> None:
    pet = np.zeros((5, 20, 20), np.float32)
    pet[2, 5:10, 5:10], pet[2, 7, 7], pet[2, 5, 5], pet[4, 15, 15] = 4.2, 10.0, 4.0, 9.0
    found = uptake_mask(pet)
    assert found.sum() == 24 and not found[2, 5, 5] and not found[4, 15, 15]
    assert uptake_mask(pet, 0.43).sum() == 1
    elsewhere = np.zeros(pet.shape, bool)
    elsewhere[4] = True
    assert np.argwhere(uptake_mask(pet, within=elsewhere)).tolist() == [[4, 15, 15]]
    assert not uptake_mask(pet * 0).any()


def test_a_dark_lesion_of_a_real_ultrasound_image_is_hit_now_and_then() -> None:
    """A baseline that never hits would flatter a network: of the first 20 benign lesions it must reach some."""
    masks = sorted(data_path("labelled/breast-us/benign").glob("*_mask.png"))[:20]
    hits = 0
    for path in masks:
        image = np.asarray(Image.open(path.with_name(path.name.replace("_mask", ""))).convert("L"), np.float32)
        true = boxes_of((np.asarray(Image.open(path).convert("L")) > 0).astype(np.uint8))
        hits += bool((box_iou(dark_blob(image)[0], true) >= 0.3).any())
    assert hits >= 3
