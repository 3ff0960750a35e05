from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy import ndimage

from training.phantom.ellipses import Ellipse
from training.phantom.pictures import CLASSES, PictureKind, make_picture

KINDS: list[PictureKind] = ["fetal-head", "breast", "chest"]
SIZE = (72, 96)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_is_one_picture_and_two_seeds_are_two(kind: PictureKind) -> None:
    digests = [hashlib.sha256(make_picture(kind, seed, SIZE).pixels.tobytes()).hexdigest() for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]
    picture = make_picture(kind, 1, SIZE)
    assert picture.pixels.shape == picture.mask.shape == SIZE and picture.pixels.dtype == picture.mask.dtype == np.uint8
    assert set(np.unique(picture.mask)) <= {0, 1} and picture.pixels.std() > 10 and picture.spacing_mm > 0


def test_a_head_has_the_circumference_that_its_outline_measures() -> None:
    for seed in range(6):
        picture = make_picture("fetal-head", seed)
        edge = ndimage.gaussian_filter(picture.mask.astype(np.float64), 2)
        slope = np.hypot(*np.gradient(edge))
        measured = float(slope.sum()) * picture.spacing_mm  # the coarea formula: the length of the outline
        assert measured == pytest.approx(picture.truths["circumference_mm"], rel=0.01)
        assert 130 < picture.truths["circumference_mm"] < 330 and picture.class_index is None
        assert not picture.mask[[0, -1]].any() and not picture.mask[:, [0, -1]].any()


@pytest.mark.parametrize("half", [(10.0, 10.0), (30.0, 20.0), (5.0, 40.0)])
def test_circumference_in_closed_form(half: tuple[float, float]) -> None:
    angles = np.linspace(0, 2 * np.pi, 20001)
    steps = np.hypot(np.diff(half[0] * np.cos(angles)), np.diff(half[1] * np.sin(angles)))
    assert Ellipse((0, 0), half).circumference == pytest.approx(steps.sum(), rel=1e-6)


@pytest.mark.parametrize("kind", ["breast", "chest"])
def test_what_is_shown_is_what_was_asked_for(kind: PictureKind) -> None:
    for index in range(CLASSES[kind]):
        for seed in range(4):
            picture = make_picture(kind, seed, SIZE, class_index=index)
            assert picture.class_index == index and bool(picture.mask.any()) == (index > 0)
    assert {make_picture(kind, seed, SIZE).class_index for seed in range(20)} == set(range(CLASSES[kind]))


def test_a_lesion_is_darker_and_an_opacity_brighter_than_the_same_place_without() -> None:
    for seed in range(4):
        ill, well = (make_picture("breast", seed, class_index=index) for index in (1, 0))
        assert ill.pixels[ill.mask > 0].mean() < well.pixels[ill.mask > 0].mean()
        ill, well = (make_picture("chest", seed, class_index=index) for index in (1, 0))
        assert ill.pixels[ill.mask > 0].mean() > well.pixels[ill.mask > 0].mean()


def test_impossible_wishes_are_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        make_picture("chest", 1, (16, 64))
    with pytest.raises(ValueError, match="breast has no class 3"):
        make_picture("breast", 1, class_index=3)
