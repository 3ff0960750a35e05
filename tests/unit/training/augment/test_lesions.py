from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.unit.training.augment.small import noise_case, seeded, small_recipe
from training.augment import draw_batch
from training.data.case import GridCase

RULES: dict[str, Any] = {"probability": 1, "label": 2, "radius_voxels": [3, 5], "contrast": [2, 2], "texture": 0}


def _empty(size: tuple[int, ...], class_index: int | None = None) -> GridCase:
    return GridCase("healthy", torch.zeros((1, *size)), torch.zeros(size, dtype=torch.uint8), class_index)


@pytest.mark.parametrize("size", [(40, 44), (20, 24, 22)])
def test_the_mask_is_what_the_lesion_covers_by_half(size: tuple[int, ...]) -> None:
    for seed in range(6):
        image, target = draw_batch([_empty(size)], small_recipe({"lesions": RULES}, size), [seeded(seed)])
        assert torch.equal(image[0, 0] >= 1, target[0] == 2) and set(target.unique().tolist()) == {0, 2}
        assert float(image.max()) == pytest.approx(2) and float(image.min()) == 0


@pytest.mark.parametrize(("dims", "content"), [(2, 3.14159), (3, 4.18879)])
def test_a_smooth_lesion_has_the_size_asked_for(dims: int, content: float) -> None:
    size = (64,) * dims
    rules = {**RULES, "irregular": 0, "radius_voxels": [6, 6], "inside": [1]}
    case = _empty(size)
    case.mask[(32,) * dims] = 1
    sizes = [int((draw_batch([case], small_recipe({"lesions": rules}, size), [seeded(s)])[1] == 2).sum()) for s in range(8)]
    shares = [n / (content * 6**dims) for n in sizes]  # each radius is drawn within a quarter
    assert 0.7**dims < min(shares) <= max(shares) < 1.3**dims and 0.75 < sum(shares) / 8 < 1.35


def test_the_rim_is_soft() -> None:
    image, _ = draw_batch([_empty((40, 40))], small_recipe({"lesions": {**RULES, "rim_voxels": 4}}, (40, 40)), [seeded(3)])
    values = image[0, 0][image[0, 0] > 0]
    assert int(((values > 0.3) & (values < 1.7)).sum()) > 20


def test_centres_lie_inside_the_labels_named_and_nothing_is_pasted_without_them() -> None:
    recipe = small_recipe({"lesions": {**RULES, "inside": [1], "count": [2, 2]}}, (30, 30))
    bare = _empty((30, 30))
    image, target = draw_batch([bare], recipe, [seeded(1)])
    assert not image.any() and not target.any()
    case = _empty((30, 30))
    case.mask[10:13, 10:13] = 1
    for seed in range(5):
        _, target = draw_batch([case], recipe, [seeded(seed)])
        assert int(target[0, 11, 11]) == 2


def test_in_a_classification_the_healthy_become_ill_and_nobody_else_changes() -> None:
    recipe = small_recipe({"lesions": {**RULES, "probability": 0.5}}, (20, 20), task="classification")
    healthy, ill = (GridCase("case", torch.zeros((1, 20, 20)), None, index) for index in (0, 1))
    images, classes = draw_batch([healthy] * 30 + [ill] * 5, recipe, [seeded(n) for n in range(35)])
    pasted = images.flatten(1).any(1)
    assert classes.dtype == torch.int64 and torch.equal(classes[:30], torch.where(pasted[:30], 2, 0))
    assert 6 <= int(pasted[:30].sum()) <= 24 and (classes[30:] == 1).all()


def test_the_case_itself_is_never_written_to() -> None:
    case = noise_case((20, 20))
    image, target = case.image.clone(), case.mask.clone()
    rules = {"lesions": RULES, "gamma": [2, 2], "cutout": 0.5, "coarsen": 1, "noise": 1}
    draw_batch([case] * 4, small_recipe(rules, (20, 20)), [seeded(n) for n in range(4)])
    assert torch.equal(case.image, image) and torch.equal(case.mask, target)
