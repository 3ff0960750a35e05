"""The maps of single objects go along with the image, and slivers are left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.unit.training.augment.small import small_recipe
from training.augment.batch import geometry_of
from training.augment.draws import Draws
from training.augment.geometry import Geometry
from training.augment.objects import read_objects
from training.augment.place import draw_geometry, window_size
from training.augment.resample import read_patches
from training.data.case import GridCase
from training.recipe.parts.augment import Augment

_PATCH = (16, 20)


def _case(*boxes: tuple[int, int, int, int]) -> GridCase:
    instances = torch.zeros((32, 40), dtype=torch.int16)
    for number, (j0, i0, j1, i1) in enumerate(boxes, start=1):
        instances[j0:j1, i0:i1] = number
    return GridCase("case", instances[None].float(), None, None, instances, (1,) * len(boxes))


def _shifted(j: int, i: int) -> Geometry:
    matrix = np.eye(3)
    matrix[:2, 2] = j, i
    return Geometry((32, 40), _PATCH, matrix)


def test_a_map_is_cut_bit_for_bit_and_keeps_the_numbers() -> None:
    case = _case((0, 0, 4, 4), (10, 10, 16, 18))
    found = read_objects([case], [_shifted(8, 8)], window_size(_PATCH, Augment()))
    assert torch.equal(found[0], case.objects[8:24, 8:28].long()) and set(found.unique().tolist()) == {0, 2}


@pytest.mark.parametrize(
    ("corner", "shown"),
    [((10, 10), True), ((15, 10), True), ((17, 10), False), ((10, 17), False)],  # all, 3 of 8 rows, 1 row, 1 column
)
def test_an_object_of_which_too_little_is_left_goes(corner: tuple[int, int], shown: bool) -> None:
    case = _case((10, 10, 18, 18))
    found = read_objects([case], [_shifted(*corner)], window_size(_PATCH, Augment()))
    assert bool(found.any()) is shown


def test_a_line_of_one_voxel_stays() -> None:
    found = read_objects([_case((10, 10, 11, 18))], [_shifted(8, 8)], window_size(_PATCH, Augment()))
    assert int((found == 1).sum()) == 8


def test_under_every_change_the_map_lies_where_the_image_shows_the_object() -> None:
    rules = Augment.model_validate(
        {"mirror_axes": [0, 1], "rotate_deg": 30, "scale": [0.8, 1.25], "shift_voxels": 3, "elastic_voxels": 1}
    )
    case = _case((10, 12, 22, 28))
    for seed in range(8):
        generator = torch.Generator().manual_seed(seed)
        geometry = draw_geometry(case.image.shape[1:], (32, 40), rules, Draws(generator, rules))
        window = window_size((32, 40), rules)
        images, _ = read_patches([case], [geometry], window, 0)
        objects = read_objects([case], [geometry], window)
        image, there = images[0, 0], objects[0] > 0
        assert not geometry.exact and there.any()
        assert bool((image[there] > 0.2).all()) and bool((image[~there] < 0.8).all())  # nearest and linear agree off the rim


def test_focus_is_on_an_object() -> None:
    case, recipe = _case((2, 30, 6, 36)), small_recipe({}, _PATCH, foreground_share=1.0)
    for seed in range(5):
        geometry = geometry_of(case, recipe, torch.Generator().manual_seed(seed))
        assert bool(read_objects([case], [geometry], window_size(_PATCH, Augment())).any())
