"""Figures of any choice of cases are those of the detection room; thresholds come from them."""

from __future__ import annotations

import numpy as np
import pytest

from inference.manifest import Detection
from tests.unit.training.evaluate.detection.made import drawn_images, image
from training.evaluate.detected.rows import case_document, found_rows, rows_of
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
