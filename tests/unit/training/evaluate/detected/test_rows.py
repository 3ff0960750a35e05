"""Figures of any choice of cases are those of the detection room; thresholds come from them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from inference.manifest import Detection
from tests.unit.training.evaluate.detection.made import drawn_images, image
from training.evaluate.detected.rows import case_document, found_rows, mask_rows_of, rows_of
from training.evaluate.detected.thresholds import choose_thresholds
from training.evaluate.detection.figures import detection_figures
from training.evaluate.detection.records import DetectedImage


def _values(images: list[DetectedImage]) -> tuple[float, float]:
    row = detection_figures(images, {1: "one", 2: "two"}, resamples=0)["one"]
    ap, sensitivity = row["ap50"].figure, row["sensitivity_at_1"].figure
    assert ap is not None and sensitivity is not None
    return ap.value, sensitivity.value


@pytest.mark.parametrize("seed", range(6))
def test_average_precision_and_sensitivity_are_those_of_the_detection_room(seed: int) -> None:
    images = drawn_images(seed, 12, 12, levels=10**6)
    every = np.arange(12)
    for rows in (found_rows(images, 1), rows_of([case_document(each, ["one", "two"]) for each in images], "one")):
        assert (rows.average_precision(every), rows.sensitivity(every)) == pytest.approx(_values(images))
    some = np.array([0, 3, 5, 7])
    part = [images[n] for n in some]
    rows = found_rows(images, 1)
    assert (rows.average_precision(some), rows.sensitivity(some)) == pytest.approx(_values(part))


def test_a_threshold_has_the_greatest_f1_and_a_label_without_a_hit_keeps_its_own() -> None:
    box, far = [0.0, 0, 4, 4], [10.0, 10, 14, 14]
    images = [
        image("a", [(box, 0.81239), (far, 0.3)], [box]),
        image("b", [(box, 0.6), (far, 0.7)], [box]),
        image("c", [(far, 0.2)], []),
    ]
    found = choose_thresholds(images, Detection(score=0.05, thresholds=(0.5, 0.4)))
    assert found.rules.thresholds == (0.6, 0.4) and found.cases == 3 and found.unfounded == (2,)
    # from 0.6 on: two hits, one false alarm, no miss: F1 0.8; from 0.8 on: one hit, one miss: 0.67
    at = found_rows(images, 1).at(0.6)
    assert [round(at[name](np.arange(3)), 4) for name in ("sensitivity", "false_alarms")] == [1.0, 0.3333]


def test_scores_are_cut_off_after_four_digits() -> None:
    box = [0.0, 0, 4, 4]
    found = choose_thresholds([image("a", [(box, 0.81239)], [box])], Detection(thresholds=(0.5,)))
    assert found.rules.thresholds == (0.8123,)


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_of_masks_is_that_of_the_detection_room(seed: int) -> None:
    """From documents, of masks that are worse than their boxes: a strip of each is left out."""
    images = [_masked(one, seed) for one in drawn_images(seed, 12, 12, levels=10**6)]
    row = detection_figures(images, {1: "one", 2: "two"}, resamples=0)["one"]
    found = mask_rows_of([json.loads(json.dumps(case_document(one, ["one", "two"]))) for one in images], "one")
    each = [rows.average_precision(np.arange(12)) for rows in found]
    wanted = [row[metric].figure for metric in ("mask_ap50", "mask_ap75", "mask_ap")]
    assert (each[0], each[5], np.mean(each)) == pytest.approx([figure.value for figure in wanted if figure])
    assert row["mask_ap"].text() != row["ap"].text(), "or the boxes' would do as well"
    assert mask_rows_of([case_document(replace(images[0], masks=None, true_masks=None), ["one", "two"])], "one") == []


def _masked(one: DetectedImage, seed: int) -> DetectedImage:
    random = np.random.default_rng(seed)

    def filled(boxes: np.ndarray, least: float) -> np.ndarray:
        masks = np.zeros((len(boxes), 64, 64), dtype=bool)
        for mask, (j0, i0, j1, i1) in zip(masks, boxes.round().astype(int).clip(0), strict=True):
            mask[j0 : j0 + max(1, round((j1 - j0) * random.uniform(least, 1))), i0:i1] = True
        return masks

    return replace(one, masks=filled(one.boxes, 0.4), true_masks=filled(one.true_boxes, 1.0))
