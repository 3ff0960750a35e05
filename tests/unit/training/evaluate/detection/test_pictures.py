"""Worst misses and false alarms, and what is drawn of them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.unit.training.evaluate.detection.made import image
from training.evaluate.detection.figures import hit_rule
from training.evaluate.detection.pictures import draw_boxes, draw_mistake, draw_worst, mistakes
from training.evaluate.pictures import PREDICTION, SIDE, TRUTH

A, B, FAR = (0, 0, 10, 10), (20, 20, 40, 40), (50, 50, 60, 60)
IMAGES = [
    image("a", [(A, 0.9), (FAR, 0.3)], [A, B]),
    image("b", [(FAR, 0.8), (B, 0.7)], [A]),
]


def _pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_misses_go_by_size_and_false_alarms_by_score() -> None:
    missed, false = mistakes(IMAGES, hit_rule())
    assert [(row.image, row.place, row.weight) for row in missed] == [(0, 1, 400.0), (1, 0, 100.0)]
    assert [(row.image, row.place, row.weight) for row in false] == [(1, 0, 0.8), (1, 1, 0.7), (0, 1, 0.3)]


def test_below_the_operating_point_nothing_is_found() -> None:
    missed, false = mistakes(IMAGES, hit_rule(), least_score=0.95)
    assert (len(missed), false) == (3, [])


def test_boxes_are_drawn_where_they_lie() -> None:
    drawn = _pixels(draw_boxes(np.zeros((50, 100)), np.array([[10, 20, 30, 60]], float), np.array([[0, 50, 50, 100]], float)))
    assert drawn.shape == (SIDE // 2, SIDE, 3)
    for colour, box in ((TRUTH, (10, 20, 30, 60)), (PREDICTION, (0, 50, 50, 100))):
        rows, columns = np.nonzero((drawn == colour).all(axis=2))
        ends = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        assert np.array(ends) / (SIDE / 100) == pytest.approx(box, abs=0.5)


def test_the_worst_are_drawn_once_an_image_and_named() -> None:
    pictures = draw_worst(IMAGES, lambda name: np.zeros((64, 64)), hit_rule(), most=1)
    assert [picture.caption for picture in pictures] == ["missed: a, size 400", "false alarm: b, score 0.800"]
    both = draw_worst(IMAGES, lambda name: np.zeros((64, 64)), hit_rule())
    assert [picture.caption[-1] for picture in both] == ["0", "0", "0", "0"] and len(both) == 4


def test_a_volume_is_drawn_at_the_middle_of_the_box_with_what_reaches_it() -> None:
    one = image("v", [((4, 0, 0, 6, 5, 5), 0.9)], [(2, 10, 10, 5, 20, 20)], dims=3)
    (missed,), (false,) = mistakes([one], hit_rule())
    pixels = np.zeros((8, 32, 32))
    picture = draw_mistake(missed, one, pixels)
    assert picture.caption == "missed: v, size 300, slice 4"
    assert not (_pixels(picture.png) == PREDICTION).all(axis=2).any()
    other = draw_mistake(false, one, pixels)
    assert other.caption == "false alarm: v, score 0.900, slice 6"
    assert (_pixels(other.png) == PREDICTION).all(axis=2).any() and not (_pixels(other.png) == TRUTH).all(axis=2).any()


def test_faint_boxes_are_left_out_of_the_picture() -> None:
    missed = mistakes(IMAGES, hit_rule(), least_score=0.95)[0][0]
    picture = draw_mistake(missed, IMAGES[0], np.zeros((64, 64)), least_score=0.95)
    assert not (_pixels(picture.png) == PREDICTION).all(axis=2).any()
